'use strict';
// Each subscriber gets a poller, which goes on when he has gone: all of them work, and none
// is of any use.
class Poller {
  constructor(topic) {
    this.topic = topic;
    this.history = Array.from({length: 30}, (_, n) => n * 0.5);
    this.last = null;
  }

  poll(tick) {
    this.last = {tick, topic: this.topic, answer: `nothing new at ${tick}`};
  }
}

class Topics {
  constructor() {
    this.pollers = []; // leak
  }

  subscribe(topic) {
    this.pollers.push(new Poller(topic));
  }

  tick(n) {
    for (const poller of this.pollers) poller.poll(n);
  }
}

const topics = new Topics();

exports.request = (i) => {
  if (i % 3 === 0) topics.subscribe(`topic-${i}`);
  if (i % 50 === 49) topics.tick(i);
  return topics.pollers.length;
};
