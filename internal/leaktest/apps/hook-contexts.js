'use strict';
// Request contexts that follow asynchronous calls, by an async hook as libraries
// did it before AsyncLocalStorage. What is destroyed is not taken out.
const asyncHooks = require('async_hooks');

class Namespace {
  constructor() {
    this.active = null;
    this.contexts = new Map(); // leak
    asyncHooks.createHook({
      init: (id, type, trigger) => {
        const context = this.active || this.contexts.get(trigger);
        if (context) this.contexts.set(id, context);
      },
      before: (id) => {
        this.active = this.contexts.get(id) || null;
      },
      after: () => {
        this.active = null;
      },
    }).enable();
  }

  run(values, work) {
    this.active = values;
    const result = work();
    this.active = null;
    return result;
  }

  get(name) {
    return this.active ? this.active[name] : undefined;
  }
}

const namespace = new Namespace();

async function load(i) {
  await Promise.resolve();
  return {i, tenant: namespace.get('tenant'), rows: [i, i + 1]};
}

exports.request = (i) => namespace.run({tenant: `tenant-${i % 9}`, request: {id: `r-${i}`, path: `/t/${i}`}}, async () => {
  const data = await load(i);
  return JSON.stringify(data);
});
