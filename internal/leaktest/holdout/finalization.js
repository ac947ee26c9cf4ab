'use strict';
// Handles that are to be closed when nobody needs them any more. What the
// registry is given for that leads back to the handle, so that it is never told.
class Handle {
  constructor(n) {
    this.n = n;
    this.path = `/var/data/file-${n}`;
    this.stats = {opened: n, reads: 0};
  }
}

let closed = 0;

const registry = new FinalizationRegistry((stats) => { // leak
  closed += stats.owner.n ? 1 : 0;
});

function open(n) {
  const handle = new Handle(n);
  handle.stats.owner = handle;
  registry.register(handle, handle.stats);
  return handle;
}

exports.request = (i) => open(i).path.length + closed;
