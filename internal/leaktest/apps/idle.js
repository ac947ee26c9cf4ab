'use strict';
// A service that waits. Only its health check is asked.
const http = require('http');

const server = http.createServer((req, res) => {
  res.end(JSON.stringify({ok: true, uptime: Math.floor(process.uptime())}));
});
const agent = new http.Agent({keepAlive: true, maxSockets: 2});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => i % 20 ? undefined : new Promise((resolve, reject) => {
  http.get({port: server.address().port, host: '127.0.0.1', path: '/health', agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
