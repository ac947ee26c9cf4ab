'use strict';
// A limiter that counts the hits of the last moments by client, and forgets the
// older ones and the clients that have none.
class SlidingWindow {
  constructor(span) {
    this.span = span; // in requests, so that every run is the same
    this.hits = new Map();
  }

  hit(client, now) {
    const times = (this.hits.get(client) || []).filter((time) => time > now - this.span);
    times.push(now);
    this.hits.set(client, times);
    return times.length;
  }

  sweep(now) {
    for (const [client, times] of this.hits) {
      if (times[times.length - 1] <= now - this.span) this.hits.delete(client);
    }
  }
}

const limiter = new SlidingWindow(200);

exports.request = (i) => {
  if (i % 50 === 0) limiter.sweep(i);
  return limiter.hit(`client-${i % 5 ? i : i % 25}`, i) + limiter.hit(`10.0.0.${i % 20}`, i);
};
