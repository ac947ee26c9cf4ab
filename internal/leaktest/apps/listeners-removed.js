'use strict';
// Listeners, timers and sockets by the hundred, all of which are taken off when
// their request ends.
const {EventEmitter} = require('events');
const net = require('net');

const bus = new EventEmitter();
bus.setMaxListeners(0);
const sockets = new Set();

const server = net.createServer((socket) => {
  sockets.add(socket);
  const beat = setInterval(() => socket.write('ping\n'), 60000);
  const onStop = () => socket.destroy();
  bus.on('stop', onStop);
  socket.on('data', (data) => socket.end(data));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearInterval(beat);
    bus.off('stop', onStop);
    sockets.delete(socket);
  });
});

exports.ready = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

exports.request = (i) => new Promise((resolve, reject) => {
  const socket = net.connect(server.address().port, '127.0.0.1', () => socket.write(`hello ${i}`));
  const patience = setTimeout(() => socket.destroy(), 5000);
  socket.resume().on('close', () => {
    clearTimeout(patience);
    resolve();
  }).on('error', reject);
});
