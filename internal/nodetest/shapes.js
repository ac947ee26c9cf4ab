'use strict';
// Fills the heap with objects of one shape until it uses about so many MB
// (10^6 bytes) more than an empty Node.js: node shapes.js SHAPE MB. The same
// arguments make the same objects every time. Prints "shaped SHAPE MB".
//
// The shapes differ in what a snapshot costs, not in what they mean: mix is
// what services look like, those up to array each take one thing to its extreme,
// those after it are what real programs keep.
const [shape, megabytes] = [process.argv[2] || 'mix', Number(process.argv[3] || 60)];

// CHUNK is how many items stand in one array: small enough that the array is
// an ordinary object, as in a service that keeps its data in pieces.
const CHUNK = 1000;

// noise returns a text of the given length, other for every n, that compresses
// like the random parts of real strings: not well.
function noise(n, length) {
  let text = '';
  for (let x = (n * 2654435761) >>> 0; text.length < length; ) {
    x = (Math.imul(x ^ (x >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    text += x.toString(36);
  }
  // Going through a Buffer makes it one flat string instead of a tree of parts.
  return Buffer.from(text.slice(0, length), 'latin1').toString('latin1');
}

class Line {
  constructor(n) {
    this.sku = `sku-${n}`;
    this.amount = n + 0.25;
  }
}

class Order {
  constructor(n) {
    this.id = `order-${n}`;
    this.at = new Date(1.7e12 + n);
    this.lines = [new Line(2 * n), new Line(2 * n + 1)];
    this.note = noise(n, 200);
    this.tags = {paid: n % 2 === 0, region: `r${n % 7}`};
  }
}

class Link {
  constructor(n, next) {
    this.key = `k${n}`;
    this.value = n + 0.5;
    this.next = next;
  }
}

// slices is the text that the shape of that name cuts at the moment.
let slices = '';

function listener(n) {
  const seen = {n, at: n + 0.5};
  return (event) => event === seen.n && seen.at;
}

const chunked = (make) => (count) => {
  const chunks = [];
  for (let n = 0; n < count; n++) {
    if (n % CHUNK === 0) chunks.push([]);
    chunks[chunks.length - 1].push(make(n));
  }
  return chunks;
};

// Each shape: how it is filled with so many items, and the bytes of heap that
// one item takes (measured on Node.js 22). That of series are as many again
// outside of V8's heap.
const shapes = {
  mix: {bytes: 735, fill: chunked((n) => new Order(n))},
  tiny: {bytes: 131, fill: chunked((n) => ({a: {n, half: n + 0.5}, s: `t${n}`}))},
  strings: {bytes: 1030, fill: chunked((n) => noise(n, 1000))},
  texts: {bytes: 50100, fill: chunked((n) => noise(n, 50000))},
  closures: {bytes: 163, fill: chunked(listener)},
  buffers: {bytes: 195, fill: chunked((n) => new Uint8Array(new ArrayBuffer(64 + (n % 64))))},
  map: {
    bytes: 112,
    fill: (count) => {
      const map = new Map();
      for (let n = 0; n < count; n++) map.set(`key-${n}`, {n});
      return map;
    },
  },
  dictionary: {
    bytes: 121,
    fill: (count) => {
      const dictionary = {};
      for (let n = 0; n < count; n++) dictionary[`key-${n}`] = {n};
      return dictionary;
    },
  },
  array: {
    bytes: 64,
    fill: (count) => {
      const array = [];
      for (let n = 0; n < count; n++) array.push({n, half: n + 0.5});
      return array;
    },
  },
  // One large array of records that each hold small ones: most caches.
  records: {
    bytes: 336,
    fill: (count) => {
      const array = [];
      for (let n = 0; n < count; n++) array.push({id: n, tags: [`t${n % 50}`, `u${n}`], points: [n, n + 1, n + 2], parts: [{n}]});
      return array;
    },
  },
  // A store of sessions: a Map by id, a Map in each, texts that were put together.
  sessions: {
    bytes: 705,
    fill: (count) => {
      const store = new Map();
      for (let n = 0; n < count; n++) {
        const id = `session-${n}`;
        const data = new Map([['user', {id: n, name: `user ${n}`}], ['cart', [n, n + 1]], ['seen', 1.7e12 + n]]);
        store.set(id, {id, data, trail: '/shop/' + id + '/cart/' + n, agent: 'Mozilla/5.0 ' + noise(n, 60)});
      }
      return store;
    },
  },
  // Parsed JSON, as answers of other services that are kept.
  documents: {
    bytes: 812,
    fill: chunked((n) => JSON.parse(JSON.stringify({
      id: n, type: 'order', customer: {id: n * 7, name: `Customer ${n}`, address: {street: noise(n, 30), city: `City ${n % 300}`, at: [n / 7, n / 11]}},
      items: [1, 2, 3].map((i) => ({sku: `sku-${n}-${i}`, price: n + i / 4, quantity: i, options: {gift: i === 1, note: null}})),
    }))),
  },
  // Trees like a document's: parents, children, attributes.
  trees: {
    bytes: 225,
    fill: (count) => {
      const FANOUT = 6;
      const all = [];
      for (let n = 0; n < count; n++) {
        const parent = n % CHUNK === 0 ? null : all[n - (n % CHUNK) + Math.floor(((n % CHUNK) - 1) / FANOUT)];
        const node = {tag: ['div', 'span', 'li'][n % 3], attributes: {id: `e${n}`, class: `c${n % 90}`}, style: null, parent, children: [], text: n % 4 ? null : `text ${n}`};
        if (parent) parent.children.push(node);
        all.push(node);
      }
      return all.filter((node) => !node.parent);
    },
  },
  // Numbers in typed arrays, found by Maps: series of measurements.
  series: {
    bytes: 484,
    fill: chunked((n) => ({name: `series.${n}`, values: new Float64Array(64).fill(n), labels: new Map([['host', `h${n % 40}`], ['n', n]])})),
  },
  // Small closures in Maps: listeners and callbacks by name.
  callbacks: {
    bytes: 374,
    fill: chunked((n) => new Map([[`on-${n}`, listener(n)]])),
  },
  // Instances of a class, each held by the one before.
  list: {
    bytes: 88,
    fill: (count) => {
      let head = null;
      for (let n = 0; n < count; n++) head = new Link(n, head);
      return head;
    },
  },
  // Pieces of long texts, which each hold the whole: what parsers make.
  slices: {
    bytes: 122,
    fill: chunked((n) => {
      if (n % CHUNK === 0) slices = noise(n, 40 * CHUNK);
      return {line: n, text: slices.slice(40 * (n % CHUNK), 40 * (n % CHUNK) + 30)};
    }),
  },
};

// A name such as map+strings stands for half of each.
const parts = shape.split('+');
globalThis.kept = parts.map((part) => {
  const {bytes, fill} = shapes[part];
  return fill(Math.round((megabytes * 1e6) / parts.length / bytes));
});
console.log(`shaped ${shape} ${megabytes}`);
process.stdin.on('end', () => process.exit(0)).resume();
