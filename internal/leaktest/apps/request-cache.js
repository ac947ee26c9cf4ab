'use strict';
// A search service that answers repeated requests from a cache. The key is the
// request itself, so nothing is ever found and nothing ever leaves.
const http = require('http');

global.requestCache = new Map(); // leak

function search(query) {
  const words = query.toLowerCase().split(/\W+/).filter(Boolean);
  return words.map((word, rank) => ({word, rank, score: word.length / (rank + 1)}));
}

function handle(req, res) {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    let entry = global.requestCache.get(req);
    if (!entry) {
      entry = {originalRequest: {url: req.url, headers: req.headers, body}, answer: search(body.query)};
      global.requestCache.set(req, entry);
    }
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(entry.answer));
  });
}

const server = http.createServer(handle);
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const {port} = server.address();
  const headers = {'x-request-id': `req-${i}`, 'content-type': 'application/json', 'user-agent': 'shop/4.2'};
  const req = http.request({port, host: '127.0.0.1', method: 'POST', path: `/search?page=${i % 7}`, headers, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  });
  req.on('error', reject);
  req.end(JSON.stringify({query: `red shoes size ${i % 50} near me`, filters: {brand: [`b${i % 9}`], price: {max: i}}}));
});
