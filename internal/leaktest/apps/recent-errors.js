'use strict';
// The errors of a service, for its status page. "Recent" was to be added later.
const http = require('http');

class NotFound extends Error {
  constructor(request) {
    super(`no such page: ${request.url}`);
    this.request = request;
    this.status = 404;
  }
}

class StatusPage {
  constructor() {
    this.errors = []; // leak
  }

  report(error) {
    this.errors.push(error);
  }
}

const status = new StatusPage();
const pages = new Map([['/', 'home'], ['/about', 'about us']]);

function find(req) {
  const page = pages.get(req.url);
  if (!page) throw new NotFound(req);
  return page;
}

const server = http.createServer((req, res) => {
  try {
    res.end(find(req));
  } catch (error) {
    status.report(error);
    res.statusCode = error.status;
    res.end(error.message);
  }
});
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const path = i % 3 ? `/wp-admin/${i}.php` : '/about';
  http.get({port: server.address().port, host: '127.0.0.1', path, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
