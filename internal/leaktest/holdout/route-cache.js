'use strict';
// Patterns of routes that are compiled when they are first asked for, the last of
// them soon after the first snapshot.
class Routes {
  constructor(count) {
    this.patterns = Array.from({length: count}, (_, n) => `^/area${n % 20}/item${n}/(\\d+)$`);
    this.compiled = new Map();
  }

  match(url, n) {
    const pattern = this.patterns[n];
    let route = this.compiled.get(pattern);
    if (!route) this.compiled.set(pattern, route = {regexp: new RegExp(pattern), meta: {pattern, used: 0}});
    route.meta.used++;
    return route.regexp.test(url);
  }
}

const COUNT = 900;
const routes = new Routes(COUNT);

exports.request = (i) => {
  const n = i < COUNT ? i : (i * 7) % COUNT;
  return routes.match(`/area${n % 20}/item${n}/${i}`, n);
};
