'use strict';
// Sessions in memory, as JSON, under the id of a cookie. Robots bring no cookie
// and get a new session each time; none ever expires.
const crypto = require('crypto');
const http = require('http');

class MemoryStore {
  constructor() {
    this.sessions = Object.create(null); // leak
  }

  get(sid) {
    const text = this.sessions[sid];
    return text && JSON.parse(text);
  }

  set(sid, session) {
    this.sessions[sid] = JSON.stringify(session);
  }
}

const store = new MemoryStore();
let counter = 0;

function session(req, res, next) {
  const cookie = /sid=(\w+)/.exec(req.headers.cookie || '');
  req.sid = cookie ? cookie[1] : crypto.createHash('sha1').update(`sid-${counter++}`).digest('hex');
  req.session = store.get(req.sid) || {cookie: {path: '/', httpOnly: true, originalMaxAge: null}, views: 0};
  next();
  store.set(req.sid, req.session);
  res.setHeader('set-cookie', `sid=${req.sid}; Path=/; HttpOnly`);
}

const server = http.createServer((req, res) => {
  session(req, res, () => {
    req.session.views++;
    req.session.last = {url: req.url, agent: req.headers['user-agent'], language: req.headers['accept-language']};
  });
  res.end(`seen ${req.session.views} times`);
});
const agent = new http.Agent({keepAlive: true, maxSockets: 8});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const headers = {'user-agent': `robot/${i % 20} (+http://robots.example/about?page=${i})`, 'accept-language': 'en-GB,en;q=0.5'};
  if (i % 3 === 0) headers.cookie = `sid=regular${i % 5}`;
  http.get({port: server.address().port, host: '127.0.0.1', path: `/item/${i}`, headers, agent}, (res) => {
    res.resume().on('end', resolve).on('error', reject);
  }).on('error', reject);
});
