'use strict';
// Requests under way, by id. They are taken out when they end, unless they end
// with an error. At every snapshot some are under way.
class Tracker {
  constructor() {
    this.inflight = new Map(); // leak
    this.errors = 0;
  }

  async track(id, work) {
    this.inflight.set(id, {id, began: id.length, headers: {host: 'shop', trace: `trace-${id}`, accept: '*/*'}});
    try {
      const result = await work();
      this.inflight.delete(id);
      return result;
    } catch (error) {
      this.errors++;
      return undefined;
    }
  }
}

const tracker = new Tracker();
let release = () => {};
let waiting = [];
let extra = 0;

async function work(i) {
  await new Promise(setImmediate);
  if (i % 3 === 0) throw new Error(`no stock for ${i}`);
  return {i};
}

exports.request = (i) => tracker.track(`r-${i}`, () => work(i));

exports.beforeShot = () => {
  const gate = new Promise((resolve) => {
    release = resolve;
  });
  waiting = Array.from({length: 150}, () => tracker.track(`w-${extra++}`, () => gate));
};

exports.afterShot = async () => {
  release();
  await Promise.all(waiting);
  waiting = [];
};
