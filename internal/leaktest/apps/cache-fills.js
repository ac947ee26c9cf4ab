'use strict';
// A cache with a limit that is half empty at the first snapshot and full at the
// second: it grows once.
class GeoCache {
  constructor(limit) {
    this.limit = limit;
    this.places = new Map();
  }

  lookup(ip) {
    let place = this.places.get(ip);
    if (!place) {
      place = {ip, city: `City of ${ip}`, at: [ip.length, ip.length * 2], names: {en: `Town ${ip}`, fr: `Ville ${ip}`}};
      this.places.set(ip, place);
      if (this.places.size > this.limit) this.places.delete(this.places.keys().next().value);
    }
    return place;
  }
}

const cache = new GeoCache(1000);

exports.request = (i) => cache.lookup(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).city.length;
