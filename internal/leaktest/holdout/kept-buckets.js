'use strict';
// Statistics in a bucket for each hour, of which the last four are kept.
const HOUR = 130; // requests
const KEPT = 4;

class Statistics {
  constructor() {
    this.buckets = new Map();
  }

  bucket(hour) {
    let bucket = this.buckets.get(hour);
    if (!bucket) {
      this.buckets.set(hour, bucket = {hour, visitors: new Set(), pages: new Map()});
      this.buckets.delete(hour - KEPT);
    }
    return bucket;
  }

  count(hour, visitor, page) {
    const bucket = this.bucket(hour);
    bucket.visitors.add(visitor);
    bucket.pages.set(page, (bucket.pages.get(page) || 0) + 1);
  }
}

const statistics = new Statistics();

exports.request = (i) => statistics.count(Math.floor(i / HOUR), `visitor-${i}-${(i * 31) % 17}`, `/page/${i % 60}`);
