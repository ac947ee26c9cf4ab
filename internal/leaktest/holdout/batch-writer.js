'use strict';
// Rows are collected and written a hundred at a time.
class BatchWriter {
  constructor(size) {
    this.size = size;
    this.rows = [];
    this.written = 0;
  }

  add(row) {
    this.rows.push(row);
    if (this.rows.length >= this.size) this.flush();
  }

  flush() {
    this.written += JSON.stringify(this.rows).length;
    this.rows = [];
  }
}

const writer = new BatchWriter(110);

exports.request = (i) => writer.add({id: i, name: `row ${i}`, values: [i, i * 2, i * 3], meta: {source: `s${i % 5}`, at: i}});
