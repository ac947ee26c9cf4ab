'use strict';
// Runs an app of the folder apps for a test that drives it through the
// inspector. For Node.js 14 and newer.
//
//   node --inspect=127.0.0.1:0 run.cjs APP
//
// An app exports step(n), which may be async: step 1, 2 … of it each add to the
// heap. Here it is globalThis.step, from "ready" on.
//
// A session of inspector.Session in the process itself would not do: with
// allocation tracking, JavaScript that runs while V8 writes a snapshot breaks it.
const path = require('path');
const {pathToFileURL} = require('url');

process.stdin.on('end', () => process.exit(0)).resume();

import(pathToFileURL(path.resolve(process.argv[2])).href).then(({step}) => {
  globalThis.step = step;
  console.log('ready');
}, (error) => {
  console.error(error);
  process.exit(1);
});
