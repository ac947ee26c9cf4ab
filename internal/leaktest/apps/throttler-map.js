'use strict';
// The rate limiter in its later form: timers by name of the limit, in arrays
// that are emptied only when a client is unblocked.
const WINDOW_MS = 10;

class ThrottlerStorage {
  constructor() {
    this.records = new Map();
    this.timeouts = new Map(); // leak: the arrays in it
  }

  increment(key, name) {
    let record = this.records.get(key);
    if (!record) this.records.set(key, record = {hits: new Map()});
    if (!this.timeouts.has(name)) this.timeouts.set(name, []);
    record.hits.set(name, (record.hits.get(name) || 0) + 1);
    this.timeouts.get(name).push(setTimeout(() => { // culprit
      record.hits.set(name, record.hits.get(name) - 1);
    }, WINDOW_MS));
    return record.hits.get(name);
  }

  unblock(name) {
    this.timeouts.get(name).forEach(clearTimeout);
    this.timeouts.set(name, []);
  }
}

class Limits {
  constructor(storage) {
    this.storage = storage;
    this.names = ['short', 'medium', 'long'];
  }

  allow(client) {
    return this.names.every((name) => this.storage.increment(client, name) < 1000);
  }
}

const limits = new Limits(new ThrottlerStorage());

exports.limits = limits;
exports.request = (i) => limits.allow(`client-${i % 25}`);
