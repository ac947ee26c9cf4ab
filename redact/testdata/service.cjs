// A service that has been given a list of secrets, one a line, and holds them wherever a
// program can hold text that it has not in its code.
//
//   node service.cjs LIST SNAPSHOT
'use strict';
const fs = require('fs');
const http = require('http');
const util = require('util');
const v8 = require('v8');
const vm = require('vm');
// Copies: of parts of another string V8 writes no text into a snapshot.
const secrets = fs.readFileSync(process.argv[2], 'utf8').trim().split('\n').map((s) => Buffer.from(s).toString('latin1'));
const kept = (globalThis.kept = []);

class Session {
  #token;
  constructor(secret) {
    this.#token = secret;
    this.owner = secret + '!';
  }
  get token() { return this.#token; }
}

// A few ways for each; a secret is held in all of them in turn.
const ways = [
  (s) => new Session(s),
  (s) => ({ [s]: { held: 1 } }),
  (s) => new Map([[s, { held: 2 }], [{ held: 3 }, s]]),
  (s) => new Set([s]),
  (s) => Symbol(s),
  (s) => ({ [Symbol.for(s)]: {} }),
  (s) => new ({ [s]: class {} }[s])(),
  (s) => Object.defineProperty(function () {}, 'name', { value: s }),
  (s) => ({ [s]: () => s })[s],
  (s) => new Error(s),
  (s) => () => s,
  (s) => 'a text with ' + s + ' in the middle, and ' + kept.length,
  (s) => ('a parent that is long enough for a slice ' + s + ' and some more').slice(2, -3),
  (s) => s + '\u65e5\u672c',
  (s) => new RegExp(s.replace(/[^\w]/g, '\\$&')),
  (s) => new URL('http://127.0.0.1/path?key=' + encodeURIComponent(s)),
  (s) => new URLSearchParams({ [s]: s }),
  (s) => JSON.parse(JSON.stringify({ [s]: { list: [s], text: s } })),
  (s) => s.split(/[-._/+]/),
  (s) => Object.assign(Object.create(null), { [s]: s, other: s }),
  (s) => ({ get [s]() { return 1; }, set [s](v) {} }),
  (s) => ({ [Symbol.toStringTag]: s }),
  (s) => new WeakMap([[kept[0], s]]),
  (s) => Buffer.from(s).toString('latin1'),
  (s) => { globalThis[s] = {}; return s; },
  (s) => ({ [s + 0]: 1, [s + 1]: { deep: { [s]: [] } } }),
  (s) => Promise.reject(new TypeError(s)).catch((error) => error),
  (s) => new Proxy({ [s]: s }, {}),
  (s) => Object.freeze({ headers: { [s.toLowerCase()]: s } }),
  (s) => kept.push.bind(kept, s),
  (s) => { process.emitWarning.last = s; return new (class extends Error {})(s); },
  (s) => kept.length < 200 ? vm.runInNewContext('({a: b})', { b: s, [s]: {} }) : s + ' ',
  (s) => util.format('%s=%s', s, s),
  (s) => new (class { constructor() { this[s] = { s }; } })(),
  (s) => new Array(4).fill(s),
  (s) => { const list = []; list[s] = {}; return list; },
];
secrets.forEach((secret, i) => {
  for (let way = 0; way < 3; way++) kept.push(ways[(i * 3 + way) % ways.length](secret));
});
process.env.HELD = secrets[0];

// And what a service is sent.
const server = http.createServer((request, response) => {
  kept.push(request.url, request.headers);
  response.setHeader('x-answer', encodeURIComponent(request.url.slice(0, 40)));
  response.end();
});
server.listen(0, '127.0.0.1', async () => {
  for (const secret of secrets.slice(0, 60)) {
    await new Promise((done) => {
      const path = '/item/' + encodeURIComponent(secret) + '?token=' + encodeURIComponent(secret);
      http.get({ port: server.address().port, host: '127.0.0.1', path, headers: { cookie: 'sid=' + encodeURIComponent(secret) } }, (r) => r.resume().on('end', done));
    });
  }
  v8.writeHeapSnapshot(process.argv[3]);
  process.exit();
});
