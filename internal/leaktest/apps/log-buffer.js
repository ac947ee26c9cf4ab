'use strict';
// An access log that collects lines to write them all at once, some day.
class AccessLog {
  constructor() {
    this.pending = ''; // leak
    this.lines = 0;
  }

  write(entry) {
    this.lines++;
    this.pending += `${entry.time} ${entry.method} ${entry.url} ${entry.status} ${entry.ms}ms "${entry.agent}" ${entry.trace}\n`;
  }
}

class Router {
  constructor(log) {
    this.log = log;
    this.routes = new Map([['/a', () => ({a: 1})], ['/b', () => ({b: [1, 2]})], ['/c', () => ({c: 'three'})]]);
  }

  handle(req) {
    const answer = this.routes.get(req.path)();
    for (let hop = 0; hop < 3; hop++) {
      this.log.write({time: req.n * 1000 + hop, method: 'GET', url: `${req.path}?n=${req.n}`, status: 200, ms: req.n % 90, agent: req.agent, trace: `${req.n}-${hop}-${'x'.repeat(20)}`});
    }
    return JSON.stringify(answer);
  }
}

const router = new Router(new AccessLog());

exports.request = (i) => router.handle({n: i, path: ['/a', '/b', '/c'][i % 3], agent: `Mozilla/5.0 (X11; Linux ${i % 12}) Gecko`});
