'use strict';
// Lines of a log in an array, that are to be sent away when the collector
// answers. There is no collector.
class LogShipper {
  constructor(send) {
    this.send = send;
    this.unsent = []; // leak
  }

  log(line) {
    this.unsent.push(line);
    if (this.unsent.length % 50 === 0 && this.send(this.unsent)) this.unsent = [];
  }
}

const shipper = new LogShipper(() => false);

exports.request = (i) => {
  const started = `${i} INFO  request ${i} from 10.0.${i % 9}.${i % 200} started`;
  shipper.log(started);
  shipper.log(Buffer.from(`${i} DEBUG loaded ${i % 17} rows for user-${i % 60} in ${i % 40} ms`).toString('latin1'));
  return started.length;
};
