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
// DIR/oracle.json: {schema,
//   snapshots: [{file, nodes, edges, totalSize, maxJSObjectId, problems, statistics,
//     classes: [{key, class, location?, count, shallowSize, retainedSize, distance}],
//     duplicates: [{value, count, shallowSize, retainedSize}],
//     paths: [{id, steps: [{type, name, id}]}]}]        the first chain of the Retainers view, of some nodes
//   diffs: [{base, later, rows: [{key, class, newCount, deletedCount, countDelta, allocSize, freedSize, sizeDelta}]}],
//   between: [{from, to, in, classes: […as above]}]}    base, later, from, to, in are file numbers
import fs from 'node:fs';
import path from 'node:path';
import {EXIT_UNREADABLE, EXIT_USAGE, classes, fail, head, load} from './loader.mjs';

const OUT_FLAG = '--out=';
const ROWS_A_WRITE = 1 << 15;
// PATHS is how many nodes of a snapshot get their path: a prime number of steps
// between them meets all kinds of nodes.
const PATHS = 500;
// A distance from here on is that of a node which no root reaches.
const UNREACHABLE = 2 * 100_000_000;

// quoted returns a CSV field.
function quoted(text) {
  return /[",\r\n]/.test(text) || /^[ \t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// cached returns quoted for the string with an index of the snapshot.
function cached(snapshot) {
  const fields = [];
  return (index) => (fields[index] ??= quoted(snapshot.strings[index]));
}

function writeNodes(snapshot, file) {
  const out = fs.openSync(file, 'w', 0o600);
  const field = cached(snapshot);
  const node = snapshot.createNode(0);
  const dominator = snapshot.createNode(0);
  let text = 'ordinal,id,type,class,name,shallow,retained,distance,dominator_id,detachedness,raw_name\n';
  for (let ordinal = 0; ordinal < snapshot.nodeCount; ordinal++) {
    node.nodeIndex = ordinal * snapshot.nodeFieldCount;
    dominator.nodeIndex = node.dominatorIndex();
    const raw = field(node.rawNameIndex());
    const type = node.rawType();
    const composed = type === snapshot.nodeConsStringType || (type === snapshot.nodeObjectType && raw === 'Object');
    const name = composed ? quoted(node.name()) : raw;
    text += `${ordinal},${node.id()},${node.type()},${field(node.classIndex())},${name},${node.selfSize()},` +
      `${node.retainedSize()},${node.distance()},${dominator.id()},${node.detachedness()},${raw}\n`;
    if (ordinal % ROWS_A_WRITE === 0) {
      fs.writeSync(out, text);
      text = '';
    }
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
}

// retainer returns the first row below a node in the Retainers view, which is
// sorted by distance and then by name.
function retainer(snapshot, nodeIndex) {
  const provider = snapshot.createRetainingEdgesProvider(nodeIndex);
  if (provider.isEmpty()) return undefined;
  provider.sortAndRewind({fieldName1: '!edgeDistance', ascending1: true, fieldName2: 'name', ascending2: true});
  return provider.serializeItemsRange(0, 1).items[0];
}

// chain is what the Retainers view opens for a node, without its limit of 20 levels.
function chain(snapshot, nodeIndex) {
  const steps = [];
  for (const seen = new Set(); !seen.has(nodeIndex);) {
    seen.add(nodeIndex);
    const edge = retainer(snapshot, nodeIndex);
    if (!edge) break;
    steps.push({type: edge.type, name: edge.name, id: edge.node.id});
    if (edge.node.distance <= 1 || edge.node.distance >= UNREACHABLE) break;
    nodeIndex = edge.node.nodeIndex;
  }
  return steps;
}

function paths(snapshot) {
  const stride = Math.max(1, Math.floor(snapshot.nodeCount / PATHS)) | 1;
  const all = [];
  for (let ordinal = 0; ordinal < snapshot.nodeCount; ordinal += stride) {
    const nodeIndex = ordinal * snapshot.nodeFieldCount;
    all.push({id: snapshot.createNode(nodeIndex).id(), steps: chain(snapshot, nodeIndex)});
  }
  return all;
}

function duplicates(snapshot) {
  return snapshot.getDuplicateStrings().map((group) => ({
    value: group.value, count: group.count, shallowSize: group.totalSelfSize, retainedSize: group.totalRetainedSize,
  }));
}

// diff does what the Comparison view does, with the same detour over text.
function diff(base, later) {
  const differences = later.snapshot.calculateSnapshotDiff(base.n, base.snapshot.aggregatesForDiff(later.snapshot.interfaceDefinitions()));
  const rows = Object.entries(differences).map(([key, d]) => ({
    key, class: d.name, newCount: d.addedCount, deletedCount: d.removedCount, countDelta: d.countDelta,
    allocSize: d.addedSize, freedSize: d.removedSize, sizeDelta: d.sizeDelta,
  }));
  return {base: base.n, later: later.n, rows};
}

// between does what the filter "Objects allocated between … and …" of the Summary does.
function between(from, to, inside) {
  const filter = {minNodeId: from.snapshot.maxJsNodeId(), maxNodeId: to.snapshot.maxJsNodeId()};
  return {from: from.n, to: to.n, in: inside.n, classes: classes(inside.snapshot, filter)};
}

function series(loaded, report) {
  for (const later of loaded) {
    const before = loaded.slice(0, later.n - 1);
    for (const base of before) {
      report.diffs.push(diff(base, later));
      for (const to of loaded.slice(base.n, later.n)) report.between.push(between(base, to, later));
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

const report = {schema: 1, snapshots: [], diffs: [], between: []};
const loaded = [];
fs.mkdirSync(dir, {recursive: true, mode: 0o700});
for (const [i, file] of args.entries()) {
  const n = i + 1;
  try {
    const result = await load(file);
    const {snapshot} = result;
    writeNodes(snapshot, path.join(dir, `${n}.csv`));
    report.snapshots.push({
      ...head(file, result), statistics: snapshot.getStatistics(), classes: classes(snapshot),
      duplicates: duplicates(snapshot), paths: paths(snapshot),
    });
    if (!alone) loaded.push({n, snapshot});
  } catch (error) {
    fail(EXIT_UNREADABLE, `${file}: ${error.message}`);
  }
}
series(loaded, report);
fs.writeFileSync(path.join(dir, 'oracle.json'), `${JSON.stringify(report)}\n`, {mode: 0o600});
// Threads and ports of the worker would keep the process alive.
process.exit(0);
