'use strict';
// Equal requests share one promise, which is forgotten when it settles. Some are
// tried again.
class Coalescer {
  constructor() {
    this.pending = new Map();
    this.retries = 0;
  }

  get(key, load) {
    const known = this.pending.get(key);
    if (known) return known;
    const promise = this.attempt(key, load, 2).finally(() => this.pending.delete(key));
    this.pending.set(key, promise);
    return promise;
  }

  async attempt(key, load, left) {
    try {
      return await load(key);
    } catch (error) {
      this.retries++;
      if (!left) return null;
      await new Promise((resolve) => setTimeout(resolve, 2));
      return this.attempt(key, load, left - 1);
    }
  }
}

const coalescer = new Coalescer();
let loads = 0;

async function load(key) {
  await new Promise(setImmediate);
  if (++loads % 5 === 0) throw new Error('try again');
  return {key, list: [1, 2, 3]};
}

exports.request = (i) => coalescer.get(`k-${i % 90}`, load);
