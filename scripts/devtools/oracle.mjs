// Writes down what Chrome DevTools' own heap snapshot worker computes of heap
// snapshots: every node, every class, every comparison. For tests;
// scripts/devtools.sh installs the worker.
//
//   node scripts/devtools/oracle.mjs --out=DIR [--no-series] FILE...
//
// Needs Node.js 22 or newer, and --max-old-space-size for files above some
// 300 MB. The files are one series, oldest first, numbered from 1. Exit codes: 0
// done, 1 a file does not load (the reason is on stderr), 2 wrong use, 3 the
// worker is not installed. --no-series leaves out what needs several snapshots
// in memory at once: diffs and between.
//
// DIR/<n>.csv has one row a node in file order, with a header:
//   ordinal,id,type,class,name,shallow,retained,distance,dominator_id,detachedness,raw_name
// name is what the views of DevTools show, raw_name the string of the file. Lone
// surrogates come out as U+FFFD, as they do wherever DevTools shows them.
//
// DIR/oracle.jsonl is all else, one JSON object with one key a line: big snapshots have
// more to say than a string of JavaScript can hold. What a line belongs to stands before it:
//   {"snapshot": {file, nodes, edges, totalSize, maxJSObjectId, problems, statistics}}
//     {"class": {key, class, location?, count, shallowSize, retainedSize, distance}}
//     {"duplicate": {value, count, shallowSize, retainedSize}}
//     {"path": {id, length}}              the first chain of the Retainers view, of some nodes
//       {"step": {type, name, id}}        up to where it meets an earlier one; length is that of the whole
//   {"diff": {base, later}}
//     {"row": {key, class, newCount, deletedCount, countDelta, allocSize, freedSize, sizeDelta}}
//   {"between": {from, to, in}}           base, later, from, to, in are file numbers
//     {"class": {…as above}}
//   {"end": true}                         so that a cut file is noticed
import fs from 'node:fs';
import path from 'node:path';
import {EXIT_UNREADABLE, EXIT_USAGE, classes, fail, head, load} from './loader.mjs';

const OUT_FLAG = '--out=';
// WRITE_CHARS is how much text is gathered for a write.
const WRITE_CHARS = 1 << 20;
// PATHS is how many nodes of a snapshot get their path: a prime number of steps
// between them meets all kinds of nodes.
const PATHS = 500;
// LONG_PATHS is how many of them may be of more than LONG steps: the first goes
// through most that is in a list of millions, and who compares walks them all.
const LONG_PATHS = 10;
const LONG = 50_000;
// A distance from SYSTEM on is that of a node which no global reaches, from
// UNREACHABLE on that of a node which no root reaches.
const SYSTEM = 100_000_000;
const UNREACHABLE = 2 * SYSTEM;

