'use strict';
// Readers of events by "for await". Those that stop early do so by never asking
// again, and their iterator goes on to collect.
const {EventEmitter, on} = require('events');

const bus = new EventEmitter();
bus.setMaxListeners(0);
let ticks = 0;

class Reader {
  constructor(id) {
    this.id = id;
    this.seen = [];
    this.iterator = on(bus, 'tick'); // leak
  }

  async read(count) {
    for (let n = 0; n < count; n++) {
      const {value} = await this.iterator.next();
      this.seen.push(value[0].n);
    }
    return this.seen.length;
  }
}

exports.request = (i) => {
  const done = new Reader(`reader-${i}`).read(1);
  if (i % 8 === 7) setImmediate(() => bus.emit('tick', {n: ++ticks}));
  return i % 8 === 7 ? done : undefined;
};
