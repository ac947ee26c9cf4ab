'use strict';
// Each subscription of a price stream is an emitter of its own that listens to
// the one feed, and goes on doing so when its client has gone.
const {EventEmitter} = require('events');

class Feed extends EventEmitter {
  constructor() {
    super();
    this.setMaxListeners(Infinity);
    this.ticks = 0;
  }

  tick() {
    this.emit('price', {n: ++this.ticks, cents: 900 + (this.ticks % 13)});
  }
}

class Subscription extends EventEmitter {
  constructor(feed, client) {
    super();
    this.client = client;
    this.seen = 0;
    feed.on('price', (price) => { // culprit
      this.seen++;
      this.emit('data', price);
    });
  }

  close() {
    this.removeAllListeners();
  }
}

const feed = new Feed();

exports.request = (i) => {
  const subscription = new Subscription(feed, {id: `client-${i}`, symbols: ['ACME', `S${i}`], address: `10.1.${i % 250}.7`});
  const received = [];
  subscription.on('data', (price) => received.push(price.cents));
  if (i % 40 === 0) feed.tick();
  subscription.close();
  return received.length;
};
