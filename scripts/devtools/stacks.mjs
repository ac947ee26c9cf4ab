// Prints the allocation stacks that Chrome DevTools' own heap snapshot worker has
// of a heap snapshot. For tests; scripts/devtools.sh installs the worker.
//
//   node scripts/devtools/stacks.mjs FILE
//
// Needs Node.js 22 or newer. Exit codes: 0 done, 1 the file does not load (the
// reason is on stderr), 2 wrong use, 3 the worker is not installed.
//
// Output: {stacks: {TRACE: [[function, script, scriptId, line, column]]}, nodes: [TRACE]}
//
// stacks has the innermost function first, the root of the tree last. nodes has
// one entry a node in file order; 0 is one without a stack.
import {EXIT_UNREADABLE, EXIT_USAGE, fail, load} from './loader.mjs';

const [file, ...more] = process.argv.slice(2);
if (!file || file.startsWith('-') || more.length > 0) fail(EXIT_USAGE, 'usage: stacks.mjs FILE');

const out = {stacks: {}, nodes: []};
try {
  const {snapshot} = await load(file);
  const node = snapshot.createNode(0);
  for (let i = 0; i < snapshot.nodeCount; i++) {
    node.nodeIndex = i * snapshot.nodeFieldCount;
    const stack = snapshot.allocationStack(node.nodeIndex);
    const trace = stack ? node.traceNodeId() : 0;
    out.nodes.push(trace);
    if (stack) out.stacks[trace] ??= stack.map((f) => [f.functionName, f.scriptName, f.scriptId, f.line, f.column]);
  }
} catch (error) {
  fail(EXIT_UNREADABLE, `${file}: ${error.message}`);
}
// The stream must be empty before the process ends: a pipe is written behind our back.
process.stdout.write(JSON.stringify(out) + '\n', () => process.exit(0));
