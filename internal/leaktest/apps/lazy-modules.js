'use strict';
// Handlers are modules that are loaded when they are first needed. Each interval
// needs some more of them.
const fs = require('fs');
const os = require('os');
const path = require('path');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'handlers-'));
const COUNT = 60;

for (let n = 0; n < COUNT; n++) {
  const table = Array.from({length: 20}, (_, k) => `  key${k}: {label: 'Label ${k} of ${n}', min: ${k}, max: ${n + k}},`).join('\n');
  fs.writeFileSync(path.join(dir, `handler${n}.js`), `'use strict';
const fields = {
${table}
};

class Handler${n} {
  check(input) {
    return Object.keys(fields).filter((name) => input[name] > fields[name].max);
  }

  handle(input) {
    return {handler: ${n}, errors: this.check(input), known: Object.keys(fields).length};
  }
}

module.exports = new Handler${n}();
`);
}

exports.request = (i) => {
  const newest = Math.min(COUNT - 1, Math.floor(i / 30));
  const handler = require(path.join(dir, `handler${(i * 7) % (newest + 1)}.js`));
  return JSON.stringify(handler.handle({key1: i, key2: 5}));
};
