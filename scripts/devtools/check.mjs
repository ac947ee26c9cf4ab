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
// problems, classes: [{key, class, location?, count, shallowSize, retainedSize, distance}]}],
// continuity: [{from, to, commonIds, sameKind, markers, sameId}]}
//
// continuity compares each file with the first, two numbers a rule:
//   commonIds, sameKind  ids of objects in both files; how many of them name
//                        an object of the same type and class in both
//   markers, sameId      values of the string property NAME that exactly one
//                        object of each file has; how many of these objects
//                        have the same id in both. 0, 0 without --marker
import {EXIT_UNREADABLE, EXIT_USAGE, classes, fail, head, load} from './loader.mjs';

const markerFlag = '--marker=';
const args = process.argv.slice(2);
const marker = args[0]?.startsWith(markerFlag) ? args.shift().slice(markerFlag.length) : '';
if (args.length === 0 || args[0].startsWith('-')) fail(EXIT_USAGE, 'usage: check.mjs [--marker=NAME] FILE...');

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
    const loaded = await load(file);
    const {snapshot} = loaded;
    report.snapshots.push({...head(file, loaded), classes: classes(snapshot)});
    const seen = {file, ...objects(snapshot)};
    if (first) report.continuity.push(continuity(first, seen));
    first ??= seen;
  } catch (error) {
    fail(EXIT_UNREADABLE, `${file}: ${error.message}`);
  }
}
// The stream must be empty before the process ends: a pipe is written behind our back.
process.stdout.write(JSON.stringify(report) + '\n', () => process.exit(0));
