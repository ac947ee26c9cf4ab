'use strict';
// A log that is collected as a string and written when there is enough of it.
class TextLog {
  constructor(limit) {
    this.limit = limit;
    this.text = '';
    this.written = 0;
  }

  line(text) {
    this.text += text + '\n';
    if (this.text.length > this.limit) {
      this.written += Buffer.byteLength(this.text);
      this.text = '';
    }
  }
}

const log = new TextLog(16000);

exports.request = (i) => {
  for (let n = 0; n < 4; n++) log.line(`${i}.${n} GET /path/${i}?q=${n} 200 user-${i % 44} "agent ${i % 7}"`);
};
