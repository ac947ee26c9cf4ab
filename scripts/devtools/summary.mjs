// Loads a heap snapshot as Chrome DevTools does, with two threads, and prints
// its Summary as JSON: {schema, nodes, edges, totalSize, classes: […]}. For
// benchmarks; scripts/devtools.sh installs the worker.
//
//   node --max-old-space-size=MB scripts/devtools/summary.mjs FILE
//
// Exit codes as those of check.mjs.
import {EXIT_UNREADABLE, EXIT_USAGE, classes, fail, head, load} from './loader.mjs';

const [file, ...rest] = process.argv.slice(2);
if (!file || rest.length > 0) fail(EXIT_USAGE, 'usage: summary.mjs FILE');
try {
  const loaded = await load(file, {threads: 2});
  const {nodes, edges, totalSize} = head(file, loaded);
  process.stdout.write(`${JSON.stringify({schema: 1, nodes, edges, totalSize, classes: classes(loaded.snapshot)})}\n`, () => process.exit(0));
} catch (error) {
  fail(EXIT_UNREADABLE, `${file}: ${error.message ?? error}`);
}
