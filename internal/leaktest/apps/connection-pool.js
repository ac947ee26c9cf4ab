'use strict';
// A pool of connections to a database that grows with the load up to its limit,
// which it reaches between the first and the second snapshot.
const net = require('net');

class PooledConnection {
  constructor(id, port) {
    this.id = id;
    this.statements = new Map();
    this.buffer = Buffer.alloc(2048);
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.unref();
  }

  query(text) {
    if (this.statements.size < 20) this.statements.set(text, {text, name: `s${this.statements.size}`});
    return new Promise((resolve) => {
      this.socket.once('data', (data) => resolve(data.length));
      this.socket.write(text);
    });
  }
}

class Pool {
  constructor(limit) {
    this.limit = limit;
    this.all = [];
    this.idle = [];
  }

  acquire(port, wanted) {
    while (this.all.length < Math.min(wanted, this.limit)) {
      const connection = new PooledConnection(this.all.length, port);
      this.all.push(connection);
      this.idle.push(connection);
    }
    return this.idle.shift();
  }
}

const database = net.createServer((socket) => socket.on('data', (data) => socket.write(data)));
const pool = new Pool(40);

exports.ready = new Promise((resolve) => database.listen(0, '127.0.0.1', resolve));

exports.request = async (i) => {
  const connection = pool.acquire(database.address().port, 10 + Math.floor(i / 28));
  const bytes = await connection.query(`select ${i % 30}`);
  pool.idle.push(connection);
  return bytes;
};
