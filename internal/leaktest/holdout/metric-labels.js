'use strict';
// Counters by labels, as the usual client of a metrics system has them. One of
// the labels is the path with the id in it.
class Counter {
  constructor(name, labelNames) {
    this.name = name;
    this.labelNames = labelNames;
    this.hashMap = {}; // leak
  }

  inc(labels, by = 1) {
    const hash = this.labelNames.map((name) => `${name}:${labels[name]}`).join(',');
    const known = this.hashMap[hash];
    if (known) known.value += by;
    else this.hashMap[hash] = {value: by, labels: {...labels}};
  }
}

class Registry {
  constructor() {
    this.metrics = {};
  }

  counter(name, labelNames) {
    return this.metrics[name] || (this.metrics[name] = new Counter(name, labelNames));
  }
}

const registry = new Registry();
const requests = registry.counter('http_requests_total', ['method', 'path', 'status']);
const jobs = registry.counter('jobs_total', ['queue']);

exports.registry = registry;
exports.request = (i) => {
  requests.inc({method: i % 4 ? 'GET' : 'POST', path: `/users/${i}/orders`, status: i % 17 ? 200 : 404});
  jobs.inc({queue: `q${i % 6}`});
};
