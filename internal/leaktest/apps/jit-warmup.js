'use strict';
// Hundreds of functions of which some more become hot in every interval, with
// feedback and optimized code, and nothing else that stays.
const functions = [];

for (let n = 0; n < 240; n++) {
  functions.push(new Function('list', `
    let sum = ${n};
    for (const item of list) {
      sum += item.a * ${n + 1};
      if (item.b && item.b.length > ${n % 7}) sum ^= item.b.charCodeAt(0);
      switch (sum % 3) {
        case 0: sum += [item.a, ${n}].map((x) => x + 1).length; break;
        case 1: sum -= Object.keys(item).length; break;
        default: sum = Math.trunc(sum / 2);
      }
    }
    return sum;`));
}

exports.request = (i) => {
  const hot = Math.min(functions.length, 40 + Math.floor(i / 8));
  const list = Array.from({length: 24}, (_, n) => (n % 2 ? {a: n, b: `b${n}`} : {b: `c${n}`, a: n + 0.5, c: i}));
  let sum = 0;
  for (let n = 0; n < hot; n++) sum += functions[n](list);
  return sum;
};
