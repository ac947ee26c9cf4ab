'use strict';
// A line protocol server that keeps its sockets, to close them at shutdown. It
// does not hear of it when they close earlier.
const net = require('net');

class LineServer {
  constructor() {
    this.sockets = new Set(); // leak
    this.commands = 0;
    this.server = net.createServer((socket) => this.accept(socket));
  }

  accept(socket) {
    this.sockets.add(socket);
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      for (const line of text.split('\n').filter(Boolean)) {
        this.commands++;
        socket.write(`ok ${line.toUpperCase()}\n`);
      }
    });
    socket.on('error', () => socket.destroy());
  }

  listen() {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }
}

const service = new LineServer();
exports.ready = service.listen();

exports.request = (i) => new Promise((resolve, reject) => {
  const socket = net.connect(service.server.address().port, '127.0.0.1', () => socket.write(`get item-${i}\n`));
  socket.on('data', () => socket.end());
  socket.on('close', resolve);
  socket.on('error', reject);
});
