'use strict';
// Buffers, typed arrays, WebAssembly, strings outside of the heap and strings
// made of pieces.
const {MessageChannel} = require('worker_threads');

const A_STEP = 40;
const EXTERNAL = 2 << 20; // Node.js keeps strings above 1 MB outside of V8's heap

const kept = [];
const {port1, port2} = new MessageChannel();
port1.unref();
port2.unref();

// An empty module with one page of memory, exported as "m".
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 109, 2, 0]);

const views = [Int8Array, Uint8ClampedArray, Int16Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array];

function pieces(n) {
  let rope = `rope ${n}`;
  for (let i = 0; i < 30; i++) rope = i % 2 ? rope + `, piece ${i} of ${n}` : `${i}: ` + rope;
  const flat = `this is a flat string of some length, number ${n}`.repeat(2);
  return {rope, half: rope + rope, slice: flat.slice(5, 40), parts: flat.split(' ')};
}

exports.step = (round) => {
  for (let i = 0; i < A_STEP; i++) {
    const n = round * A_STEP + i;
    const View = views[n % views.length];
    const shared = new ArrayBuffer(64 * (1 + (n % 9)));
    kept.push(Buffer.from(`small ${n}`), Buffer.alloc(10000 + n), new View(n), new View(shared), new DataView(shared, 8), pieces(n));
    if (n % 4 === 0) kept.push(new SharedArrayBuffer(128), Buffer.allocUnsafe(4000).subarray(10, 20));
    if (n % 8 === 0) {
      const moved = new ArrayBuffer(256);
      port1.postMessage(moved, [moved]); // what stays behind is detached
      kept.push(moved);
    }
  }
  const module = new WebAssembly.Module(wasm);
  kept.push(module, new WebAssembly.Instance(module), new WebAssembly.Table({initial: 4, element: 'anyfunc'}));
  kept.push(Buffer.alloc(EXTERNAL, `latin1 ${round}`).toString('latin1'), Buffer.alloc(EXTERNAL, `two bytes ${round} `, 'utf16le').toString('utf16le'));
  kept.push(kept[kept.length - 1].slice(7, 1000)); // a slice of an external string
};
