'use strict';
// A store whose state is made anew with every action, and which keeps the last
// states to go back to them.
const UNDO = 60;

class Store {
  constructor(state) {
    this.past = [];
    this.present = state;
  }

  update(change) {
    this.past = [...this.past, this.present].slice(-UNDO);
    this.present = {...this.present, ...change};
  }

  undo() {
    this.present = this.past[this.past.length - 1] || this.present;
    this.past = this.past.slice(0, -1);
  }
}

const store = new Store({title: 'untitled', cells: {}, cursor: 0});

exports.store = store;
exports.request = (i) => {
  store.update({title: `document ${i}`, cells: {...store.present.cells, [`c${i % 80}`]: `text of ${i}`}, cursor: i});
  if (i % 11 === 0) store.undo();
};
