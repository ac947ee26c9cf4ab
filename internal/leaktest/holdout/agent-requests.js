'use strict';
// A proxy whose upstream hangs. Four requests occupy the connections of the agent
// and all others wait in its queue, with no timeout.
const http = require('http');

const upstream = http.createServer(() => {}); // never answers
const agent = new http.Agent({keepAlive: true, maxSockets: 4});

class Audit {
  constructor() {
    this.counts = new Map();
  }

  count(path) {
    const kind = path.split('/')[1];
    this.counts.set(kind, (this.counts.get(kind) || 0) + 1);
  }
}

const audit = new Audit();

exports.ready = new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));

exports.request = (i) => {
  const path = `/${['stock', 'price'][i % 2]}/${i}`;
  audit.count(path);
  const req = http.get({host: '127.0.0.1', port: upstream.address().port, path, headers: {'x-request-id': `r-${i}`}, agent}, (res) => {
    res.resume();
  });
  req.on('error', () => audit.count('/error'));
};