// quoted returns a CSV field.
function quoted(text) {
  return /[",\r\n]/.test(text) || /^[ \t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// cached returns quoted for the string with an index of the snapshot.
function cached(snapshot) {
  const fields = [];
  return (index) => (fields[index] ??= quoted(snapshot.strings[index]));
}

// Output is a text file that is written in large pieces.
class Output {
  #file;
  #text = '';

  constructor(name) {
    this.#file = fs.openSync(name, 'w', 0o600);
  }

  write(text) {
    this.#text += text;
    if (this.#text.length >= WRITE_CHARS) this.#flush();
  }

  // line writes an object of one key.
  line(key, value) {
    this.write(`{"${key}":${JSON.stringify(value)}}\n`);
  }

  #flush() {
    fs.writeFileSync(this.#file, this.#text); // of a descriptor: all of it, from where it stands
    this.#text = '';
  }

  close() {
    this.#flush();
    fs.closeSync(this.#file);
  }
}

function writeNodes(snapshot, name) {
  const out = new Output(name);
  const field = cached(snapshot);
  const node = snapshot.createNode(0);
  const dominator = snapshot.createNode(0);
  out.write('ordinal,id,type,class,name,shallow,retained,distance,dominator_id,detachedness,raw_name\n');
  for (let ordinal = 0; ordinal < snapshot.nodeCount; ordinal++) {
    node.nodeIndex = ordinal * snapshot.nodeFieldCount;
    dominator.nodeIndex = node.dominatorIndex();
    const raw = field(node.rawNameIndex());
    const type = node.rawType();
    const composed = type === snapshot.nodeConsStringType || (type === snapshot.nodeObjectType && raw === 'Object');
    const name = composed ? quoted(node.name()) : raw;
    out.write(`${ordinal},${node.id()},${node.type()},${field(node.classIndex())},${name},${node.selfSize()},` +
      `${node.retainedSize()},${node.distance()},${dominator.id()},${node.detachedness()},${raw}\n`);
  }
  out.close();
}

// retainer returns the first row below a node in the Retainers view, which is
// sorted by distance and then by name.
function retainer(snapshot, nodeIndex) {
  const provider = snapshot.createRetainingEdgesProvider(nodeIndex);
  if (provider.isEmpty()) return undefined;
  provider.sortAndRewind({fieldName1: '!edgeDistance', ascending1: true, fieldName2: 'name', ascending2: true});
  return provider.serializeItemsRange(0, 1).items[0];
}

// chain is what the Retainers view opens for a node, without its limit of 20
// levels. lengths has, by ordinal, how long the chains are that are known: a new
// one ends where it meets one of them, or lists of millions would be written
// again and again.
function chain(snapshot, start, lengths) {
  const at = (nodeIndex) => nodeIndex / snapshot.nodeFieldCount;
  const steps = [];
  const seen = new Set();
  let known = 0;
  for (let nodeIndex = start; ;) {
    if (seen.has(nodeIndex)) return {length: steps.length, steps}; // a circle: another one from each of its nodes
    known = lengths[at(nodeIndex)];
    if (known > 0) break;
    seen.add(nodeIndex);
    const edge = retainer(snapshot, nodeIndex);
    if (!edge) break;
    steps.push({type: edge.type, name: edge.name, id: edge.node.id});
    if (edge.node.distance <= 1 || edge.node.distance >= UNREACHABLE) break;
    nodeIndex = edge.node.nodeIndex;
  }
  const length = steps.length + known;
  let left = length;
  for (const nodeIndex of seen) lengths[at(nodeIndex)] = left--;
  return {length, steps};
}

// sample returns nodes of all the file, the deepest first: the long chains come
// out in one piece.
function sample(snapshot) {
  const stride = Math.max(1, Math.floor(snapshot.nodeCount / PATHS)) | 1;
  const nodes = [];
  for (let ordinal = 0; ordinal < snapshot.nodeCount; ordinal += stride) {
    const node = snapshot.createNode(ordinal * snapshot.nodeFieldCount);
    nodes.push({nodeIndex: node.nodeIndex, id: node.id(), depth: node.distance() % SYSTEM});
  }
  nodes.sort((a, b) => b.depth - a.depth);
  return nodes.filter(({depth}, i) => depth <= LONG || i < LONG_PATHS);
}

function writePaths(snapshot, out) {
  const lengths = new Uint32Array(snapshot.nodeCount);
  for (const {nodeIndex, id} of sample(snapshot)) {
    const {length, steps} = chain(snapshot, nodeIndex, lengths);
    out.line('path', {id, length});
    for (const step of steps) out.line('step', step);
  }
}

function writeDuplicates(snapshot, out) {
  for (const group of snapshot.getDuplicateStrings()) {
    out.line('duplicate', {
      value: group.value, count: group.count, shallowSize: group.totalSelfSize, retainedSize: group.totalRetainedSize,
    });
  }
}

function writeClasses(rows, out) {
  for (const row of rows) out.line('class', row);
}

// writeDiff does what the Comparison view does, with the same detour over text.
function writeDiff(base, later, out) {
  const differences = later.snapshot.calculateSnapshotDiff(base.n, base.snapshot.aggregatesForDiff(later.snapshot.interfaceDefinitions()));
  out.line('diff', {base: base.n, later: later.n});
  for (const [key, d] of Object.entries(differences)) {
    out.line('row', {
      key, class: d.name, newCount: d.addedCount, deletedCount: d.removedCount, countDelta: d.countDelta,
      allocSize: d.addedSize, freedSize: d.removedSize, sizeDelta: d.sizeDelta,
    });
  }
}

// writeBetween does what the filter "Objects allocated between … and …" of the
// Summary does.
function writeBetween(from, to, inside, out) {
  const filter = {minNodeId: from.snapshot.maxJsNodeId(), maxNodeId: to.snapshot.maxJsNodeId()};
  out.line('between', {from: from.n, to: to.n, in: inside.n});
  writeClasses(classes(inside.snapshot, filter), out);
}

function writeSeries(loaded, out) {
  for (const later of loaded) {
    const before = loaded.slice(0, later.n - 1);
    for (const base of before) {
      writeDiff(base, later, out);
      for (const to of loaded.slice(base.n, later.n)) writeBetween(base, to, later, out);
    }
  }
}

const args = process.argv.slice(2);
const flag = (name) => {
  const at = args.findIndex((arg) => arg.startsWith(name));
  return at < 0 ? undefined : args.splice(at, 1)[0].slice(name.length);
};
const dir = flag(OUT_FLAG);
const alone = flag('--no-series') !== undefined;
if (!dir || args.length === 0 || args[0].startsWith('-')) fail(EXIT_USAGE, 'usage: oracle.mjs --out=DIR [--no-series] FILE...');

const loaded = [];
fs.mkdirSync(dir, {recursive: true, mode: 0o700});
const out = new Output(path.join(dir, 'oracle.jsonl'));
for (const [i, file] of args.entries()) {
  const n = i + 1;
  try {
    const result = await load(file);
    const {snapshot} = result;
    writeNodes(snapshot, path.join(dir, `${n}.csv`));
    out.line('snapshot', {...head(file, result), statistics: snapshot.getStatistics()});
    writeClasses(classes(snapshot), out);
    writeDuplicates(snapshot, out);
    writePaths(snapshot, out);
    if (!alone) loaded.push({n, snapshot});
  } catch (error) {
    fail(EXIT_UNREADABLE, `${file}: ${error.message}`);
  }
}
writeSeries(loaded, out);
out.line('end', true);
out.close();
// Threads and ports of the worker would keep the process alive.
process.exit(0);
