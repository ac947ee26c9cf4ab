'use strict';
// Memoized functions whose arguments become a key as JSON. One of them gets an
// argument that is different each time.
function memoize(fn) {
  const results = new Map(); // leak
  return (...args) => {
    const key = JSON.stringify(args);
    if (!results.has(key)) results.set(key, fn(...args));
    return results.get(key);
  };
}

const vat = memoize((country) => ({country, rate: country.length * 7.5}));

const quote = memoize((basket, options) => {
  const net = basket.reduce((sum, item) => sum + item.price, 0);
  return {net, gross: net * (1 + vat(options.country).rate / 100), valid: options.at, notes: [`for ${options.country}`]};
});

exports.request = (i) => {
  const basket = [{sku: `a${i % 10}`, price: 5}, {sku: `b${i % 4}`, price: 7.25}, {sku: `c${i % 3}`, price: 11}];
  return JSON.stringify(quote(basket, {country: ['be', 'nl', 'lux'][i % 3], at: 1700000000 + i}));
};
