// How V8 is made to write a snapshot: to a file without a name, or into memory,
// compressed. One expression: a function that is called with require and with what
// surroundings.js and codec.js yield.
(function taking(require, surroundings, codecs) {
  'use strict';
  const { places } = surroundings;
  const { codec } = codecs;
  const { Buffer } = require('buffer');
  const fs = require('fs');
  const path = require('path');
  const v8 = require('v8');
  const RANGE = 2 << 20; // plain bytes in a piece: a millisecond on the loop, and compresses as well as 8 MiB

  // attempt returns what f does, or otherwise where that throws.
  const attempt = (f, otherwise) => { try { return f(); } catch { return otherwise; } };
  // fault makes an error that Go knows by its code.
  const fault = (code, message, more) => Object.assign(new Error(message), { fault: { code, message, ...more } });
  const describe = (e) => (e && e.fault) || { code: String((e && e.code) || ''), message: String((e && e.message) || e) };

  // create makes a file that nobody else can open. Where /proc shows our own
  // descriptors it has no name any more, and V8 writes to it through /proc.
  function create(dir, nonce, n) {
    const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
    const name = path.join(dir, `.ecsheap-${nonce}-${n}`);
    const fd = fs.openSync(name, O_RDWR | O_CREAT | O_EXCL, 0o600);
    const link = `/proc/self/fd/${fd}`;
    const hidden = attempt(() => same(fs.statSync(link), fs.fstatSync(fd)), false);
    if (!hidden) return { fd, name, hidden, hide: () => attempt(() => fs.unlinkSync(name)) };
    fs.unlinkSync(name);
    return { fd, name: link, hidden, hide() {} };
  }

  const same = (a, b) => a.dev === b.dev && a.ino === b.ino;

  // abandon closes a file that could not be written. Node.js 18 and newer leave a
  // descriptor of theirs open then: the other one that leads to the same file.
  function abandon(fd) {
    const ours = fs.fstatSync(fd);
    attempt(() => fs.ftruncateSync(fd, 0));
    for (const n of attempt(() => fs.readdirSync('/proc/self/fd'), []).map(Number)) {
      if (n !== fd) attempt(() => same(fs.fstatSync(n), ours) && fs.closeSync(n));
    }
    fs.closeSync(fd);
  }

  // whole throws unless the file ends as a snapshot does. Old versions of Node.js
  // say nothing when the disk is full: writing on tells.
  function whole(fd) {
    const { size } = fs.fstatSync(fd);
    const tail = Buffer.alloc(16);
    fs.readSync(fd, tail, 0, tail.length, Math.max(0, size - tail.length));
    if (tail.toString('latin1').replace(/[\s\0]+$/, '').endsWith('}')) return size;
    fs.writeSync(fd, Buffer.alloc(1 << 16, 32), 0, 1 << 16, size);
    throw new Error(`it ends after ${size} bytes, unfinished`);
  }

  function onDisk({ need, dirs, nonce, n }) {
    const all = places(dirs, need);
    for (const place of all) {
      if (place.why) continue;
      let file;
      try { file = create(place.path, nonce, n); } catch (e) { place.why = e.code || e.message; continue; }
      try {
        v8.writeHeapSnapshot(file.name);
        return { fd: file.fd, dir: place.path, hidden: file.hidden, bytes: whole(file.fd), held: 0 };
      } catch (e) {
        attempt(() => abandon(file.fd));
        throw fault('WRITE', describe(e).message, { dir: place.path, cause: describe(e).code });
      } finally {
        file.hide();
      }
    }
    throw fault('PLACE', 'no directory', { need, dirs: all });
  }

  // inMemory compresses each piece as soon as V8 has written it. The stream of
  // v8.getHeapSnapshot() has no back-pressure and would hold the whole snapshot,
  // so its push, which gets every chunk at once, is ours: on this one object.
  function inMemory({ cap }) {
    const stream = v8.getHeapSnapshot();
    const blocks = [];
    const block = Buffer.allocUnsafeSlow(RANGE);
    let used = 0, bytes = 0, held = 0, ended = false, failed = null;
    const flush = () => {
      const packed = codec.sync(block.slice(0, used));
      held += packed.length;
      if (held > cap) throw fault('CAP', 'too large', { cap });
      const kept = Buffer.allocUnsafeSlow(packed.length); // packed may be a slice of more
      packed.copy(kept);
      blocks.push(kept);
      bytes += used;
      used = 0;
    };
    const add = (chunk) => {
      for (let at = 0; at < chunk.length;) {
        const n = chunk.copy(block, used, at, at + RANGE - used);
        at += n;
        used += n;
        if (used === RANGE) flush();
      }
    };
    stream.on('error', (e) => { failed = failed || e; });
    stream.push = (chunk) => {
      if (chunk === null) ended = true;
      else if (!failed) {
        try { add(chunk); } catch (e) { failed = e; blocks.length = 0; }
      }
      return true;
    };
    stream.read(0); // V8 writes all of it now
    const complete = ended && block.slice(0, used).toString('latin1').trimEnd().endsWith('}');
    if (!failed && used > 0) flush();
    stream.destroy();
    if (failed) throw failed;
    if (!complete) throw new Error('this version of Node.js hands over a snapshot in a way that we do not know');
    return { blocks, bytes, held, dir: '', hidden: false };
  }

  return { RANGE, onDisk, inMemory, attempt, fault, describe };
})
