'use strict';
// The documents that were opened last, newest at the end, without a limit: one that is opened
// again is taken out and put back, and most never are.
class Recent {
  constructor() {
    this.recent = []; // leak
  }

  open(id) {
    const at = this.recent.findIndex((document) => document.id === id);
    const [document] = at < 0 ? [{id, title: `Document ${id}`, views: [], text: `text of ${id} `.repeat(10)}] : this.recent.splice(at, 1);
    document.opened = {by: `user-${id % 7}`, at: `${id}`};
    this.recent.push(document);
    return document.title;
  }
}

const recent = new Recent();

exports.request = (i) => recent.open(i % 4 === 3 ? Math.floor(i / 3) : i);
