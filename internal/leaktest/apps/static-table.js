'use strict';
// A large table that is loaded at the start and only read.
class Postcode {
  constructor(code, place, region) {
    this.code = code;
    this.place = place;
    this.region = region;
  }
}

const regions = Array.from({length: 30}, (_, n) => ({n, name: `Region ${n}`}));
const byCode = new Map();
const byPlace = {};

for (let n = 0; n < 40000; n++) {
  const postcode = new Postcode(String(10000 + n), `Place ${n % 9000}`, regions[n % 30]);
  byCode.set(postcode.code, postcode);
  (byPlace[postcode.place] = byPlace[postcode.place] || []).push(postcode);
}

exports.request = (i) => {
  const found = byCode.get(String(10000 + ((i * 7919) % 40000)));
  return JSON.stringify({place: found.place, others: byPlace[found.place].map((other) => other.code)});
};
