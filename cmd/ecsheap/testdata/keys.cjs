// A service that leaks in objects whose names are data: secrets, a quarter of them more for
// each of three snapshots.
//
//   node keys.cjs LIST DIRECTORY
'use strict';
const fs = require('fs');
const v8 = require('v8');
const secrets = fs.readFileSync(process.argv[2], 'utf8').trim().split('\n');

class KeyedRegistry {
  constructor() {
    this.sessionsByToken = {};
    this.handlersByName = {};
    this.tables = new Map();
  }
  remember(secret, body) {
    this.sessionsByToken[secret] = { body, sessionsOwner: { [secret]: [body.slice()] } };
    this.handlersByName[secret] = () => body;
    this.tables.set(secret, { [secret]: body.slice() });
  }
}
const registry = (globalThis.keyedRegistry = new KeyedRegistry());

// Names of the few: fields of an object, of a class, of the global object; of a class, a
// function, a symbol and a tag.
const [field, className, functionName, symbol, tag, owner] = secrets;
globalThis[field] = { [owner]: { lists: {} } };
const Made = { [className]: class {} }[className];
const made = (globalThis[symbol] = { [Symbol(symbol)]: new Map(), kept: [] });
function few(secret, body) {
  globalThis[field][owner].lists[secret] = body.slice();
  const object = new Made();
  object[field] = body.slice();
  made.kept.push(object, Object.assign({ [Symbol.toStringTag]: tag }, { [owner]: body.slice() }));
  made[Object.getOwnPropertySymbols(made)[0]].set(made.kept.length, { [functionName]: () => body });
}

const quarter = Math.floor(secrets.length / 4);
for (let shot = 0; shot < 4; shot++) {
  for (const secret of secrets.slice(shot * quarter, (shot + 1) * quarter)) {
    const body = new Array(100).fill(shot);
    registry.remember(secret, body);
    few(secret, body);
  }
  if (shot > 0) v8.writeHeapSnapshot(process.argv[3] + '/s' + shot + '.heapsnapshot');
}
