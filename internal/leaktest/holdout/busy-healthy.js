'use strict';
// A service as they are: a full cache, tokens with a time to live, a ring of log
// lines, a pool, handlers that get hot one after the other, requests under way.
// And idempotency keys, that are forgotten in time.
const http = require('http');

class Lru {
  constructor(max) {
    this.max = max;
    this.entries = new Map();
  }

  get(key, make) {
    const known = this.entries.get(key);
    if (known) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known;
    }
    const value = make(key);
    this.entries.set(key, value);
    if (this.entries.size > this.max) this.entries.delete(this.entries.keys().next().value);
    return value;
  }
}

class Tokens {
  constructor(ttl) {
    this.ttl = ttl;
    this.live = new Map();
  }

  issue(user, now) {
    for (const [token, entry] of this.live) {
      if (entry.until > now) break;
      this.live.delete(token);
    }
    const token = `${user}-${now.toString(36)}`;
    this.live.set(token, {user, until: now + this.ttl, scopes: ['read', `role-${now % 5}`]});
    return token;
  }
}

class Idempotency {
  constructor() {
    this.answers = new Map();
  }

  once(key, work) {
    if (this.answers.size > 200) this.answers.delete(this.answers.keys().next().value);
    if (!this.answers.has(key)) this.answers.set(key, {status: 201, body: work(), key});
    return this.answers.get(key);
  }
}

class Service {
  constructor() {
    this.products = new Lru(300);
    this.tokens = new Tokens(250);
    this.idempotency = new Idempotency();
    this.log = new Array(500).fill(null);
    this.free = Array.from({length: 32}, () => Buffer.alloc(4096));
    this.lines = 0;
    this.rules = Array.from({length: 60}, (_, n) => new Function('o', `let s = ${n}; for (const k in o) s += k.length * ${n}; return s % 7 ? 'a${n}' : 'b${n}';`));
  }

  handle(req, res) {
    const n = Number(req.url.split('/')[2]);
    const buffer = this.free.pop() || Buffer.alloc(4096);
    const product = this.products.get(`p-${(n * 13) % 1000}`, (id) => ({id, name: `Product ${id}`, tags: [1, 2, 3].map((k) => `${id}-${k}`)}));
    const token = this.tokens.issue(`user-${n}`, n);
    const rule = this.rules[n % Math.min(60, 10 + Math.floor(n / 25))](product);
    const answer = this.idempotency.once(req.headers['idempotency-key'], () => ({product: product.id, rule, at: n}));
    buffer.write(JSON.stringify(answer));
    this.log[this.lines++ % this.log.length] = {n, token, text: `${req.method} ${req.url} ${answer.status}`};
    setImmediate(() => {
      this.free.push(buffer);
      res.end(JSON.stringify(answer.body));
    });
  }
}

const service = new Service();
const server = http.createServer((req, res) => service.handle(req, res));
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const headers = {'idempotency-key': `key-${i}`, 'user-agent': `app/${i % 9}`};
  http.get({port: server.address().port, host: '127.0.0.1', path: `/orders/${i}`, headers, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
