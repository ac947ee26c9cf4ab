'use strict';
// Tracing: a span knows its parent and becomes the current one. When it ends,
// the parent should be the current one again.
class Span {
  constructor(name, parent) {
    this.name = name;
    this.parent = parent;
    this.attributes = {};
    this.ended = false;
  }
}

class Tracer {
  constructor() {
    this.current = null; // leak
    this.ended = 0;
  }

  start(name) {
    this.current = new Span(name, this.current);
    return this.current;
  }

  end(span) {
    span.ended = true;
    this.ended++;
  }
}

const tracer = new Tracer();

exports.tracer = tracer;
exports.request = (i) => {
  const span = tracer.start(`GET /item/${i}`);
  span.attributes.user = `user-${i % 70}`;
  span.attributes.rows = [i, i + 1, i + 2];
  tracer.end(span);
};
