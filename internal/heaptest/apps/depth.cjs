'use strict';
// Long chains, circles, functions of every kind: what recursion over a heap
// drowns in.
const A_STEP = 1500;
const kept = {list: null, ring: [], functions: [], tree: null, nested: null, args: []};

function node(depth) {
  return depth ? {left: node(depth - 1), right: node(depth - 1), depth} : {leaf: true};
}

function chain(from, count, wrap) {
  let at = from;
  for (let i = 0; i < count; i++) at = wrap(at, i);
  return at;
}

function capture() {
  return {args: arguments, self: capture, here: () => arguments.length};
}

function ring(n) {
  const members = Array.from({length: n}, (_, i) => ({i}));
  members.forEach((member, i) => {
    member.next = members[(i + 1) % n];
    member.before = members[(i + n - 1) % n];
  });
  return members[0];
}

exports.step = (round) => {
  kept.list = chain(kept.list, A_STEP, (next, n) => ({next, n: round * n}));
  kept.chain = chain(kept.chain || (() => 0), A_STEP, (before) => () => before);
  kept.nested = chain(kept.nested, 300, (inner, n) => (n % 2 ? [inner] : new Map([['in', inner]])));
  kept.prototypes = chain(kept.prototypes || Object.prototype, 50, (proto) => Object.create(proto));
  kept.ring.push(ring(100 + round), ring(3));
  kept.tree = node(7 + (round % 2)); // the one before goes
  for (let n = 0; n < 60; n++) {
    const f = {method() { return n; }, async wait() { return n; }, * each() { yield n; }};
    kept.functions.push(f.method, f.wait, f.each, f.method.bind(f, n), new Function(`return ${n}`), eval(`(x) => x + ${n + round}`));
    kept.args.push(capture(n, 'two', {n}), new Array(n * 10), Object.assign([], {5000: n}));
  }
  kept.self = kept;
  globalThis[`global${round}`] = kept.ring[round - 1];
};
