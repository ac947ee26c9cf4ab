'use strict';
// Connections that stay open, as many as there are clients: 20, 60, then 30.
const net = require('net');

class Client {
  constructor(id, socket) {
    this.id = id;
    this.socket = socket;
    this.history = Array.from({length: 10}, (_, n) => `message ${n} of ${id}`);
  }
}

const clients = new Map();
const remotes = [];
let accepted = 0;

const server = net.createServer((socket) => {
  const client = new Client(`client-${accepted++}`, socket);
  clients.set(client.id, client);
  socket.on('data', (data) => socket.write(data));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clients.delete(client.id));
});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

async function connectOne() {
  const remote = net.connect(server.address().port, '127.0.0.1');
  await new Promise((resolve) => remote.on('connect', () => remote.write('hi')).once('data', resolve));
  remotes.push(remote);
}

exports.request = (i) => (remotes.length ? remotes[i % remotes.length].write(`ping ${i}`) : undefined);

exports.beforeShot = async (n) => {
  const wanted = n === 2 ? 60 : n === 1 ? 20 : 30;
  while (remotes.length < wanted) await connectOne();
  const closing = remotes.splice(wanted);
  await Promise.all(closing.map((remote) => new Promise((resolve) => remote.on('close', resolve).destroy())));
  await new Promise((resolve) => setTimeout(resolve, 20)); // the server hears of it
};
