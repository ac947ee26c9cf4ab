'use strict';
// Metrics as they should be: counters and histograms with fixed buckets, under
// labels of which there is a known number.
class Histogram {
  constructor(bounds) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
    this.sum = 0;
  }

  observe(value) {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
  }
}

class Metrics {
  constructor() {
    this.series = new Map();
  }

  observe(name, labels, value) {
    const key = `${name}{${Object.entries(labels).map(([k, v]) => `${k}="${v}"`).join()}}`;
    let histogram = this.series.get(key);
    if (!histogram) this.series.set(key, histogram = new Histogram([1, 2, 5, 10, 25, 50, 100, 250]));
    histogram.observe(value);
  }

  text() {
    return [...this.series].map(([key, histogram]) => `${key} ${histogram.sum}`).join('\n');
  }
}

const metrics = new Metrics();

exports.request = (i) => {
  metrics.observe('http_ms', {route: `/r${i % 20}`, status: i % 9 ? 200 : 500, zone: 'abc'[i % 3]}, (i * 37) % 300);
  return i % 100 ? '' : metrics.text();
};
