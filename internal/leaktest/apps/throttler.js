'use strict';
// A rate limiter as a well-known framework has it: each hit is taken off again
// by a timer, and every handle is kept for the shutdown.
const WINDOW_MS = 10;

class ThrottlerStorageService {
  constructor() {
    this.storage = new Map();
    this.timeoutIds = []; // leak
  }

  increment(key, hit) {
    let record = this.storage.get(key);
    if (!record) this.storage.set(key, record = {totalHits: 0, isBlocked: false});
    record.totalHits++;
    this.timeoutIds.push(setTimeout(() => { // culprit
      record.totalHits--;
      hit.expired = true;
    }, WINDOW_MS));
    return record;
  }

  onApplicationShutdown() {
    this.timeoutIds.forEach(clearTimeout);
  }
}

class ThrottlerGuard {
  constructor(storageService) {
    this.storageService = storageService;
  }

  canActivate(context) {
    const hit = {ip: context.ip, route: context.route, at: Date.now()};
    return this.storageService.increment(`${context.ip}:${context.route}`, hit).totalHits < 1000;
  }
}

class OrdersController {
  constructor(guard) {
    this.guard = guard;
    this.served = 0;
  }

  list(context) {
    if (!this.guard.canActivate(context)) throw new Error('429');
    this.served++;
    return JSON.stringify(Array.from({length: 5}, (_, n) => ({id: n, customer: context.ip})));
  }
}

const controller = new OrdersController(new ThrottlerGuard(new ThrottlerStorageService()));

exports.controller = controller;
exports.request = (i) => controller.list({ip: `10.0.0.${i % 40}`, route: `/orders/${i % 5}`, headers: {host: 'shop', 'x-id': String(i)}});
