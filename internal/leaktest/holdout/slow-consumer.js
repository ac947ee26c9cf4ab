'use strict';
// A feed writes to its subscribers and does not care whether they keep up. One of
// them does not.
const {Writable} = require('stream');

class Subscriber extends Writable {
  constructor(name, stuck) {
    super({objectMode: true});
    this.name = name;
    this.stuck = stuck;
    this.received = 0;
  }

  _write(event, encoding, done) {
    this.received++;
    if (!this.stuck) setImmediate(done);
  }
}

class Feed {
  constructor(subscribers) {
    this.subscribers = subscribers;
  }

  publish(event) {
    for (const subscriber of this.subscribers) subscriber.write(event); // leak: who looks at what write says?
  }
}

const feed = new Feed(Array.from({length: 5}, (_, n) => new Subscriber(`s${n}`, n === 3)));

exports.feed = feed;
exports.request = async (i) => {
  feed.publish({id: i, kind: 'price', values: [i, i / 2], text: `price of item ${i} is ${i * 3}`});
  await new Promise(setImmediate);
};
