'use strict';
// A job server with bursts: many jobs are under way when the second snapshot is
// taken, few at the others, and all of them end.
class Job {
  constructor(id, payload) {
    this.id = id;
    this.payload = payload;
    this.steps = payload.steps.map((name) => ({name, done: false}));
  }

  run() {
    for (const step of this.steps) step.done = true;
    return this.steps.length;
  }
}

class JobServer {
  constructor() {
    this.running = new Map();
    this.finished = 0;
  }

  start(job) {
    this.running.set(job.id, job);
  }

  drain() {
    for (const [id, job] of this.running) {
      this.finished += job.run() > 0 ? 1 : 0;
      this.running.delete(id);
    }
  }
}

const server = new JobServer();
const make = (i) => new Job(`job-${i}`, {steps: ['fetch', 'scale', 'store', `notify-${i}`], blob: `data ${i} `.repeat(30)});
let next = 1e6;

exports.request = (i) => {
  server.start(make(i));
  if (i % 16 === 0) server.drain();
};

exports.beforeShot = (n) => {
  server.drain();
  for (let k = 0; k < (n === 2 ? 800 : 20); k++) server.start(make(next++));
};

exports.afterShot = () => server.drain();
