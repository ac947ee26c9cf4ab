'use strict';
// Two leaks at once: results of searches that are kept for ever, and an outbox of
// which nobody takes anything.
class SearchService {
  constructor() {
    this.results = new Map(); // leak
  }

  search(query) {
    if (!this.results.has(query)) {
      this.results.set(query, Array.from({length: 5}, (_, n) => ({id: `${query}-${n}`, score: 1 / (n + 1), title: `Result ${n} of ${query}`})));
    }
    return this.results.get(query);
  }
}

class Notifier {
  constructor() {
    this.outbox = []; // leak
  }

  notify(user, text) {
    this.outbox.push({user, text, tries: 0, channels: ['mail', 'push']});
  }
}

const search = new SearchService();
const notifier = new Notifier();

exports.request = (i) => {
  const found = search.search(`term-${i}`);
  notifier.notify({id: i, name: `User ${i}`, address: `user${i}@mail.example`}, `We found ${found.length} things for you, number ${i}, have a look`);
  return JSON.stringify(found);
};
