'use strict';
// A pool of workers without a limit: there are as many as ever were busy at once, which
// becomes more by the same number in each interval. They are all used again and again.
class RenderContext {
  constructor(id) {
    this.id = id;
    this.canvas = Array.from({length: 400}, (_, n) => n * 1.5);
    this.fonts = {family: `face-${id}`, size: 12};
    this.page = null;
  }

  render(page) {
    this.page = {page, lines: page.split(' ')};
    return this.page.lines.length;
  }
}

class RenderPool {
  constructor() {
    this.contexts = [];
    this.free = [];
  }

  acquire() {
    const context = this.free.shift();
    if (context) return context;
    this.contexts.push(new RenderContext(this.contexts.length));
    return this.contexts[this.contexts.length - 1];
  }

  release(context) {
    this.free.push(context);
  }
}

const pool = new RenderPool();

// So many pages are rendered at once in request i.
const width = (i) => 20 + Math.floor(i / 5);

exports.request = (i) => {
  const busy = [];
  while (busy.length < width(i)) busy.push(pool.acquire());
  const lines = busy.map((context, n) => context.render(`page ${n} of request ${i}`));
  while (busy.length > 0) pool.release(busy.splice((i * 7) % busy.length, 1)[0]); // as they end
  return lines.length;
};
