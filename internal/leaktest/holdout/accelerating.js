'use strict';
// Drafts that are never thrown away. The service becomes popular: each interval
// brings more of them than the one before.
class DraftStore {
  constructor() {
    this.drafts = new Map(); // leak
  }

  save(id, text) {
    this.drafts.set(id, {id, text, versions: [text.length], author: `author-${id.length}`});
  }
}

const store = new DraftStore();

exports.request = (i) => {
  const drafts = 1 + Math.floor(i / 400);
  for (let n = 0; n < drafts; n++) store.save(`draft-${i}-${n}`, `Dear reader, this is draft ${n} of ${i}`);
};
