'use strict';
// A cache whose entries live for a while: between two snapshots all of them are
// replaced, and their number stays.
class TtlCache {
  constructor(ttl) {
    this.ttl = ttl; // in requests, so that every run is the same
    this.entries = new Map();
  }

  set(key, value, now) {
    this.entries.set(key, {value, expires: now + this.ttl});
  }

  get(key, now) {
    const entry = this.entries.get(key);
    return entry && entry.expires > now ? entry.value : undefined;
  }

  sweep(now) {
    for (const [key, entry] of this.entries) {
      if (entry.expires > now) break;
      this.entries.delete(key);
    }
  }
}

const tokens = new TtlCache(300);

exports.request = (i) => {
  if (i % 10 === 0) tokens.sweep(i);
  const key = `token-${i}`;
  if (!tokens.get(key, i)) tokens.set(key, {user: `user-${i}`, scopes: ['read', 'write'], issued: i, claims: {iss: 'https://login.example', sub: key}}, i);
  return tokens.get(`token-${i - 5}`, i) ? 'known' : 'new';
};
