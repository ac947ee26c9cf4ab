'use strict';
// Objects by their number in the database, in an object. The numbers are large
// and far apart.
const byNumber = {}; // leak

class Account {
  constructor(number) {
    this.number = number;
    this.owner = `owner of ${number}`;
    this.limits = {day: number % 900, month: number % 9000};
  }
}

function load(number) {
  return byNumber[number] || (byNumber[number] = new Account(number));
}

exports.request = (i) => load(i % 4 ? 1000000 + i * 1777 : 1000000 + (i % 40) * 1777).limits.day;
