'use strict';
// A journal that is cut down to its end when it has become long, which takes
// longer than an interval.
const LONGEST = 950;
const KEPT = 50;

class Journal {
  constructor() {
    this.entries = [];
    this.cuts = 0;
  }

  add(entry) {
    this.entries.push(entry);
    if (this.entries.length <= LONGEST) return;
    this.entries = this.entries.slice(-KEPT);
    this.cuts++;
  }
}

const journal = new Journal();

exports.request = (i) => journal.add({i, op: i % 2 ? 'set' : 'del', key: `key-${i % 200}`, value: {text: `value ${i}`, at: i}});
