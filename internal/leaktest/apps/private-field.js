'use strict';
// A collection in a private field.
class ChangeLog {
  #changes = []; // leak
  #version = 0;

  add(entity, before, after) {
    this.#changes.push({version: ++this.#version, entity, before, after});
  }

  get version() {
    return this.#version;
  }
}

class Inventory {
  constructor(log) {
    this.log = log;
    this.stock = new Map();
  }

  set(sku, count) {
    this.log.add(sku, {count: this.stock.get(sku) || 0}, {count, by: `clerk-${count % 5}`});
    this.stock.set(sku, count);
    return this.log.version;
  }
}

const inventory = new Inventory(new ChangeLog());

exports.inventory = inventory;
exports.request = (i) => inventory.set(`sku-${i % 100}`, i);
