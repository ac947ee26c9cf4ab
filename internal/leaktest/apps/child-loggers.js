'use strict';
// Loggers with bindings of the request, which their parent knows, so that a
// change of the level reaches them.
class Logger {
  constructor(parent, bindings) {
    this.parent = parent;
    this.bindings = bindings;
    this.level = parent ? parent.level : 'info';
    this.children = []; // leak
    if (parent) parent.children.push(this);
  }

  child(bindings) {
    return new Logger(this, {...this.bindings, ...bindings});
  }

  setLevel(level) {
    this.level = level;
    for (const child of this.children) child.setLevel(level);
  }

  info(message) {
    return this.level === 'silent' ? '' : JSON.stringify({...this.bindings, message});
  }
}

const rootLogger = new Logger(null, {service: 'shop', version: '4.2.1'});

exports.request = (i) => {
  const log = rootLogger.child({request: `r-${i}`, route: `/r/${i % 8}`, user: `user-${i % 90}`});
  log.info('started');
  return log.info('done').length;
};
