'use strict';
// Orders register themselves with their class, "for debugging".
class Money {
  constructor(amount, currency) {
    this.amount = amount;
    this.currency = currency;
  }
}

class Order {
  static instances = []; // leak

  constructor(id, lines) {
    this.id = id;
    this.lines = lines;
    this.total = new Money(lines.reduce((sum, line) => sum + line.price * line.count, 0), 'EUR');
    Order.instances.push(this);
  }

  toJSON() {
    return {id: this.id, total: this.total.amount};
  }
}

class Checkout {
  place(basket) {
    const order = new Order(`order-${basket.n}`, basket.items.map((item) => ({...item, price: item.price * 1.21})));
    return JSON.stringify(order);
  }
}

const checkout = new Checkout();

exports.request = (i) => checkout.place({n: i, items: Array.from({length: 6}, (_, k) => ({sku: `s-${i}-${k}`, count: k + 1, price: 9.5 + k}))});
