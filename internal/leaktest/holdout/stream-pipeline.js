'use strict';
// Uploads that run through streams with back-pressure, a few at a time, and are
// gone when they end.
const {Readable, Transform, Writable, pipeline} = require('stream');
const zlib = require('zlib');

class Upper extends Transform {
  _transform(chunk, encoding, done) {
    done(null, chunk.toString().toUpperCase());
  }
}

class Sink extends Writable {
  constructor() {
    super({highWaterMark: 64});
    this.bytes = 0;
  }

  _write(chunk, encoding, done) {
    this.bytes += chunk.length;
    setImmediate(done);
  }
}

exports.request = (i) => new Promise((resolve, reject) => {
  const sink = new Sink();
  const source = Readable.from(Array.from({length: 3}, (_, n) => `part ${n} of upload ${i} `.repeat(8)));
  const done = (error) => (error ? reject(error) : resolve(sink.bytes));
  if (i % 5) pipeline(source, new Upper(), sink, done);
  else pipeline(source, new Upper(), zlib.createGzip(), sink, done);
});
