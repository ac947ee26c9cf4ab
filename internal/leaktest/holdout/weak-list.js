'use strict';
// Observers that are held weakly, so that they can go. What stays is the weak
// references.
class Observers {
  constructor() {
    this.refs = []; // leak
  }

  add(observer) {
    this.refs.push(new WeakRef(observer));
  }

  notify(value) {
    let reached = 0;
    for (const ref of this.refs) {
      const observer = ref.deref();
      if (!observer) continue;
      observer.value = value;
      reached++;
    }
    return reached;
  }
}

const observers = new Observers();

exports.request = async (i) => {
  for (let k = 0; k < 5; k++) observers.add({i, k, value: null});
  await new Promise(setImmediate);
  return i % 50 ? 0 : observers.notify(i);
};
