// Chrome DevTools' own heap snapshot worker under Node.js 22 or newer: what the
// scripts beside this file share. scripts/devtools.sh installs the worker.
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {MessageChannel, Worker} from 'node:worker_threads';

// DevTools itself cuts a file into pieces of 10 MB; smaller ones cost less memory.
const CHUNK_BYTES = 4 << 20;

// Exit codes of the scripts.
export const EXIT_UNREADABLE = 1; // a file does not load, the reason is on stderr
export const EXIT_USAGE = 2;
export const EXIT_MISSING = 3; // the worker is not installed

export function fail(code, message) {
  console.error(message);
  process.exit(code);
}

function findWorker() {
  const root = path.resolve(import.meta.dirname, '../..');
  const tools = process.env.ECSHEAP_TOOLS || path.join(root, '.tools');
  const manifest = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'package.json'), 'utf8'));
  const file = path.join(tools, 'devtools', manifest.devDependencies['chrome-devtools-frontend'], 'worker.mjs');
  if (!fs.existsSync(file)) fail(EXIT_MISSING, 'the DevTools worker is not installed: run scripts/devtools.sh');
  return file;
}

// workerFile is the path of the bundled worker.
export const workerFile = findWorker();

// The worker warns of weakly held nodes, which are no fault: stderr is for faults.
console.warn = () => {};
const {HeapSnapshot, HeapSnapshotLoader} = await import(workerFile);

// secondHalf computes dominators and retained sizes behind port: in this thread,
// which needs less memory, or in one of its own, which is what Chrome does.
function secondHalf(port, threads) {
  if (threads === 1) {
    new HeapSnapshot.SecondaryInitManager(port);
    return () => {};
  }
  const source = `
    import {workerData} from 'node:worker_threads';
    const {HeapSnapshot} = await import(workerData.file);
    new HeapSnapshot.SecondaryInitManager(workerData.port);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: {file: pathToFileURL(workerFile).href, port}, transferList: [port],
    // A thread does not inherit --max-old-space-size.
    resourceLimits: {maxOldGenerationSizeMb: 1 << 16},
  });
  return () => worker.terminate();
}

// load does what the worker's dispatcher does with a file. problems are what
// DevTools reports as a broken snapshot.
export async function load(file, {threads = 1} = {}) {
  const problems = [];
  const dispatcher = {sendEvent: (name, data) => name === 'BrokenSnapshot' && problems.push(String(data))};
  const loader = new HeapSnapshotLoader.HeapSnapshotLoader(dispatcher);
  for await (const chunk of fs.createReadStream(file, {encoding: 'utf8', highWaterMark: CHUNK_BYTES})) {
    loader.write(chunk);
  }
  loader.close();
  const {port1, port2} = new MessageChannel();
  const end = secondHalf(port2, threads);
  const snapshot = await loader.buildSnapshot(port1);
  port1.close();
  await end();
  return {snapshot, problems};
}

// row is a class of DevTools' Summary as our scripts print it.
function row(key, aggregate) {
  const out = {
    key, class: aggregate.name, count: aggregate.count, shallowSize: aggregate.self, retainedSize: aggregate.maxRet,
    distance: aggregate.distance,
  };
  const place = /^(\d+),(\d+),(\d+),/.exec(key);
  if (place) out.location = {scriptId: Number(place[1]), line: Number(place[2]), column: Number(place[3])};
  return out;
}

// classes returns the rows of DevTools' Summary, of those objects alone that
// filter lets through.
export function classes(snapshot, filter = {}) {
  return Object.entries(snapshot.aggregatesWithFilter(filter)).map(([key, aggregate]) => row(key, aggregate));
}

// head returns what is known of a snapshot as a whole.
export function head(file, {snapshot, problems}) {
  const {nodeCount: nodes, totalSize, maxJSObjectId} = snapshot.updateStaticData();
  const edges = snapshot.containmentEdges.length / snapshot.edgeFieldsCount;
  return {file, nodes, edges, totalSize, maxJSObjectId, problems};
}
