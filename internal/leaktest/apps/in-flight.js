'use strict';
// Requests are always under way, more at each of the first snapshots: 40, 120,
// 280. None of them lasts.
class Exchange {
  constructor(id) {
    this.id = id;
    this.request = {path: `/p/${id}`, headers: {host: 'shop', accept: '*/*', 'x-id': `id-${id}`}, body: 'b'.repeat(200) + id};
    this.log = [`begin ${id}`];
  }

  async serve(gate) {
    this.log.push('wait');
    await gate;
    this.log.push('done');
    return this.log.length;
  }
}

const open = new Set();
let release = null;
let next = 1e6;

function begin(gate) {
  const exchange = new Exchange(next++);
  open.add(exchange);
  return exchange.serve(gate).finally(() => open.delete(exchange));
}

let all = [];

exports.request = (i) => begin(new Promise((resolve) => setImmediate(resolve, i)));

exports.beforeShot = (n) => {
  const gate = new Promise((resolve) => {
    release = resolve;
  });
  all = Array.from({length: 40 + 40 * Math.min(n - 1, 2) * Math.min(n, 3)}, () => begin(gate));
};

exports.afterShot = async () => {
  release();
  await Promise.all(all);
  all = [];
};
