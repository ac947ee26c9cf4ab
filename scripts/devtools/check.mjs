// Loads heap snapshots into Chrome DevTools' own heap snapshot worker and prints
// what it sees as JSON. For tests; scripts/devtools.sh installs the worker.
//
//   node scripts/devtools/check.mjs [--marker=NAME] FILE...
//
// Needs Node.js 22 or newer. The files are one series, oldest first. Exit codes:
// 0 done, 1 a file does not load (the reason is on stderr), 2 wrong use,
// 3 the worker is not installed.
//
// Output: {schema, snapshots: [{file, nodes, edges, totalSize, maxJSObjectId,
// problems, classes: [{class, count, shallowSize, retainedSize, distance}]}],
// continuity: [{from, to, commonIds, sameKind, markers, sameId}]}
//
// continuity compares each file with the first, two numbers a rule:
//   commonIds, sameKind  ids of objects in both files; how many of them name
//                        an object of the same type and class in both
//   markers, sameId      values of the string property NAME that exactly one
//                        object of each file has; how many of these objects
//                        have the same id in both. 0, 0 without --marker
import fs from 'node:fs';
import path from 'node:path';
import {MessageChannel} from 'node:worker_threads';

const CHUNK_BYTES = 4 << 20;

const root = path.resolve(import.meta.dirname, '../..');
const tools = process.env.ECSHEAP_TOOLS || path.join(root, '.tools');
const manifest = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'package.json'), 'utf8'));
const version = manifest.devDependencies['chrome-devtools-frontend'];
const workerFile = path.join(tools, 'devtools', version, 'worker.mjs');

function fail(code, message) {
  console.error(message);
  process.exit(code);
}

const markerFlag = '--marker=';
const args = process.argv.slice(2);
const marker = args[0]?.startsWith(markerFlag) ? args.shift().slice(markerFlag.length) : '';
if (args.length === 0 || args[0].startsWith('-')) fail(2, 'usage: check.mjs [--marker=NAME] FILE...');
if (!fs.existsSync(workerFile)) fail(3, 'the DevTools worker is not installed: run scripts/devtools.sh');

// The worker warns of weakly held nodes, which are no fault: stderr is for faults.
console.warn = () => {};
const {HeapSnapshot, HeapSnapshotLoader} = await import(workerFile);

// load does what the worker's dispatcher does, with both halves in this thread.
async function load(file) {
  const problems = [];
  const dispatcher = {sendEvent: (name, data) => name === 'BrokenSnapshot' && problems.push(String(data))};
  const loader = new HeapSnapshotLoader.HeapSnapshotLoader(dispatcher);
  for await (const chunk of fs.createReadStream(file, {encoding: 'utf8', highWaterMark: CHUNK_BYTES})) {
    loader.write(chunk);
  }
  loader.close();
  const {port1, port2} = new MessageChannel();
  new HeapSnapshot.SecondaryInitManager(port2);
  const snapshot = await loader.buildSnapshot(port1);
  port1.close();
  return {snapshot, problems};
}

function classes(snapshot) {
  const aggregates = Object.values(snapshot.aggregatesWithFilter({}));
  return aggregates.map((a) => ({
    class: a.name, count: a.count, shallowSize: a.self, retainedSize: a.maxRet, distance: a.distance,
  }));
}

// objects returns the kind of every JavaScript object by id, and the id of the
// one object that has a marker, by marker. -1 stands for several objects.
function objects(snapshot) {
  const kinds = new Map();
  const marked = new Map();
  for (let i = 0; i < snapshot.nodes.length; i += snapshot.nodeFieldCount) {
    const node = snapshot.createNode(i);
    if (node.isSynthetic()) continue;
    kinds.set(node.id(), `${node.type()} ${node.className()}`);
    if (marker === '' || node.type() !== 'object') continue;
    for (const edges = node.edges(); edges.hasNext(); edges.next()) {
      const edge = edges.edge;
      if (edge.type() !== 'property' || edge.name() !== marker) continue;
      const target = edge.node();
      if (!target.type().endsWith('string')) continue;
      const value = target.name();
      marked.set(value, marked.has(value) ? -1 : node.id());
    }
  }
  return {kinds, marked};
}

function continuity(from, to) {
  const result = {from: from.file, to: to.file, commonIds: 0, sameKind: 0, markers: 0, sameId: 0};
  for (const [id, kind] of from.kinds) {
    const other = to.kinds.get(id);
    if (other === undefined) continue;
    result.commonIds++;
    if (other === kind) result.sameKind++;
  }
  for (const [value, id] of from.marked) {
    const other = to.marked.get(value);
    if (other === undefined || other === -1 || id === -1) continue;
    result.markers++;
    if (other === id) result.sameId++;
  }
  return result;
}

const report = {schema: 1, snapshots: [], continuity: []};
let first;
for (const file of args) {
  try {
    const {snapshot, problems} = await load(file);
    const {nodeCount: nodes, totalSize, maxJSObjectId} = snapshot.updateStaticData();
    const edges = snapshot.containmentEdges.length / snapshot.edgeFieldsCount;
    report.snapshots.push({file, nodes, edges, totalSize, maxJSObjectId, problems, classes: classes(snapshot)});
    const seen = {file, ...objects(snapshot)};
    if (first) report.continuity.push(continuity(first, seen));
    first ??= seen;
  } catch (error) {
    fail(1, `${file}: ${error.message}`);
  }
}
// The stream must be empty before the process ends: a pipe is written behind our back.
process.stdout.write(JSON.stringify(report) + '\n', () => process.exit(0));
