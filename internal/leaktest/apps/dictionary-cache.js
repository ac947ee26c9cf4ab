'use strict';
// An object as a cache: tokens and who they belong to. Expired ones are marked,
// not deleted.
const tokens = {}; // leak

class Principal {
  constructor(name, scopes) {
    this.name = name;
    this.scopes = scopes;
    this.expired = false;
  }
}

function verify(token) {
  if (!tokens[token]) {
    const [, name, scope] = token.split('.');
    tokens[token] = new Principal(name, scope.split('+'));
  }
  return tokens[token];
}

function expire(token) {
  if (tokens[token]) tokens[token].expired = true;
}

exports.request = (i) => {
  const token = `eyJ${i.toString(36)}.user-${i % 60}.read+write+lang-${i % 5}`;
  const principal = verify(token);
  if (i % 2) expire(token);
  return JSON.stringify({name: principal.name, may: principal.scopes.includes('read')});
};
