'use strict';
// Workers that are replaced by new ones after so many tasks, and have a memory of
// their own meanwhile.
class Worker {
  constructor(id) {
    this.id = id;
    this.tasks = [];
    this.known = new Map();
  }

  run(task) {
    this.tasks.push(task);
    this.known.set(task.key, {key: task.key, seen: this.tasks.length});
    return this.known.size;
  }
}

class WorkerPool {
  constructor(size, recycleAfter) {
    this.recycleAfter = recycleAfter;
    this.ids = 0;
    this.workers = Array.from({length: size}, () => new Worker(this.ids++));
  }

  run(n, task) {
    const slot = n % this.workers.length;
    if (this.workers[slot].tasks.length >= this.recycleAfter - slot) this.workers[slot] = new Worker(this.ids++);
    return this.workers[slot].run(task);
  }
}

const pool = new WorkerPool(12, 24);

exports.request = (i) => pool.run(i, {key: `task-${i}`, payload: {text: `work on ${i}`, parts: [i, i + 1]}});
