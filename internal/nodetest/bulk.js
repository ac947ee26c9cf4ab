'use strict';
// A heap whose snapshot has about as many megabytes as the first argument says
// (100 without one), made in a second or two: orders with lines, strings and
// numbers, in chunks of a thousand as real services keep them. Every object
// carries a marker, "order-<n>", that finds it again in another snapshot.
const wanted = Number(process.argv[2] || 100);

class Line {
  constructor(n) {
    this.sku = `sku-${n}`;
    this.amount = n * 0.25;
  }
}

class Order {
  constructor(n) {
    this.marker = `order-${n}`;
    this.lines = [new Line(3 * n), new Line(3 * n + 1), new Line(3 * n + 2)];
    this.paid = n % 2 === 0;
  }
}

// BYTES_AN_ORDER is what one order adds to a snapshot file of Node.js 22.
const BYTES_AN_ORDER = 1000;
const CHUNK = 1000;
const orders = [];
for (let n = 0; n * BYTES_AN_ORDER < wanted * 1e6; n++) {
  if (n % CHUNK === 0) orders.push([]);
  orders[orders.length - 1].push(new Order(n));
}
globalThis.orders = orders;
console.log(`filled ${orders.length} chunks`);

process.stdin.on('end', () => process.exit(0)).resume();
