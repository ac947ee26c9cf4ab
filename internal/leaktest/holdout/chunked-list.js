'use strict';
// A list that grows by chunks, so that no array is ever copied.
const CHUNK = 64;

class ChunkedList {
  constructor() {
    this.chunks = []; // leak
    this.length = 0;
  }

  push(value) {
    if (this.length % CHUNK === 0) this.chunks.push([]);
    this.chunks[this.chunks.length - 1].push(value);
    this.length++;
  }

  at(index) {
    return this.chunks[Math.floor(index / CHUNK)][index % CHUNK];
  }
}

class Ledger {
  constructor() {
    this.postings = new ChunkedList();
  }

  post(account, cents) {
    this.postings.push({account, cents, n: this.postings.length});
  }
}

const ledger = new Ledger();

exports.ledger = ledger;
exports.request = (i) => {
  ledger.post(`debit-${i % 30}`, i);
  ledger.post(`credit-${i % 20}`, -i);
  return ledger.postings.at(i).cents;
};
