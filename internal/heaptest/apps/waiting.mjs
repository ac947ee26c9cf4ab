// Generators and async functions that stand still half way, promises that never
// settle.
import {EventEmitter} from 'events';

const A_STEP = 120;
const kept = [];
const bus = new EventEmitter();
bus.setMaxListeners(0);
const never = new Promise(() => {});

function* numbers(from) {
  const squares = [];
  for (let n = from; ; n++) {
    squares.push(n * n);
    yield* [n, squares.length];
  }
}

async function* pages(n) {
  const buffer = new Array(8).fill({n});
  while (true) {
    yield buffer;
    await never;
  }
}

async function handler(request) {
  const started = {at: request.n, big: 'x'.repeat(50) + request.n};
  await null;
  try {
    await never;
  } finally {
    started.done = true;
  }
}

class Job {
  constructor(n) {
    this.n = n;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.next = this.promise.then((v) => v + n, () => this);
  }
}

const thenable = (n) => ({then(resolve) { this.resolve = resolve; }, n});

export async function step(round) {
  for (let i = 0; i < A_STEP; i++) {
    const n = round * A_STEP + i;
    const generator = numbers(n);
    generator.next();
    const stream = pages(n);
    stream.next();
    stream.next();
    kept.push(generator, stream, handler({n}), new Job(n), Promise.race([never, new Promise(() => n)]), Promise.resolve(thenable(n)));
    if (n % 3 === 0) kept.push(Promise.all([never, n]), Promise.reject(new Error(`${n}`)).catch((e) => e), [1, 2].entries(), new Map([[n, n]]).values());
    bus.on(`event ${n % 7}`, function listener() { return n; });
    bus.once('end', kept[kept.length - 1].constructor);
    queueMicrotask(() => kept.length);
  }
  await null;
}
