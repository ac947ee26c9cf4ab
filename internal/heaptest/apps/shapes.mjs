// Objects of classes with places in the source, and plain objects of many
// shapes: what DevTools infers interfaces from.
const A_STEP = 200;
const kept = [];

class Animal {
  #secret = Math.random();
  static count = 0;
  constructor(name) {
    this.name = name;
    Animal.count++;
  }
  get secret() {
    return this.#secret;
  }
}
class Dog extends Animal {
  constructor(name) {
    super(name);
    this.legs = 4;
  }
}
const Nameless = (() => class {
  x = 1;
})();
// Two classes of one name in two places.
const twins = [
  (() => { class Twin { constructor() { this.left = 1; } } return Twin; })(),
  (() => { class Twin { constructor() { this.right = 1; } } return Twin; })(),
];
function Old(n) {
  this.n = n;
}
Old.prototype.method = function() {};
// Names as elements of a page have them: DevTools cuts them at the first space.
const elements = {
  '<div id="a">': function() { this.tag = 'div'; },
  '<span>': function() { this.tag = 'span'; },
  'Detached <p class="b">': function() { this.tag = 'p'; },
};

// Properties that need quotes, and names above the 120 letters of an interface.
const odd = ['a,b', "it's", '"quoted"', '{braces}', 'new\nline', 'ünïcödé', '\ud800', '', ' ', '0x', '__proto', 'constructor'];
const long = 'aVeryLongPropertyNameThatAloneIsLongerThanWhatAnInterfaceMayHaveForItsNameSoThatItStandsThereAloneOrNotAtAllWithoutAnyOtherNames';

function plain(n) {
  switch (n % 13) {
    case 0: return {a: n};
    case 1: return {a: n, b: n};
    case 2: return {b: n, a: `s${n}`};
    case 3: return {a: n, b: n, c: {}};
    case 4: return {c: 1.5 + n, b: [n], a: n};
    case 5: return {[odd[n % odd.length]]: n, [odd[(n + 1) % odd.length]]: {n}};
    case 6: return {[long]: n, more: n};
    case 7: return {first: n, [long]: n};
    case 8: return {['key' + n]: n, rare: true};
    case 9: return {__proto__: {inherited: n}, own: n};
    case 10: return {['__proto__']: n, own: [n, n + 0.5]};
    case 11: return {0: 'zero', 1: 'one', [`p${n % 3}`]: () => n};
    default: return {get a() { return n; }, set b(v) { n = v; }, q: n};
  }
}

function wide(n) {
  const out = {};
  for (let i = 0; i < 60; i++) out[`property${i}`] = n;
  return out;
}

function dictionary(n) {
  const out = Object.create(null);
  for (let i = 0; i < 30; i++) out[`k${(n * 31 + i) % 97}`] = i;
  delete out[`k${(n * 31) % 97}`];
  return out;
}

export function step(round) {
  for (let i = 0; i < A_STEP; i++) {
    const n = round * A_STEP + i;
    kept.push(plain(n), new Dog(`dog ${n}`), new twins[n % 2](), new Old(n));
    if (n % 5 === 0) kept.push(new Nameless(), Object.freeze({sealed: n}), new Proxy({n}, {get: () => n}), Object.create(Dog.prototype));
    if (n % 9 === 0) for (const name of Object.keys(elements)) kept.push(new elements[name]());
    if (n % 20 === 0) kept.push(wide(n), dictionary(n), [1, , 3], [1.5, n + 0.5], [n, 'mixed', {}], new Array(1000));
    if (n % 25 === 0) kept.push(class { field = n; }, new (class Local { own = n; })());
  }
  for (let i = round; i < kept.length; i += 17) kept[i] = undefined; // some go
}
