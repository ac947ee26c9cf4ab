'use strict';
// Loads a heap snapshot with memlab, which computes dominators and retained
// sizes, and prints {schema, nodes, totalSize, classes: [{class, count,
// shallowSize}]}. For benchmarks; scripts/bench-heap.sh installs memlab.
//
//   NODE_PATH=…/node_modules node --max-old-space-size=MB scripts/heap/memlab.cjs FILE
const fs = require('fs');
const {getFullHeapFromFile} = require('@memlab/heap-analysis');

async function main(file) {
  const heap = await getFullHeapFromFile(file);
  const classes = new Map();
  let nodes = 0;
  let totalSize = 0;
  heap.nodes.forEach((node) => {
    nodes++;
    if (node.id === 1) totalSize = node.retainedSize;
    const name = node.type === 'object' ? node.name : `(${node.type})`;
    const row = classes.get(name) || {class: name, count: 0, shallowSize: 0};
    row.count++;
    row.shallowSize += node.self_size;
    classes.set(name, row);
  });
  return {schema: 1, nodes, totalSize, classes: [...classes.values()]};
}

// memlab draws on stdout.
process.stdout.write = () => true;

main(process.argv[2]).then((summary) => {
  fs.writeSync(1, `${JSON.stringify(summary)}\n`);
  process.exit(0);
}, (error) => {
  console.error(error.message);
  process.exit(1);
});
