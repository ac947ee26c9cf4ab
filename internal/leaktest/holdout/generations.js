'use strict';
// A cache of two generations: when the young one is full it becomes the old one,
// and the old one is dropped as a whole.
class GenerationCache {
  constructor(limit) {
    this.limit = limit;
    this.young = new Map();
    this.old = new Map();
  }

  get(key) {
    let value = this.young.get(key);
    if (value === undefined && (value = this.old.get(key)) !== undefined) this.set(key, value);
    return value;
  }

  set(key, value) {
    this.young.set(key, value);
    if (this.young.size < this.limit) return;
    this.old = this.young;
    this.young = new Map();
  }
}

const cache = new GenerationCache(170);

exports.request = (i) => {
  const key = `k-${i % 3 ? i : i % 30}`;
  let value = cache.get(key);
  if (!value) cache.set(key, value = {key, text: `value of ${key} `.repeat(4), parts: [1, 2, 3].map((n) => ({n, key}))});
  return value.parts.length;
};
