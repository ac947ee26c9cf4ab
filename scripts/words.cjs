// The names of V8's and Node.js's own code, one a line: what a program of nothing but
// Node.js's modules has as names of properties, functions, variables, classes and
// symbols. scripts/words.sh runs it in each version.
//
//   node scripts/words.cjs FILE     FILE is for the snapshot, and is overwritten
'use strict';
const fs = require('fs');
const v8 = require('v8');
const {builtinModules} = require('module');

const MIN = 4; // shorter names tell nothing: redact keeps them anyway
const MAX = 80; // few are longer
const word = /^[A-Za-z_$][\w$-]*$/; // headers have dashes
const names = new Set();
const dir = __dirname; // of a random name: keys of the modules' cache have it
const add = (text) => {
  if (String(text).includes(dir)) return;
  for (const name of String(text).split(/[. /()<>:,]+/)) {
    if (name.length >= MIN && name.length <= MAX && word.test(name)) names.add(name);
  }
};

// All keys that can be reached without running a getter.
const seen = new Set();
const walk = (object) => {
  const open = [object];
  while (open.length > 0) {
    const at = open.pop();
    if (at === null || typeof at !== 'object' && typeof at !== 'function' || seen.has(at) || ArrayBuffer.isView(at)) continue;
    if (at === process.env || at === names || at === seen) continue;
    seen.add(at);
    open.push(Object.getPrototypeOf(at));
    for (const key of Reflect.ownKeys(at)) {
      add(typeof key === 'symbol' ? key.description : key);
      const property = Object.getOwnPropertyDescriptor(at, key);
      if (property && 'value' in property) open.push(property.value);
      if (key === Symbol.toStringTag && property) add(property.value);
      if (property && property.get) open.push(property.get, property.set);
    }
  }
};
walk(globalThis);
for (const name of builtinModules) {
  try {
    walk(require(name));
  } catch {
    // Some may not be loaded.
  }
}
for (const object of [function* () {}, async function () {}, async function* () {}, new Map().entries(), new Set().entries(), [].entries(), ''[Symbol.iterator](), /a/g[Symbol.matchAll]('')]) walk(object);

// And what only the engine sees: the internals of Node.js, which a snapshot shows.
const file = process.argv[process.argv.length - 1];
seen.clear();
v8.writeHeapSnapshot(file);
const {snapshot: {meta}, nodes, edges, strings} = JSON.parse(fs.readFileSync(file, 'utf8'));
// The names of the other nodes are contents, or paths.
const named = new Set(['closure', 'object', 'symbol', 'hidden', 'array', 'synthetic', 'native', 'object shape', 'number']);
const nodeTypes = meta.node_types[meta.node_fields.indexOf('type')];
for (let i = 0; i < nodes.length; i += meta.node_fields.length) {
  if (named.has(nodeTypes[nodes[i + meta.node_fields.indexOf('type')]])) add(strings[nodes[i + meta.node_fields.indexOf('name')]]);
}
const edgeTypes = meta.edge_types[meta.edge_fields.indexOf('type')];
for (let i = 0; i < edges.length; i += meta.edge_fields.length) {
  const type = edgeTypes[edges[i + meta.edge_fields.indexOf('type')]];
  // An internal edge may have the names of the key and the value of a WeakMap in it.
  const name = strings[edges[i + meta.edge_fields.indexOf('name_or_index')]];
  if (type === 'property' || type === 'context' || type === 'internal' && /^\w+$/.test(name)) add(name);
}
process.stdout.write([...names].join('\n') + '\n');
