'use strict';
// Fills the heap with objects of one shape until it uses about so many MB
// (10^6 bytes) more than an empty Node.js: node shapes.js SHAPE MB. The same
// arguments make the same objects every time. Prints "shaped SHAPE MB".
//
// The shapes differ in what a snapshot costs, not in what they mean: mix is
// what services look like, the others each take one thing to its extreme.
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
// one item takes (measured on Node.js 22).
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
};

// A name such as map+strings stands for half of each.
const parts = shape.split('+');
globalThis.kept = parts.map((part) => {
  const {bytes, fill} = shapes[part];
  return fill(Math.round((megabytes * 1e6) / parts.length / bytes));
});
console.log(`shaped ${shape} ${megabytes}`);
process.stdin.on('end', () => process.exit(0)).resume();
