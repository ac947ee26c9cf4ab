'use strict';
// Every latency of every hop as a number, to compute exact percentiles.
class LatencyRecorder {
  constructor() {
    this.latencies = []; // leak
    this.max = 0;
  }

  record(ms) {
    this.latencies.push(ms);
    if (ms > this.max) this.max = ms;
  }

  percentile(p) {
    const sorted = this.latencies.slice(-1000).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * p)];
  }
}

class Gateway {
  constructor(hops) {
    this.recorder = new LatencyRecorder();
    this.hops = hops;
  }

  forward(i) {
    let total = 0;
    for (let hop = 0; hop < this.hops; hop++) {
      const ms = ((i * 31 + hop * 17) % 997) / 7;
      this.recorder.record(ms);
      total += ms;
    }
    return {total, p99: i % 200 === 0 ? this.recorder.percentile(0.99) : undefined};
  }
}

const gateway = new Gateway(120);

exports.request = (i) => JSON.stringify(gateway.forward(i));
