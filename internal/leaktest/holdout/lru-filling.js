'use strict';
// A cache with a limit that is still far away at the third snapshot: it grows
// all the time, and will stop.
class RecentlyUsed {
  constructor(options) {
    this.max = options.max;
    this.values = new Map();
  }

  get(key) {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    this.values.delete(key);
    this.values.set(key, value);
    return value;
  }

  set(key, value) {
    this.values.delete(key);
    this.values.set(key, value);
    if (this.values.size > this.max) this.values.delete(this.values.keys().next().value);
  }
}

const articles = new RecentlyUsed({max: 2200});

exports.request = (i) => {
  const id = `article-${i}`;
  if (!articles.get(id)) articles.set(id, {id, title: `Title of ${i}`, text: `Text of article ${i}. `.repeat(5), tags: ['a', `t${i % 9}`]});
  return articles.get(id).title;
};
