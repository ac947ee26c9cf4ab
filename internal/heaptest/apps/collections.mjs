// Maps, sets, weak collections in all the knots that ephemerons can be tied to,
// closures, timers.
const A_STEP = 150;

const map = new Map();
const set = new Set();
const weak = new WeakMap();
const other = new WeakMap();
const weakSet = new WeakSet();
const keys = [];
const closures = [];
const timers = [];
const refs = [];
const registry = typeof FinalizationRegistry === 'function' ? new FinalizationRegistry(() => {}) : undefined;

let chain = () => 0;

class Key {
  constructor(n) {
    this.n = n;
  }
}

class Value {
  constructor(key, text) {
    this.key = key; // the value holds its own key
    this.text = text;
  }
}

function counter(n) {
  let count = n;
  const big = new Array(20).fill(n);
  return {up: () => ++count, down: () => --count, size: () => big.length};
}

// knot stores a key in ways that need a fixed point to see what is alive.
function knot(n) {
  const key = new Key(n);
  const value = new Value(key, `value ${n}`);
  weak.set(key, value);
  if (n % 2) other.set(value, {inner: new Key(-n), back: key});
  if (n % 3 === 0) other.set(key, weak);
  if (n % 5 === 0) weak.set(weak.get(key), other); // a value as a key
  if (n % 7 === 0) weak.set(() => key, [key]); // a key that nothing else holds
  weakSet.add(key);
  if (n % 2 === 0) keys.push(key);
  if (typeof WeakRef === 'function') refs.push(new WeakRef(value));
  if (registry) registry.register(key, value, value);
}

export function step(round) {
  for (let i = 0; i < A_STEP; i++) {
    const n = round * A_STEP + i;
    knot(n);
    map.set(n % 3 ? `key-${n}` : {n}, i % 2 ? n : new Map([[n, `nested ${n}`]]));
    set.add(n % 4 ? n : `text ${n}`).add(closures);
    closures.push(counter(n));
    const before = chain;
    chain = () => before() + n;
    timers.push(setTimeout(before, 1e8 + (n % 3)), setInterval(() => map.size, 1e8));
    if (n % 10 === 0) timers.push(setImmediate(() => set.size));
    if (n % 11 === 0) map.delete(`key-${n - 20}`);
  }
  for (const timer of timers.splice(0, 10)) clearTimeout(timer);
}
