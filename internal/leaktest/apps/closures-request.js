'use strict';
// Work for after the answer, as closures that know the request. Those of failed
// requests are never run.
const http = require('http');

const deferred = []; // leak

class Mailer {
  constructor() {
    this.sent = 0;
  }

  send(to, text) {
    this.sent += to.length + text.length > 0 ? 1 : 0;
  }
}

const mailer = new Mailer();

function handle(req, res) {
  const order = {path: req.url, headers: req.headers, lines: [1, 2, 3].map((n) => ({n, sku: `sku-${n}`}))};
  const sendReceipt = () => mailer.send(req.headers.from, `receipt for ${order.path}`); // culprit
  if (req.headers['x-valid'] === 'yes') setImmediate(sendReceipt);
  else deferred.push(sendReceipt);
  res.end('accepted');
}

const server = http.createServer(handle);
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const headers = {from: `user${i}@mail.example`, 'x-valid': i % 2 ? 'yes' : 'no', 'x-request-id': `id-${i}`};
  http.get({port: server.address().port, host: '127.0.0.1', path: `/order/${i}`, headers, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
