'use strict';
// What Node.js keeps in C++ beside JavaScript: workers, ports, sockets, ciphers,
// streams of zlib, contexts of vm, some of them closed.
const {AsyncLocalStorage, createHook, executionAsyncId} = require('async_hooks');
const crypto = require('crypto');
const dgram = require('dgram');
const {EventEmitter} = require('events');
const fs = require('fs');
const net = require('net');
const {performance, PerformanceObserver} = require('perf_hooks');
const vm = require('vm');
const {MessageChannel, Worker} = require('worker_threads');
const zlib = require('zlib');

const A_STEP = 15;
const kept = [];
const storage = new AsyncLocalStorage();
const emitter = new EventEmitter().setMaxListeners(0);
const observer = new PerformanceObserver(() => {});
observer.observe({entryTypes: ['measure']});
createHook({destroy() {}}).enable();

const once = (object, event) => new Promise((resolve) => object.once(event, resolve));

async function sockets() {
  const server = net.createServer((socket) => kept.push(socket.unref())).unref();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = net.connect(server.address().port, '127.0.0.1').unref();
  await once(client, 'connect');
  const closed = net.connect(server.address().port, '127.0.0.1');
  await once(closed, 'connect');
  closed.destroy();
  await once(closed, 'close');
  kept.push(server, client, closed, dgram.createSocket('udp4').unref());
}

async function worker(n) {
  const w = new Worker(`const {parentPort} = require('worker_threads'); globalThis.list = Array.from({length: 100}, (_, i) => ({i}));
    parentPort.postMessage('up'); parentPort.on('message', () => {});`, {eval: true});
  await once(w, 'message');
  if (n % 2) await w.terminate();
  else w.unref();
  kept.push(w);
}

function natives(n) {
  const hash = crypto.createHash('sha256').update(`data ${n}`);
  const cipher = crypto.createCipheriv('aes-256-ctr', Buffer.alloc(32, n), Buffer.alloc(16));
  const {port1, port2} = new MessageChannel();
  if (n % 3 === 0) port1.close();
  else port1.unref();
  const gzip = zlib.createGzip();
  if (n % 2) gzip.close();
  kept.push(hash, cipher, crypto.createHmac('sha1', 'key'), port1, port2, gzip, zlib.createDeflateRaw());
  kept.push(crypto.createSecretKey(Buffer.alloc(16)), new vm.Script(`${n} + 1`), fs.createReadStream(__filename, {autoClose: n % 2 === 0}));
  emitter.on('event', () => n);
  storage.run({request: n}, () => kept.push(new Promise(() => {}), executionAsyncId()));
  performance.mark(`mark ${n}`);
  if (typeof AbortController === 'function') {
    const controller = new AbortController();
    controller.signal.addEventListener('abort', () => n);
    kept.push(controller);
  }
  if (n % 5 === 0) kept.push(vm.createContext({n}), vm.runInNewContext('({inside: [1, 2], f() {}})'));
}

exports.step = async (round) => {
  for (let i = 0; i < A_STEP; i++) natives(round * A_STEP + i);
  await sockets();
  await worker(round);
  await new Promise((resolve) => fs.stat(__filename, resolve));
};
