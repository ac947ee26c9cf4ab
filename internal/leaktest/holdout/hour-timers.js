'use strict';
// A cart holds its goods for an hour, by a timer. The timer of a cart that is
// paid goes on.
const HOLD_MS = 3600000;

class Stock {
  constructor() {
    this.left = new Map();
  }

  take(sku, count) {
    this.left.set(sku, (this.left.get(sku) || 1000) - count);
  }
}

class CartService {
  constructor(stock) {
    this.stock = stock;
    this.paid = 0;
  }

  reserve(cart) {
    for (const line of cart.lines) this.stock.take(line.sku, line.count);
    setTimeout(() => { // culprit
      for (const line of cart.lines) this.stock.take(line.sku, -line.count);
    }, HOLD_MS).unref();
  }

  pay(cart) {
    cart.paid = true;
    this.paid++;
    return cart.id;
  }
}

const carts = new CartService(new Stock());

exports.carts = carts;
exports.request = (i) => {
  const cart = {id: `cart-${i}`, paid: false, lines: [{sku: `s${i % 40}`, count: 1}, {sku: `t${i % 30}`, count: 2}]};
  carts.reserve(cart);
  return carts.pay(cart);
};
