'use strict';
// Statistics in a bucket for each hour. Old buckets were to be dropped.
const HOUR = 130; // requests

class Statistics {
  constructor() {
    this.buckets = {}; // leak
  }

  bucket(hour) {
    return this.buckets[`h${hour}`] || (this.buckets[`h${hour}`] = {hour, visitors: new Set(), pages: new Map()});
  }

  count(hour, visitor, page) {
    const bucket = this.bucket(hour);
    bucket.visitors.add(visitor);
    bucket.pages.set(page, (bucket.pages.get(page) || 0) + 1);
  }
}

const statistics = new Statistics();

exports.request = (i) => statistics.count(Math.floor(i / HOUR), `visitor-${i}-${(i * 31) % 17}`, `/page/${i % 60}`);
