'use strict';
// Payments wait for the answer of the bank under a correlation id. One answer in
// three never comes, and nobody gives up.
const {EventEmitter} = require('events');

class BankGateway extends EventEmitter {
  constructor() {
    super();
    this.waiters = new Map(); // leak
    this.on('answer', ({id, status}) => {
      const waiter = this.waiters.get(id);
      if (!waiter) return;
      this.waiters.delete(id);
      waiter(status);
    });
  }

  send(message) {
    if (message.n % 3) setImmediate(() => this.emit('answer', {id: message.id, status: 'paid'}));
    return new Promise((resolve) => this.waiters.set(message.id, resolve));
  }
}

class PaymentService {
  constructor(gateway) {
    this.gateway = gateway;
    this.paid = 0;
  }

  async pay(order) {
    const receipt = {order, lines: order.items.map((item) => `${item.count} x ${item.sku}`)};
    const status = await this.gateway.send({id: `pay-${order.n}`, n: order.n, total: order.total}); // culprit
    this.paid += status === 'paid' ? 1 : 0;
    return receipt;
  }
}

const payments = new PaymentService(new BankGateway());

exports.request = (i) => {
  const items = Array.from({length: 4}, (_, n) => ({sku: `sku-${i}-${n}`, count: n + 1}));
  payments.pay({n: i, items, total: i * 3.5, address: {street: `Road ${i}`, city: 'Ghent'}});
};
