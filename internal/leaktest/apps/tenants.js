'use strict';
// Events by tenant, 200 of them: each list grows a little.
class Tenant {
  constructor(name) {
    this.name = name;
    this.plan = name.length % 2 ? 'free' : 'paid';
    this.events = []; // leak
  }

  add(event) {
    this.events.push(event);
  }
}

class TenantRegistry {
  constructor(count) {
    this.tenants = new Map();
    for (let n = 0; n < count; n++) this.tenants.set(`tenant-${n}`, new Tenant(`tenant-${n}`));
  }

  get(name) {
    return this.tenants.get(name);
  }
}

const registry = new TenantRegistry(200);

exports.request = (i) => {
  const tenant = registry.get(`tenant-${(i * 61) % 200}`);
  tenant.add({kind: ['login', 'edit', 'export'][i % 3], user: `u-${i % 77}`, detail: {path: `/doc/${i}`, bytes: i * 3}});
  return JSON.stringify({tenant: tenant.name, plan: tenant.plan});
};
