// Strings with all that JSON has to write down with care, symbols, bigints,
// regular expressions, and the same texts many times.
const A_STEP = 120;
const kept = [];

const awkward = [
  '', ' ', '"', '\\', '/', "'", ',', '\n', '\r\n', '\t', '\b\f\v\0', '\x7f', '\x80\x9f', 'é', 'ÿ', 'Ā', '中文', '😀', '👩‍👩‍👧',
  '\ud800', '\udc00', '\udc00\ud800', 'a\ud83d', '\ude00b', '\ufffd', '\ufeff', '\u2028\u2029', '\uffff', '</script>', '<b>', 'null', '0',
  '=1+1', '\\u0041', '\\', '],[', '"strings":[', '{"snapshot":{}}',
];

// same makes texts that are equal and not the same object.
const same = (text, n) => [text, String(n % 3)].join('|');

function template(strings, ...values) {
  return {strings, values};
}

export function step(round) {
  for (let i = 0; i < A_STEP; i++) {
    const n = round * A_STEP + i;
    const odd = awkward[n % awkward.length];
    kept.push(`${odd}${n}`, same(`repeated ${n % 10}`, n), [odd, n, odd].join('~'), {[`k${odd}`]: odd});
    kept.push(`${'x'.repeat(1000 + (n % 60))}${n}`, ('ab' + odd).repeat(300 + n)); // near and above the cut at 1024
    kept.push(Symbol(odd), Symbol.for(`registered ${n % 5}`), BigInt(n) ** 20n, -(2n ** 64n), new RegExp(`^a{${n % 9}}$`, 'giu'));
    kept.push(template`a ${n} b`, new String(odd), Object(Symbol.iterator), Object(5n), new Error(`${odd} ${n}`), new Date(n));
    if (n % 6 === 0) kept.push(/(?<year>\d{4})/u.exec(`in ${1900 + (n % 100)}`), new Intl.NumberFormat('de-CH'), new URL(`http://example.test/${n}?q=${n}`));
    if (n % 10 === 0) kept.push(new Function(`return ${JSON.stringify(odd)} + ${n}`), {[Symbol(odd)]: n});
  }
}
