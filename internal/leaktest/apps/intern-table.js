'use strict';
// A table that makes one object of all equal ones. There is a known number of
// different ones, and the rarer ones come late: it grows less and less.
class Intern {
  constructor() {
    this.table = new Map();
  }

  of(country, kind) {
    const key = `${country}/${kind}`;
    let value = this.table.get(key);
    if (!value) this.table.set(key, value = {country, kind, label: `${kind} of ${country}`, codes: [country.length, kind.length]});
    return value;
  }
}

const intern = new Intern();
let seed = 12345;

// A generator of random numbers that is the same in every run (mulberry32).
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
  return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
}

exports.request = (i) => {
  const values = [];
  for (let n = 0; n < 3; n++) values.push(intern.of(`country-${Math.floor(random() * 80)}`, `kind-${Math.floor(random() * 20)}`));
  return values.map((value) => value.label).join() + i;
};
