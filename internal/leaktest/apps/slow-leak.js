'use strict';
// A service with a large catalogue, that is there to stay, and a small leak
// beside it: the catalogue is 300 times what an interval adds.
const FEATURES = 110;

class Product {
  constructor(id) {
    this.id = id;
    this.name = `Product number ${id}`;
    this.price = {amount: (id * 37) % 10000, currency: 'EUR'};
    this.embedding = Array.from({length: FEATURES}, (_, n) => ((id * (n + 3)) % 211) / 211 + 0.001);
  }
}

class Catalogue {
  constructor(count) {
    this.products = new Map();
    for (let id = 0; id < count; id++) this.products.set(id, new Product(id));
  }
}

class ReservationDesk {
  constructor(catalogue) {
    this.catalogue = catalogue;
    this.reservations = new Map(); // leak
  }

  reserve(id, user) {
    const product = this.catalogue.products.get(id);
    this.reservations.set(`${user.id}/${id}`, {product, user, until: user.n + 900, note: `for ${user.name}`});
    return {id, name: product.name};
  }
}

const desk = new ReservationDesk(new Catalogue(72000));

exports.request = (i) => JSON.stringify(desk.reserve((i * 7919) % 72000, {n: i, id: `user-${i}`, name: `Customer ${i}`}));
