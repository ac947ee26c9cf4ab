'use strict';
// An upload service that wants to know of a crash while an upload runs, and
// forgets that it asked.
const {Readable} = require('stream');

process.setMaxListeners(0); // "to get rid of the warning"

class Upload {
  constructor(id, meta) {
    this.id = id;
    this.meta = meta;
    this.received = 0;
    this.parts = [];
  }

  async receive(source) {
    process.on('uncaughtExceptionMonitor', (error) => { // culprit
      this.failed = error;
    });
    for await (const chunk of source) {
      this.received += chunk.length;
      this.parts.push(chunk.toString('hex').slice(0, 8));
    }
    return {id: this.id, received: this.received};
  }
}

exports.request = async (i) => {
  const upload = new Upload(`upload-${i}`, {owner: `user-${i % 31}`, name: `photo-${i}.jpg`, labels: ['new', `day-${i % 7}`]});
  const source = Readable.from([Buffer.alloc(64, i), Buffer.alloc(64, i + 1), Buffer.alloc(64, i + 2)]);
  const receipt = await upload.receive(source);
  return JSON.stringify(receipt);
};
