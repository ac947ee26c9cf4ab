'use strict';
// Cursors over a table, as generators. Who has seen enough does not say so, and
// the cursor waits for ever.
const rows = Array.from({length: 50}, (_, n) => ({n, text: `row ${n}`}));

class CursorTable {
  constructor() {
    this.open = new Map(); // leak
    this.next = 0;
  }

  start(query) {
    const id = `cursor-${this.next++}`;
    this.open.set(id, this.scan(query));
    return id;
  }

  * scan(query) {
    const seen = [];
    for (const row of rows) {
      if ((row.n * query.step) % 3 === 0) continue;
      seen.push(row.n);
      yield {row, query: query.text};
    }
  }

  fetch(id) {
    const {value, done} = this.open.get(id).next();
    if (done) this.open.delete(id);
    return value;
  }
}

const table = new CursorTable();

exports.request = (i) => {
  const id = table.start({text: `select ${i}`, step: [1, 2, 4, 5][i % 4]});
  return [table.fetch(id), table.fetch(id)].length;
};
