'use strict';
// Private data as it was done before there were private fields: in a WeakMap.
// The object that it belongs to lives as long as the service.
const internal = new WeakMap();

class AuditTrail {
  constructor(name) {
    internal.set(this, {name, entries: []}); // leak
  }

  record(actor, action, subject) {
    internal.get(this).entries.push({actor, action, subject, text: `${actor} ${action} ${subject.type}`});
  }
}

class DocumentService {
  constructor(trail) {
    this.trail = trail;
    this.saved = 0;
  }

  save(doc) {
    this.saved++;
    this.trail.record(`user-${doc.n % 13}`, 'saved', {type: 'document', title: doc.title, size: doc.text.length});
    return JSON.stringify({ok: true, n: this.saved});
  }
}

const service = new DocumentService(new AuditTrail('documents'));

exports.service = service;
exports.request = (i) => service.save({n: i, title: `Minutes of meeting ${i}`, text: 'lorem ipsum '.repeat(i % 20)});
