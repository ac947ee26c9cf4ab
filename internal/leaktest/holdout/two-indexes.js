'use strict';
// Customers in two indexes at once, by number and by mail. They are taken out of
// neither.
class Customer {
  constructor(n) {
    this.id = `c-${n}`;
    this.mail = `c${n}@mail.example`;
    this.address = {street: `Road ${n}`, city: `City ${n % 40}`};
  }
}

class Customers {
  constructor() {
    this.byId = new Map(); // leak
    this.byMail = new Map();
  }

  add(customer) {
    this.byId.set(customer.id, customer);
    this.byMail.set(customer.mail, customer);
  }

  find(mail) {
    return this.byMail.get(mail);
  }
}

const customers = new Customers();

exports.request = (i) => {
  customers.add(new Customer(i));
  return customers.find(`c${i}@mail.example`).id;
};
