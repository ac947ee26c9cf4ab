'use strict';
// A queue with a backlog that is always about the same: what comes in goes out
// a little later.
class WorkQueue {
  constructor(backlog) {
    this.backlog = backlog;
    this.items = [];
    this.done = 0;
  }

  push(item) {
    this.items.push(item);
    while (this.items.length > this.backlog) this.done += this.items.shift().steps.length;
  }
}

const queue = new WorkQueue(250);

exports.request = (i) => {
  queue.push({id: `work-${i}`, steps: ['a', 'b', `c${i}`], input: {text: `text of ${i} `.repeat(10), lang: 'en'}});
  return queue.done;
};
