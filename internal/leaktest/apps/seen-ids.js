'use strict';
// Messages come more than once; a set of all ids ever seen keeps them apart.
class Consumer {
  constructor() {
    this.seen = new Set(); // leak
    this.handled = 0;
  }

  receive(message) {
    if (this.seen.has(message.id)) return false;
    this.seen.add(message.id);
    this.handled++;
    return this.process(JSON.parse(message.body));
  }

  process(event) {
    return event.items.length > 0;
  }
}

const consumer = new Consumer();

exports.consumer = consumer;
exports.request = (i) => {
  for (let n = 0; n < 4; n++) {
    const id = ['msg', (i * 4 + n).toString(16).padStart(12, '0'), 'partition', i % 16, n].join('-');
    const body = JSON.stringify({items: [{i, n}], kind: 'order'});
    consumer.receive({id, body});
    if (n === 2) consumer.receive({id, body});
  }
};
