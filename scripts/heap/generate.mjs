// Fills its own heap and writes snapshots of it. scripts/heap/generate.sh runs
// it with enough memory:
//
//   node generate.mjs SHAPE AMOUNT FILE [AMOUNT FILE]...
//
// SHAPE is one of shapes below. AMOUNT is in the unit that the shape says, and
// for a second file the whole up to then: the files of one run are a series,
// oldest first, in which ids mean the same objects.
import v8 from 'node:v8';

// UNIT_BYTES is what one unit of the mix adds to a snapshot file of Node.js 24,
// START_BYTES what an empty program has.
const UNIT_BYTES = 1850;
const START_BYTES = 6e6;

class Line {
  constructor(n, product) {
    this.sku = `sku-${n}`;
    this.amount = n * 0.25;
    this.product = product;
  }
}

class Order {
  constructor(n, customer) {
    this.id = n;
    this.customer = customer;
    this.lines = [new Line(2 * n, customer), new Line(2 * n + 1, customer)];
    this.note = `order ${n} of ${new Date(n * 1e6).toISOString()}: leave at the door`;
  }
}

class Session {
  #secret;
  constructor(n) {
    this.#secret = `secret-${n}`;
    this.created = new Date(n);
    this.attributes = new Map([['user', `user-${n}`], ['visits', n]]);
    this.touch = () => this.#secret.length + n;
  }
}

const kept = [];
const sessions = new Map();
const tags = new Set();
const owners = new WeakMap();
let head = null;

// unit adds one of everything that services keep, in about 26 nodes.
function unit(n) {
  const customer = kept.length ? kept[kept.length - 1].customer : {name: 'first', city: 'Bern'};
  const order = new Order(n, n % 16 === 0 ? {name: `customer ${n}`, city: 'Zürich', ['shape' + (n % 40)]: n} : customer);
  const row = {customer: order.customer, order, status: n % 3 ? 'open' : 'paid', at: n + 0.5};
  kept.push(row);
  if (n % 2 === 0) sessions.set(`session-${n}`, new Session(n));
  if (n % 4 === 0) owners.set(row, {handler: () => row.status, seen: n});
  if (n % 8 === 0) {
    tags.add(`tag ${n} — ${'é'.repeat(n % 7)}`);
    row.text = row.order.note + row.status + n;
    row.wait = new Promise((resolve) => { row.resolve = resolve; });
  }
  if (n % 32 === 0) {
    row.bytes = Buffer.alloc(256 + (n % 512));
    row.view = new Float64Array(8);
    row.match = new RegExp(`^${n}$`, 'u');
    row.big = BigInt(n) ** 9n;
    row.key = Symbol(`symbol ${n}`);
    row.slice = row.order.note.slice(3, 40);
    row.failure = new Error(`failure ${n}`);
  }
  head = n % 5 === 0 ? {next: head, value: row} : head;
}

let filled = 0;
function fill(count, add) {
  for (; filled < count; filled++) add(filled);
}

// A loop makes one context an iteration, each with the closure before.
let chain = () => 0;
function link(n) {
  const before = chain;
  chain = () => before === chain ? n : 1;
}

// flat copies a text: V8 makes padded ones of pieces, which have no text of their own.
const flat = (text) => Buffer.from(text, 'latin1').toString('latin1');

const table = new Map();
const ticking = [];
const texts = [];

// shapes fill the heap up to an amount.
const shapes = {
  // what services keep; the amount is MB of the snapshot file
  mix: (megabytes) => fill((megabytes * 1e6 - START_BYTES) / UNIT_BYTES, unit),
  // closures of which each holds the one before; the amount is closures
  closures: (count) => fill(count, link),
  // a linked list; the amount is elements
  list: (count) => fill(count, (n) => { head = {next: head, n}; }),
  // one Map; the amount is entries
  map: (count) => fill(count, (n) => table.set(`key-${n}`, {n})),
  // timers that never fire in time, all in one list of Node.js; the amount is timers
  timers: (count) => fill(count, (n) => ticking.push(setTimeout(() => n, 1e9))),
  // long strings, all different; the amount is MB of the strings section
  strings: (megabytes) => fill(megabytes * 1e3, (n) => texts.push(flat(`${n}:`.padEnd(1000, 'lorem ipsum ')))),
};

const [shape, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(shapes, shape) || rest.length === 0 || rest.length % 2) {
  console.error('usage: generate.mjs SHAPE AMOUNT FILE [AMOUNT FILE]...');
  process.exit(2);
}
for (let i = 0; i < rest.length; i += 2) {
  shapes[shape](Number(rest[i]));
  v8.writeHeapSnapshot(rest[i + 1]);
}
process.exit(0);
