'use strict';
// A real LRU cache, map and doubly linked list, made without the option that
// says how much it may hold.
class Entry {
  constructor(key, value) {
    this.key = key;
    this.value = value;
    this.newer = null;
    this.older = null;
  }
}

class LruCache {
  constructor({max = Infinity} = {}) {
    this.max = max;
    this.index = new Map();
    this.newest = null;
    this.oldest = null;
  }

  get(key) {
    const entry = this.index.get(key);
    if (!entry) return undefined;
    this.unlink(entry);
    this.push(entry);
    return entry.value;
  }

  set(key, value) {
    const entry = new Entry(key, value);
    this.index.set(key, entry);
    this.push(entry);
    if (this.index.size > this.max) {
      this.index.delete(this.oldest.key);
      this.unlink(this.oldest);
    }
  }

  push(entry) {
    entry.older = this.newest;
    entry.newer = null;
    if (this.newest) this.newest.newer = entry;
    this.newest = entry;
    if (!this.oldest) this.oldest = entry;
  }

  unlink(entry) {
    if (entry.newer) entry.newer.older = entry.older;
    else this.newest = entry.older;
    if (entry.older) entry.older.newer = entry.newer;
    else this.oldest = entry.newer;
  }
}

const pages = new LruCache(); // leak

function render(url) {
  const rows = Array.from({length: 8}, (_, n) => `<li>${url} row ${n}</li>`);
  return {url, html: `<ul>${rows.join('')}</ul>`, etag: `"${url.length}-${rows.length}"`};
}

exports.request = (i) => {
  const url = i % 4 === 0 ? `/popular/${i % 24}` : `/product/${i}?utm=${i * 7}`;
  let page = pages.get(url);
  if (!page) pages.set(url, page = render(url));
  return page.html.length;
};
