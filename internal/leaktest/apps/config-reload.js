'use strict';
// A configuration that is read again and again: a large object takes the place
// of one like it.
class Configuration {
  constructor(version) {
    this.version = version;
    this.rules = Array.from({length: 1500}, (_, n) => ({id: `rule-${n}`, when: {path: `/p/${n}`, version}, then: `pool-${(n + version) % 9}`}));
    this.byPath = new Map(this.rules.map((rule) => [rule.when.path, rule]));
  }
}

class Balancer {
  constructor() {
    this.configuration = new Configuration(0);
  }

  reload(version) {
    this.configuration = new Configuration(version);
  }

  route(path) {
    return this.configuration.byPath.get(path).then;
  }
}

const balancer = new Balancer();

exports.request = (i) => {
  if (i % 90 === 0) balancer.reload(i);
  return balancer.route(`/p/${i % 1500}`);
};
