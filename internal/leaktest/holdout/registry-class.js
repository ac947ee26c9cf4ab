'use strict';
// A registry that is a Map with more methods, of devices that call in and are
// never heard of again.
class Device {
  constructor(id, address) {
    this.id = id;
    this.address = address;
    this.lastSeen = 0;
    this.capabilities = ['report', `v${id.length}`];
  }
}

class DeviceRegistry extends Map {
  checkIn(id, address, now) {
    let device = this.get(id);
    if (!device) this.set(id, device = new Device(id, address));
    device.lastSeen = now;
    return device;
  }

  active(now) {
    return [...this.values()].filter((device) => device.lastSeen > now - 50).length;
  }
}

const devices = new DeviceRegistry(); // leak

exports.request = (i) => {
  devices.checkIn(`device-${i % 6 ? i : i % 36}`, {ip: `10.3.${i % 200}.${i % 250}`, port: 4000 + (i % 999)}, i);
  return i % 100 ? 0 : devices.active(i);
};
