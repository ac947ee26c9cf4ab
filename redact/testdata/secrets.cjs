// A program that has a secret in every place where a heap snapshot can have text, and
// writes its snapshot to the file in its last argument. Secrets are the words that start
// with zq, no part of which is a word of its own; names of code are the words that start with Visible or visible.
'use strict';
const v8 = require('v8');
const visibleKeep = (globalThis.visibleKeep = []);
const keep = (...all) => visibleKeep.push(...all);

class VisibleSession {
  constructor(n) {
    this.visibleToken = 'zqfgevatinyhr-' + n;
    this.visibleMail = 'zqhfre' + n + '@example.com';
  }
  visibleMethod() { return this.visibleToken; }
}
for (let i = 0; i < 20; i++) keep(new VisibleSession(i), { visibleLeft: 'zqcynvabowrpg' + i, visibleRight: i });

// Strings: concatenated, sliced, of two bytes, long, template, in arrays, split.
let rope = 'zqebcryrsg' + Math.random();
rope += 'zqebcrevtug, and long enough';
const parent = 'a parent of zqfyvprqfgevat, ' + 'zqsvyyre'.repeat(20);
keep(rope, parent.slice(3, 60), 'zqgjbolgrf \u65e5\u672c', 'zqybat'.repeat(600), `zqgrzcyngr${visibleKeep.length}`, ['zqvaneenl', 'zqvabgure']);
keep('zqnn,zqoooooooo,zqpppppppp'.split(','));

// Names that a program is given: one that its code has as a literal is a name of code.
const [given, dashed, className] = JSON.parse('["zqcynvaqvpgvbanelxrl","zq-dashed-key","zqPbzchgrqPynff"]');

// Keys: of maps, dictionaries, JSON with punctuation, numbers, entries of weak maps.
const dictionary = Object.create(null);
for (let i = 0; i < 40; i++) dictionary['zqqvpgvbanel' + i + '@example.com'] = { i };
dictionary[given] = {};
dictionary['zq"quoted", {and} \\more\n'] = {};
dictionary['zqpbzzn,key'] = {};
const weak = new WeakMap();
const key = new VisibleSession(99);
weak.set(key, 'zqjrnxinyhr');
keep(dictionary, new Map([['zqzncxrl', {}], ['zqbgure key', 'zqzncinyhr']]), new Set(['zqfrgzrzore']), weak, key);
keep(JSON.parse('{"zqwfba@example.com":{"a":1},"zq json key":[1]}'), { [dashed]: {} });
keep({ 4155550123: {}, 3955550199: {}, 1234567: {} });

// Symbols, regular expressions, errors, URLs, headers, functions, classes.
keep({ [Symbol('zqflzobyfrperg')]: {}, [Symbol.for('zqflzobysbe')]: {} }, /zqertrkcfrperg[a-z]+/gi);
keep(new Error('zqreebezrffntr'), new TypeError('zqglcrreebe ' + 1), new URL('https://zqhfre:zqcnffjbeq@zqubfg.example/zqcngu?k=zqdhrel'));
keep({ authorization: 'Bearer zqorneregbxra', cookie: 'sid=zqpbbxvrinyhr' }, process.env.VISIBLE_ENV);
keep(Buffer.from('zqohssrefrperg'), Buffer.from('zqohssrefrperg').toString('hex'));
keep(function visibleNamed() { return 'zqvafbhepr'; }, keep.bind(null, 'zqobhaqnethzrag'));
const computed = className + 'Name';
const Computed = { [computed]: class {} }[computed];
keep(new Computed(), Object.defineProperty(function () {}, 'name', { value: 'zqqrsvarqanzr' }));
eval('globalThis.visibleEval = function () { return "zqrinyfbhepr"; }');
keep(new Function('a', '/* zqshapgvbafbhepr */ return a'));
keep(Promise.reject(new Error('zqerwrpgrq')).catch(() => {}), { visibleDate: new Date(), visibleBig: 123456789012345678n });
keep({ get [Symbol.toStringTag]() { return 'zqFgevatGnt'; } });
const visibleClosed = { c: 'zqpybfherinyhr' };
keep(() => visibleClosed);

v8.writeHeapSnapshot(process.argv[process.argv.length - 1]);
