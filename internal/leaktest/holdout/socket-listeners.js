'use strict';
// Every request listens to the end of its socket. The sockets are kept alive, and
// a few of them serve all requests.
const http = require('http');

const server = http.createServer((req, res) => {
  const session = {url: req.url, headers: req.headers, began: req.url.length};
  req.socket.setMaxListeners(0);
  req.socket.on('close', () => { // leak
    session.closed = true;
  });
  res.end(`hello ${session.url}`);
});
server.keepAliveTimeout = 60000;
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  http.get({port: server.address().port, host: '127.0.0.1', path: `/p/${i}`, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
