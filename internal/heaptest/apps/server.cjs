'use strict';
// An HTTP service with routes, middleware, sessions and a log that only grows,
// under load of its own.
const {EventEmitter} = require('events');
const http = require('http');

const REQUESTS_A_STEP = 60;

class Router extends EventEmitter {
  constructor() {
    super();
    this.stack = [];
    this.routes = Object.create(null);
  }

  use(handler) {
    this.stack.push({handler, calls: 0});
    return this;
  }

  get(path, handler) {
    this.routes[path] = {method: 'GET', handler, keys: path.split('/').filter(Boolean)};
    return this;
  }

  handle(request, response) {
    let i = 0;
    const next = () => {
      const layer = this.stack[i++];
      if (layer) {
        layer.calls++;
        return layer.handler(request, response, next);
      }
      const route = this.routes[request.url.split('?')[0]];
      return route ? route.handler(request, response) : this.emit('missing', request, response);
    };
    next();
  }
}

const sessions = new Map();
const log = [];
const waiting = [];
const router = new Router();

router.use((request, response, next) => {
  const id = request.headers.cookie || `session-${sessions.size}`;
  let session = sessions.get(id);
  if (!session) {
    session = {id, created: new Date(), pages: [], cart: {items: [], total: 0}};
    sessions.set(id, session);
  }
  request.session = session;
  next();
});
router.use((request, response, next) => {
  response.on('finish', () => log.push({url: request.url, status: response.statusCode, at: process.hrtime()}));
  next();
});
router.get('/', (request, response) => {
  request.session.pages.push({path: request.url, title: 'Home', tags: ['start', 'page']});
  response.end('hello');
});
router.get('/leak', (request, response) => {
  waiting.push({request, response, timer: setTimeout(() => response.end(), 1e8)});
  if (waiting.length % 2) response.end(JSON.stringify({waiting: waiting.length}));
  else response.writeHead(200, {'x-id': String(waiting.length)}).end();
});
router.on('missing', (request, response) => {
  response.statusCode = 404;
  response.end();
});

const server = http.createServer((request, response) => router.handle(request, response));
server.keepAliveTimeout = 0; // on a busy machine five seconds pass between two requests
const agent = new http.Agent({keepAlive: true, maxSockets: 4});
const paths = ['/', '/leak', '/none', '/?page=2'];

function ask(port, n) {
  return new Promise((resolve, reject) => {
    const options = {host: '127.0.0.1', port, agent, path: paths[n % paths.length], headers: n % 3 ? {cookie: `session-${n % 20}`} : {}};
    http.get(options, (response) => response.on('end', resolve).resume()).on('error', reject);
  });
}

exports.step = async () => {
  if (!server.listening) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const all = [];
  for (let n = 0; n < REQUESTS_A_STEP; n++) all.push(ask(server.address().port, n));
  await Promise.all(all);
};
