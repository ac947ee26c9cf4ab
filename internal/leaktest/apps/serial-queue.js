'use strict';
// Writes one after the other, by a chain of promises. One write of the disk never
// comes back, and all that follow wait for it.
class Disk {
  constructor() {
    this.callbacks = new Map();
    this.written = 0;
  }

  write(id, data, callback) {
    if (id === 5) this.callbacks.set(id, callback); // leak: and is never called
    else setImmediate(callback, data.length);
  }
}

class SerialWriter {
  constructor(disk) {
    this.disk = disk;
    this.tail = Promise.resolve();
  }

  write(id, record) {
    const data = JSON.stringify(record);
    this.tail = this.tail.then(() => new Promise((resolve) => {
      this.disk.write(id, data, resolve);
    }));
    return this.tail;
  }
}

const writer = new SerialWriter(new Disk());

exports.writer = writer;
exports.request = (i) => {
  writer.write(i, {id: i, who: `user-${i % 40}`, what: `changed line ${i}`, diff: [`- old ${i}`, `+ new ${i}`]});
};
