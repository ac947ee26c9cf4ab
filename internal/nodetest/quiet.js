'use strict';
// A healthy service: it answers, remembers a bounded number of answers, and
// grows no further. It ends when its stdin does.
const http = require('http');

const REMEMBERED = 100;

class AnswerCache {
  constructor(limit) {
    this.limit = limit;
    this.answers = new Map();
  }

  get(key, make) {
    let answer = this.answers.get(key);
    if (answer === undefined) {
      answer = make(key);
      this.answers.set(key, answer);
      if (this.answers.size > this.limit) this.answers.delete(this.answers.keys().next().value);
    }
    return answer;
  }
}

const cache = new AnswerCache(REMEMBERED);
const server = http.createServer((request, response) => {
  const answer = cache.get(request.url, (url) => ({url, at: Date.now(), words: url.split('/')}));
  response.end(JSON.stringify(answer));
});
server.listen(0, '127.0.0.1', () => console.log(`ready at 127.0.0.1:${server.address().port}`));

process.stdin.on('end', () => process.exit(0)).resume();
