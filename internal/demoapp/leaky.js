'use strict';
// A small shop API with a memory leak, and the customers that keep it busy.
//
// The leak is the one that NestJS services had with an in-memory throttler:
// every request starts a timer that takes one hit off again when its window is
// over, and every handle is kept "to clear it at shutdown", long after the
// timer has fired. A handle holds its callback, the callback holds the hit, the
// hit holds what it knows of the request. Nothing else here grows.
//
//   node leaky.js [--heap-mb=N] [--rate=N]
//
//   --heap-mb  fill the product catalogue until the heap holds N MB (default: a small one)
//   --rate     requests a second that the service sends to itself (default 250)
//
// It listens on a free port of 127.0.0.1, prints "ready at 127.0.0.1:<port>",
// and ends when its stdin does, so that it never outlives whoever started it.
const http = require('http');

const WINDOW_MS = 1000;
const HITS_PER_WINDOW = 100;

class ThrottlerRecord {
  constructor(key) {
    this.key = key;
    this.totalHits = 0;
    this.blockedUntil = 0;
  }
}

class ThrottlerHit {
  constructor(request, record) {
    this.record = record;
    this.at = Date.now();
    this.route = request.url;
    this.headers = request.headers;
  }
}

class ThrottlerStorageService {
  constructor() {
    this.storage = new Map();
    this.timeoutIds = [];
  }

  increment(request) {
    const key = `throttle:${request.headers['x-forwarded-for']}`;
    let record = this.storage.get(key);
    if (record === undefined) {
      record = new ThrottlerRecord(key);
      this.storage.set(key, record);
    }
    record.totalHits++;
    this.setExpirationTime(new ThrottlerHit(request, record));
    return record;
  }

  setExpirationTime(hit) {
    const timeoutId = setTimeout(() => {
      hit.record.totalHits--;
    }, WINDOW_MS);
    this.timeoutIds.push(timeoutId); // the leak: nobody takes it out again
  }

  onApplicationShutdown() {
    this.timeoutIds.forEach(clearTimeout);
  }
}

class ThrottlerGuard {
  constructor(storage) {
    this.storage = storage;
  }

  canActivate(request) {
    return this.storage.increment(request).totalHits <= HITS_PER_WINDOW;
  }
}

class Product {
  constructor(id) {
    this.id = id;
    this.name = `Product number ${id}`;
    this.sku = `SKU-${id.toString(36).padStart(8, '0')}`;
    this.price = {amount: (id * 37) % 10000, currency: 'EUR'};
    this.tags = [`shelf-${id % 97}`, `season-${id % 4}`];
  }
}

// A catalogue is what makes a real heap large: data that is there to stay. It
// is kept in pages, as a database cursor delivers it.
class ProductCatalogue {
  constructor(pageSize) {
    this.pageSize = pageSize;
    this.pages = [];
  }

  get size() {
    return this.pages.length * this.pageSize;
  }

  loadPage() {
    const page = [];
    for (let i = 0; i < this.pageSize; i++) page.push(new Product(this.size + i));
    this.pages.push(page);
  }

  find(id) {
    return this.pages[Math.floor(id / this.pageSize)][id % this.pageSize];
  }
}

// A cache with a limit: large, busy and innocent.
class PriceCache {
  constructor(limit) {
    this.limit = limit;
    this.entries = new Map();
  }

  get(id, compute) {
    const known = this.entries.get(id);
    if (known !== undefined) return known;
    const price = compute();
    this.entries.set(id, price);
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value);
    return price;
  }
}

class ProductsController {
  constructor(catalogue, prices) {
    this.catalogue = catalogue;
    this.prices = prices;
  }

  show(id) {
    const product = this.catalogue.find(id % this.catalogue.size);
    const price = this.prices.get(product.id, () => ({net: product.price.amount, gross: product.price.amount * 1.19}));
    return {name: product.name, sku: product.sku, price};
  }
}

class ShopApplication {
  constructor(guard, controller) {
    this.guard = guard;
    this.controller = controller;
    this.server = http.createServer((request, response) => this.handle(request, response));
  }

  handle(request, response) {
    const found = /^\/products\/(\d+)$/.exec(request.url);
    if (!found) return this.reply(response, 404, {error: 'no such page'});
    if (!this.guard.canActivate(request)) return this.reply(response, 429, {error: 'too many requests'});
    return this.reply(response, 200, this.controller.show(Number(found[1])));
  }

  reply(response, status, body) {
    response.writeHead(status, {'content-type': 'application/json'});
    response.end(JSON.stringify(body));
  }
}

// The customers: a steady number of requests a second over a few kept
// connections. While the service stands still they wait, as a load balancer
// would make them, so that no burst follows.
class Customers {
  constructor(port, rate) {
    this.port = port;
    this.rate = rate;
    this.maxWaiting = 32;
    this.waiting = 0;
    this.sent = 0;
    this.owed = 0;
    this.agent = new http.Agent({keepAlive: true, maxSockets: 8});
  }

  start(tickMs) {
    setInterval(() => {
      this.owed = Math.min(this.owed + (this.rate * tickMs) / 1000, this.maxWaiting);
      for (; this.owed >= 1 && this.waiting < this.maxWaiting; this.owed--) this.send();
    }, tickMs);
  }

  send() {
    const n = this.sent++;
    const headers = {
      'x-forwarded-for': `10.20.${n % 8}.${n % 50}`,
      'x-request-id': `${n.toString(16).padStart(12, '0')}-${Math.random().toString(16).slice(2)}`,
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) ShopApp/4.2',
    };
    const options = {host: '127.0.0.1', port: this.port, path: `/products/${(n * 7919) % 5000}`, headers, agent: this.agent};
    this.waiting++;
    const done = () => this.waiting--;
    http.get(options, (response) => response.resume().on('close', done)).on('error', done);
  }
}

function option(name, fallback) {
  const prefix = `--${name}=`;
  const argument = process.argv.find((a) => a.startsWith(prefix));
  return argument === undefined ? fallback : Number(argument.slice(prefix.length));
}

function fill(catalogue, heapBytes) {
  do catalogue.loadPage();
  while (process.memoryUsage().heapUsed < heapBytes);
}

const catalogue = new ProductCatalogue(1000);
fill(catalogue, option('heap-mb', 0) * 1e6);
const throttler = new ThrottlerStorageService();
const app = new ShopApplication(new ThrottlerGuard(throttler), new ProductsController(catalogue, new PriceCache(500)));
app.server.listen(0, '127.0.0.1', () => {
  const {port} = app.server.address();
  console.log(`ready at 127.0.0.1:${port}`);
  new Customers(port, option('rate', 250)).start(20);
});

function shutDown() {
  throttler.onApplicationShutdown();
  process.exit(0);
}
process.on('SIGTERM', shutDown);
process.stdin.on('end', shutDown).resume();
