// ecsheap's code inside the target process. It runs in Node.js 14 and newer, in
// the main thread or a worker, of CommonJS and ES module programs alike, and is
// evaluated as one expression: a function that is called with require, what
// surroundings.js, codec.js, taking.js and upload.js yield, and options.
//
// What it does to the process, in full:
//   - one property on globalThis, Symbol.for("ecsheap.guest"), not enumerable,
//     deleted at the end. No other global is touched, nothing is patched.
//   - a file that is unlinked before anything is in it, for a snapshot on disk.
//   - unref'd timers: they keep nothing alive. One of them, the watchdog, frees
//     everything and deletes the guest when nobody has called for a while.
//   - reading and compressing happen in libuv's thread pool, not on the loop.
//   - nothing is done where the inspector runs an expression, which is between any
//     two steps of JavaScript, those of Node.js too: see answer.
// It never throws into the application and leaves no promise rejected: every
// answer is {value} or {error: {code, message, …}}.
//
// Assumed: the modules of Node.js do what they say. A program that replaced fs or
// timers for its own tests (mock-fs, fake timers) gets an error or a guest that
// stays until it is removed, not a wrong snapshot.
(function install(require, surroundings, codecs, taken, uploads, options) {
  'use strict';
  const { vitals, memory, places, usage, peakRSS } = surroundings;
  const { codec, joinable, encode, crc32 } = codecs;
  const { RANGE, onDisk, inMemory, attempt, fault, describe } = taken;
  const KEY = Symbol.for('ecsheap.guest');
  const GAP = 10; // ms between two answers with pieces: Node.js up to 22 may crash when a connection ends just as an answer leaves, and two at once are two chances
  const AHEAD = 3; // pieces packed at once for an upload: one thread of libuv's four is left to the application
  const AGAIN = 1.15; // times what the last snapshot took, the next one takes beside what that left: at most, as package gate has it, since nobody is there to be asked
  const STUCK = 5; // times the silence after which what is under way is given up: the pool may hang
  const ERRORS_KEPT = 20;
  const SAMPLES_KEPT = 4000; // then every second one goes
  const BREATH = 5e3; // ms for the application between a try that the disk refused and the next one, in memory
  const MAX_TIMER = 2 ** 31 - 1; // setTimeout takes no more

  const { Buffer } = require('buffer');
  const fs = require('fs');
  const { setTimeout, setInterval, clearTimeout, clearInterval } = require('timers');
  const NativePromise = (async () => {})().constructor; // globalThis.Promise may be another

  // now is a steady clock in milliseconds.
  const now = () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6; };

  const shots = new Map(); // id -> shot
  const pending = new Set(); // promises that the inspector waits for: V8 would collect them
  const installed = now();
  let touched = installed; // when somebody called last
  let running = 0; // calls and work of ours that are under way
  let taking = false;
  let removed = false;
  let lastID = 0;
  let series = null;
  let spare = []; // buffers for pieces
  let left = 0; // when the last answer with a piece left, or will

  // ---- taking -------------------------------------------------------------

  class EcsheapGuest {} // the sentinel: by its one instance ids are checked
  const sentinel = new EcsheapGuest();

  function take(args) {
    if (taking) throw fault('TAKING', 'a snapshot is being taken already');
    taking = true;
    spare = []; // not to be in the snapshot
    try {
      const id = args.again || ++lastID;
      sentinel['shot' + id] = {}; // newer than all that the snapshot before knows
      const before = usage();
      const peak = peakRSS();
      const began = now();
      const got = args.mode === 'memory' ? inMemory(args) : onDisk({ ...args, n: id });
      const pauseMs = now() - began;
      const after = usage();
      const top = peakRSS();
      const shot = {
        id, mode: args.mode, startedAt: before.at, pauseMs, rssBefore: before.rss, rssAfter: after.rss, rssPeak: top > peak ? top : 0,
        heapUsedBefore: before.heapUsed, heapUsedAfter: after.heapUsed, users: 0, parts: new Map(), ahead: new Map(), ...got,
      };
      if (removed) drop(shot);
      else shots.set(id, shot);
      return tell(shot);
    } finally {
      taking = false;
    }
  }

  // tell is what others get to know of a shot.
  function tell({ fd, blocks, users, gone, parts, ahead, ...shot }) { return shot; }

  function release(shot) {
    shots.delete(shot.id);
    shot.gone = true;
    if (shot.users === 0) drop(shot);
  }

  // drop frees what a shot takes, once nobody reads it.
  function drop(shot) {
    if (shot.fd !== undefined) attempt(() => fs.closeSync(shot.fd));
    shot.fd = shot.blocks = undefined;
    scrap(shot);
  }

  // ---- handing over -------------------------------------------------------

  const find = (id) => { const shot = shots.get(id); if (!shot) throw fault('NO_SHOT', `snapshot ${id} is not held any more`); return shot; };

  // fill reads the piece at offset of a file into a buffer, as far as there is any.
  function fill(shot, offset, buffer, n) {
    return new NativePromise((resolve, reject) => (function step(done) {
      fs.read(shot.fd, buffer, done, n - done, offset + done, (e, got) => {
        if (e) reject(e);
        else if (got > 0 && done + got < n) step(done + got);
        else resolve(done + got);
      });
    })(0));
  }

  // piece is what there is from offset on, packed: length bytes, or less, since no
  // piece reaches over a multiple of RANGE.
  async function piece(shot, offset, length, by) {
    const within = offset % RANGE;
    const rest = Math.min(RANGE - within, shot.bytes - offset);
    const n = Math.min(length, rest);
    if (!(offset >= 0 && n > 0)) throw fault('RANGE', `no piece at ${offset} of ${shot.bytes} bytes`);
    shot.users++;
    try {
      if (shot.blocks) {
        const packed = shot.blocks[(offset - within) / RANGE];
        if (by === codec && within === 0 && n === rest) return { n, packed };
        const plain = await codec.unpack(packed);
        return { n, packed: await by.pack(plain.slice(within, within + n)) };
      }
      const buffer = spare.pop() || Buffer.allocUnsafeSlow(RANGE);
      const got = await fill(shot, offset, buffer, n);
      if (got !== n) throw fault('READ', `the file has ended at ${offset + got} of ${shot.bytes} bytes`);
      const packed = await by.pack(buffer.slice(0, n));
      if (!removed) spare.push(buffer);
      return { n, packed };
    } finally {
      if (--shot.users === 0 && shot.gone) drop(shot);
    }
  }

  // spaced waits until GAP after the answer before.
  function spaced() {
    left = Math.max(left + GAP, now());
    const wait = left - now();
    return wait > 0 ? new NativePromise((resolve) => setTimeout(resolve, wait).unref()) : null;
  }

  // ---- uploading ----------------------------------------------------------

  // ahead is the piece at offset. Those after it are begun, too: what is left of
  // them when a part is full is the beginning of the next one.
  function ahead(shot, offset) {
    for (let at = offset; at < Math.min(offset + AHEAD * RANGE, shot.bytes); at += RANGE) {
      if (shot.ahead.has(at)) continue;
      const begun = piece(shot, at, RANGE, joinable);
      begun.catch(() => {}); // nobody may come for it
      shot.ahead.set(at, begun);
    }
    const first = shot.ahead.get(offset);
    shot.ahead.delete(offset);
    return first;
  }

  async function makePart(shot, offset, atLeast) {
    const pieces = [];
    let plain = 0, size = 0;
    while (offset + plain < shot.bytes && size < atLeast) {
      const { n, packed } = await ahead(shot, offset + plain);
      pieces.push(packed);
      plain += n;
      size += packed.length;
    }
    return { plain, size, pieces, sent: false, etag: '' };
  }

  // pack makes a part, and holds it until it is sent. The same part is made once.
  async function pack({ id, offset, atLeast }) {
    const { parts, bytes } = find(id);
    if (!parts.has(offset)) {
      const made = makePart(find(id), offset, atLeast);
      made.catch(() => parts.delete(offset));
      parts.set(offset, made);
    }
    const { plain, size } = await parts.get(offset);
    return { bytes: size, plain, codec: joinable.name, last: offset + plain >= bytes };
  }

  // send uploads a part that was packed. One that has arrived is not sent again.
  async function send({ id, offset, url, headers }) {
    const part = await find(id).parts.get(offset);
    if (!part) throw fault('NO_PART', `no part at ${offset} is held`);
    if (!part.sent) {
      part.etag = await uploads.put(url, headers, part.pieces, part.size);
      Object.assign(part, { sent: true, pieces: [] });
    }
    return { etag: part.etag };
  }

  // scrap drops the parts of a snapshot, not the snapshot.
  function scrap({ parts, ahead: begun }) { parts.clear(); begun.clear(); }

  // ---- a series without us ------------------------------------------------

  const later = (ms, f) => { const t = setTimeout(() => attempt(f), Math.min(Math.max(ms, 0), MAX_TIMER)); t.unref(); return t; };

  function detach(args) {
    if (series && !series.done) throw fault('SERIES', 'a series is running already');
    const began = now();
    series = { ...args, began, deadline: began + args.deadlineMs, taken: 0, next: began + args.firstMs, done: false, errors: [], samples: [] };
    series.timer = later(args.firstMs, shoot);
    if (args.sampleEveryMs > 0) series.sampler = later(0, sample);
    return {};
  }

  function sample() {
    series.samples.push(usage());
    if (series.samples.length > SAMPLES_KEPT) {
      series.samples = series.samples.filter((_, i) => i % 2 === 0);
      series.sampleEveryMs *= 2;
    }
    if (!series.done) series.sampler = later(series.sampleEveryMs, sample);
  }

  // shoot takes the next shot of the series, if it is safe, and plans the one after it.
  function shoot() {
    if (!series.again) series.taken++;
    const { rss: rssBefore, heapUsed: heapUsedBefore } = usage();
    const [held, peak] = [inUse(), peakRSS()];
    const learn = (shot) => {
      series.last = { ...shot, heldBefore: held, bound: peakRSS() };
      series.first = series.first || series.last;
    };
    try {
      refuse();
      learn(take({ ...series, cap: series.maxBytes > 0 ? Math.min(series.cap, series.maxBytes - held) : series.cap }));
      series.again = 0;
    } catch (e) {
      const { code } = describe(e);
      // What V8 had to make for it is made, and its memory will be used again.
      if (code === 'WRITE') learn({ mode: series.mode, rssBefore, heapUsedBefore, rssPeak: peakRSS() > peak ? peakRSS() : 0 });
      series.again = turn(code) ? lastID : 0;
      note(e);
      if (series.again) { series.timer = later(BREATH, shoot); return; }
      if (code === 'SERIES' || code === 'CAP') series.done = true; // a heap of which a series is taken does not shrink
    }
    series.done = series.done || series.taken >= series.count || removed;
    if (series.done) return;
    series.next = Math.max(series.next + series.intervalMs, now());
    series.timer = later(series.next - now(), shoot);
  }

  // turn has the rest of the series go to memory when the disk took no shot, and says
  // whether it does: how much it may take there was asked before anybody left.
  function turn(code) {
    if (!series.spare || series.mode !== 'disk' || (code !== 'WRITE' && code !== 'PLACE')) return false;
    const { maxBytes, headroom } = series.spare;
    Object.assign(series, { mode: 'memory', maxBytes, headroom, packed: Math.max(headroom - series.headroom, 0) });
    return true;
  }

  // inUse is the memory that shots take which are held there.
  const inUse = () => [...shots.values()].reduce((sum, s) => sum + s.held, 0);

  // refuse throws when the next shot of the series would do harm: the heap may have grown.
  function refuse() {
    const sizes = [...shots.values()].filter((s) => s.mode === series.mode).map((s) => s.held || s.bytes);
    const held = sizes.reduce((sum, n) => sum + n, 0);
    if (series.maxBytes > 0 && held + Math.max(0, ...sizes) > series.maxBytes) {
      throw fault('SERIES', `${held} bytes are held and no more than ${series.maxBytes} may be`);
    }
    const { memoryLimit, memoryUsed } = memory();
    const has = process.memoryUsage();
    const more = Math.round(need(has));
    // A limit of ECS, which tells what it is and not what is used of it: the process at least.
    const left = Math.min(memoryLimit ? memoryLimit - memoryUsed : Infinity, series.memoryLimit ? series.memoryLimit - has.rss : Infinity);
    if (more > left) throw fault('SERIES', `a snapshot needs ${more} bytes of memory, and ${left} are left`);
  }

  // need is how much memory the next shot of the series takes on top of what the
  // process has. What one takes stays with the process and is used again, so the
  // next peak is not on top of the last one but beside it (as package gate sees it).
  function need({ rss, heapUsed }) {
    const forecast = series.headroom * heapUsed;
    const { first, last } = series;
    if (!last || !series.headroom) return forecast;
    const base = first.rssBefore + last.heapUsedBefore - first.heapUsedBefore;
    const packed = last.mode === series.mode ? 0 : series.packed * heapUsed; // which the last one did not have
    const cost = Math.max((last.rssPeak || last.bound) - base - last.heldBefore, 0) * (heapUsed / last.heapUsedBefore) + packed;
    const beside = Math.max(base + heapUsed - last.heapUsedBefore + inUse() + AGAIN * cost - rss, 0);
    // The highest that the process ever had is all that is known of a peak below it.
    return last.rssPeak ? beside : Math.min(beside, forecast);
  }

  function note(e) {
    series.errors = [...series.errors, { at: new Date().toISOString(), shot: series.taken, again: series.again > 0, ...describe(e) }].slice(-ERRORS_KEPT);
  }

  // wall is a time of the steady clock as others write it.
  const wall = (t) => new Date(Date.now() + t - now()).toISOString();

  function state() {
    const held = [...shots.values()].map(tell);
    const common = { ...usage(), ageMs: now() - installed, shots: held };
    if (!series) return { ...common, detached: false, errors: [], samples: [] };
    const { count, taken, done, errors, samples } = series;
    return { ...common, detached: true, count, taken, done, errors, samples, next: done ? '' : wall(series.next), deadline: wall(series.deadline) };
  }

  // ---- calls, silence, the end --------------------------------------------

  function remove() {
    removed = true;
    clearInterval(watchdog);
    // First of all nobody finds us: the inspector runs expressions between any
    // two steps of JavaScript, here too.
    const there = Object.getOwnPropertyDescriptor(globalThis, KEY);
    if (there && there.value === guest) delete globalThis[KEY];
    if (series) { series.done = true; clearTimeout(series.timer); clearTimeout(series.sampler); }
    uploads.abort();
    for (const shot of [...shots.values()]) {
      release(shot);
      // A read that hangs in the pool keeps its descriptor, not the room.
      if (shot.users > 0 && shot.fd !== undefined) attempt(() => fs.ftruncateSync(shot.fd, 0));
      shot.blocks = undefined;
    }
    spare = [];
    return {};
  }

  const hello = () => ({ range: RANGE });
  const methods = {
    hello, vitals, take, pack, send, detach, state, remove,
    async read({ id, offset, length }) {
      const { n, packed } = await piece(find(id), offset, length, codec);
      await spaced();
      return { n, codec: codec.name, crc: crc32(packed), size: packed.length, data: encode(packed) };
    },
    async scrap({ id }) {
      scrap(find(id)); // what is sent from now on finds no part
      await null; // what has found one is with uploads after that
      return { open: await uploads.settle() };
    },
    release: ({ id }) => { if (shots.has(id)) release(shots.get(id)); return {}; },
  };

  // call is the one way in. It neither throws nor rejects.
  function call(token, method, args) {
    if (token !== options.token) return { error: { code: 'OTHER' } };
    const promise = answer(method, args || {});
    pending.add(promise);
    promise.then(() => pending.delete(promise));
    return promise;
  }

  // answer works in a microtask, as the application's own code does after an await.
  // Node.js takes an interruption by the inspector badly: when process.nextTick, which
  // zlib and streams call, is used just after it found the queue of ticks empty, no
  // tick runs ever after.
  async function answer(method, args) {
    await undefined;
    if (removed) return { error: { code: 'GONE' } };
    touched = now();
    running++;
    try { return { value: await methods[method](args) }; } catch (e) { return { error: describe(e) }; } finally {
      running--;
      touched = now();
    }
  }

  // The watchdog leaves the process as it was. It never closes the inspector:
  // with a client that vanished that would hang the process.
  function watch() {
    const silent = now() - touched;
    if (running > 0 && silent < STUCK * options.silenceMs) return;
    if (silent > options.silenceMs / 2) spare = [];
    if (silent > options.silenceMs && (!series || now() > series.deadline)) remove();
  }

  const guest = {
    ecsheap: 1, call, sentinel, evict: remove,
    about: () => ({ label: options.label, ageMs: now() - installed, silentMs: now() - touched, shots: shots.size, detached: Boolean(series) }),
  };
  const found = () => Object.getOwnPropertyDescriptor(globalThis, KEY);
  const ours = found() && found().value && found().value.ecsheap;
  if (ours && !options.replace) return { error: { code: 'BUSY', ...found().value.about() } };
  if (ours) found().value.evict();
  if (found()) return { error: { code: 'FOREIGN', message: 'globalThis[Symbol.for("ecsheap.guest")] is taken by something else' } };
  try {
    Object.defineProperty(globalThis, KEY, { value: guest, configurable: true, enumerable: false, writable: false });
  } catch (e) {
    return { error: { code: 'FOREIGN', message: `globalThis takes no new property (${describe(e).message})` } };
  }
  const watchdog = setInterval(() => attempt(watch), Math.min(5e3, options.silenceMs / 4));
  watchdog.unref();
  return { value: hello() };
})
