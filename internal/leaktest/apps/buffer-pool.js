'use strict';
// Buffers that are used again and again.
class BufferPool {
  constructor(count, size) {
    this.size = size;
    this.free = Array.from({length: count}, () => Buffer.alloc(size));
    this.misses = 0;
  }

  take() {
    const buffer = this.free.pop();
    if (buffer) return buffer;
    this.misses++;
    return Buffer.alloc(this.size);
  }

  give(buffer) {
    this.free.push(buffer);
  }
}

const pool = new BufferPool(64, 16384);

async function encode(i) {
  const buffer = pool.take();
  const length = buffer.write(JSON.stringify({i, text: 'x'.repeat(i % 5000)}), 0, 'utf8');
  await new Promise(setImmediate);
  const checksum = buffer.subarray(0, length).reduce((sum, byte) => (sum + byte) % 65521, 0);
  pool.give(buffer);
  return checksum;
}

exports.request = encode;
