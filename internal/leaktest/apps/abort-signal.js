'use strict';
// Every call listens to the one signal of the shutdown, and does not stop when
// it is done.
const shutdown = new AbortController(); // leak
require('events').setMaxListeners(0, shutdown.signal);

function call(url, {signal}) {
  const state = {url, headers: {accept: 'application/json', via: `proxy-${url.length}`}, done: false};
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => { // culprit
      if (!state.done) reject(new Error(`aborted: ${state.url}`));
    });
    setImmediate(() => {
      state.done = true;
      state.body = `answer of ${url}`;
      resolve(state.body);
    });
  });
}

exports.request = (i) => call(`http://stock.example/items/${i}`, {signal: shutdown.signal});
