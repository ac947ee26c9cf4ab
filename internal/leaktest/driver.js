'use strict';
// The traffic of an app of this folder, and its snapshots:
//
//   node --require driver.js APP STEP...
//
// APP is the main program, as it is in production; this file only sends it
// requests. An app exports
//
//   request(i)      serves request number i, may be async
//   beforeShot(n)   optional: brings it into the state that snapshot n is to find
//   afterShot(n)    optional: ends that state
//
// The steps are "load N", which serves N requests and waits until all is at rest,
// and "snap FILE". No inspector session is opened: object ids continue.
const http = require('http');
const path = require('path');
const v8 = require('v8');
const {pathToFileURL} = require('url');

const LANES = 8; // requests at a time
const REST_MS = 40; // longer than any timer of an app that is to run out

// A snapshot on a busy machine takes longer than the five seconds after which a server
// closes a connection that is kept, perhaps just when the client uses it again.
const {listen} = http.Server.prototype;
http.Server.prototype.listen = function (...args) {
  this.keepAliveTimeout = 0;
  return listen.apply(this, args);
};

const words = process.argv.slice(2);
const rest = () => new Promise((resolve) => setTimeout(() => setImmediate(resolve), REST_MS));

let served = 0;
let shots = 0;

async function load(app, count) {
  const end = served + count;
  while (served < end) {
    const lanes = [];
    while (lanes.length < LANES && served < end) lanes.push(app.request(served++));
    await Promise.all(lanes);
  }
  await rest();
}

async function snap(app, file) {
  const n = ++shots;
  if (app.beforeShot) await app.beforeShot(n);
  v8.writeHeapSnapshot(file);
  if (app.afterShot) await app.afterShot(n);
}

async function drive() {
  const file = path.resolve(process.argv[1]);
  const app = file.endsWith('.mjs') ? await import(pathToFileURL(file).href) : process.mainModule.exports;
  if (app.ready) await app.ready;
  for (let i = 0; i < words.length; i += 2) {
    if (words[i] === 'load') await load(app, Number(words[i + 1]));
    else if (words[i] === 'snap') await snap(app, words[i + 1]);
    else throw new Error(`no such step: ${words[i]}`);
  }
  process.stdout.write('driven\n', () => process.exit(0));
}

// Not before the main program is there.
setImmediate(() => drive().catch((error) => {
  console.error(error);
  process.exit(1);
}));
process.stdin.on('end', () => process.exit(0)).resume(); // never outlives the test
