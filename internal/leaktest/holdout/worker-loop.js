'use strict';
// A worker in an endless loop, with a list of what it has done in a variable of
// that function.
const inbox = [];
let wake = null;

function next() {
  if (inbox.length) return Promise.resolve(inbox.shift());
  return new Promise((resolve) => {
    wake = resolve;
  });
}

async function consume(report) {
  const processed = []; // leak
  report(() => processed.length);
  for (;;) {
    const task = await next();
    processed.push({task, result: task.words.map((word) => word.length), ok: true});
  }
}

let count = () => 0;
consume((ask) => {
  count = ask;
});

exports.request = async (i) => {
  const task = {id: i, words: [`alpha${i}`, 'beta', `gamma${i % 10}`]};
  if (wake) {
    wake(task);
    wake = null;
  } else {
    inbox.push(task);
  }
  await null;
  return count();
};
