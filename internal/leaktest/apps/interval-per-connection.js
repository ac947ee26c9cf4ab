'use strict';
// A chat server that sends a heartbeat to each connection, and to those that are
// closed as well.
const net = require('net');

const HEARTBEAT_MS = 30000;

class Connection {
  constructor(socket, id) {
    this.socket = socket;
    this.id = id;
    this.outbox = [];
    this.beats = 0;
    setInterval(() => { // culprit
      this.beats++;
      if (this.socket.writable) this.socket.write('ping\n');
    }, HEARTBEAT_MS);
    socket.on('data', (data) => this.say(data.toString().trim()));
    socket.on('error', () => socket.destroy());
  }

  say(text) {
    this.outbox.push({from: this.id, text});
    this.socket.write(`${this.id}: ${text}\n`);
  }
}

let accepted = 0;
const server = net.createServer((socket) => new Connection(socket, `guest${accepted++}`));

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const socket = net.connect(server.address().port, '127.0.0.1', () => socket.write(`hello ${i}\n`));
  socket.once('data', () => socket.end());
  socket.on('close', resolve).on('error', reject);
});
