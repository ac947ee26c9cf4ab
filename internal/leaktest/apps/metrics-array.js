'use strict';
// Timings of every request in an array of the module, for a page that nobody
// has looked at since.
const samples = []; // leak

function observe(name, labels, value) {
  samples.push({name, labels, value, at: samples.length});
}

function summary(name) {
  const values = samples.filter((sample) => sample.name === name).map((sample) => sample.value);
  return {name, count: values.length, mean: values.reduce((sum, value) => sum + value, 0) / (values.length || 1)};
}

const handlers = {
  list: (i) => Array.from({length: i % 9}, (_, n) => ({n})),
  show: (i) => ({i, name: `item ${i}`}),
  stats: () => summary('latency'),
};

exports.request = (i) => {
  const name = i % 100 === 99 ? 'stats' : i % 2 ? 'list' : 'show';
  const answer = JSON.stringify(handlers[name](i));
  observe('latency', {handler: name, status: i % 50 ? '200' : '500', instance: `i-${i}`}, (i * 13) % 200);
  observe('size', {handler: name, instance: `i-${i}`}, answer.length);
  return answer;
};
