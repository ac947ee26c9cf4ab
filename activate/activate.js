'use strict';
// ecsheap runs this inside the container with `node -e`, beside the process whose inspector it is to open. It is
// preceded by `const ask = {…}` and answers with one line on stdout. It changes nothing, except that with ask.pid it
// sends SIGUSR1 to that process. Only the standard library, and only what Node.js 14 knows.
//
// What it does not tell: arguments of programs and values of options, as they may hold secrets and a terminal
// session may be logged.
const fs = require('fs');
const http = require('http');
const path = require('path');

const SIGUSR1 = 10; // on Linux, x86 and ARM
const LISTEN = '0A'; // state of a socket in /proc/net/tcp
const DEFAULT_PORT = 9229;
const PORT_RANGE = 16; // inspectors of cluster workers count up from the default
const PROBE_MS = 2000; // an inspector answers on a thread of its own, at once even if its process is busy
const TICK_MS = 50;
const MAX_SCRIPT = 8 << 20; // no more than this is searched of a main script

const read = (file) => {
  try { return fs.readFileSync(file, 'latin1'); } catch (e) { return ''; }
};
const link = (file) => {
  try { return fs.readlinkSync(file); } catch (e) { return ''; }
};
const list = (dir) => {
  try { return fs.readdirSync(dir); } catch (e) { return null; }
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Options of Node.js whose value matters here, and options whose value is a word of its own.
const TOLD = /^--(inspect|inspect-brk|inspect-wait|inspect-port|debug-port|heapsnapshot-signal|report-signal)=/;
const TAKES_VALUE = /^(-r|-C|--require|--import|--loader|--experimental-loader|--conditions|--env-file|--title|--inspect-port|--debug-port|--heapsnapshot-signal|--report-signal)$/;
const isTold = (name) => TOLD.test(name + '=');

// options keeps what may be told of options, and says where the script stands.
function options(words) {
  const told = [];
  let i = 0;
  for (; i < words.length && words[i].startsWith('-') && words[i] !== '-' && words[i] !== '--'; i++) {
    const name = words[i].split('=')[0];
    if (/^-(e|p|pe|-eval|-print)$/.test(name)) return {told: [...told, name], script: ''};
    if (TOLD.test(words[i])) told.push(words[i]);
    else if (TAKES_VALUE.test(words[i])) {
      i++;
      told.push(isTold(name) ? name + '=' + (words[i] || '') : name);
    } else told.push(name);
  }
  if (words[i] === '--') i++;
  return {told, script: words[i] || ''};
}

// commandLine tells a process's title when it has one, or its options and script.
function commandLine(pid) {
  const raw = read(`/proc/${pid}/cmdline`).replace(/\0+$/, '');
  const words = raw.split('\0');
  if (words.length === 1) { // a title such as "npm run start": a few words of it
    return {argv0: raw.split(/\s+/).slice(0, 3).join(' ').slice(0, 80), options: [], script: ''};
  }
  const {told, script} = options(words.slice(1));
  return {argv0: words[0], options: told, script};
}

// status reads the fields of /proc/PID/status that matter.
function status(pid) {
  const text = read(`/proc/${pid}/status`);
  const field = (name) => {
    const m = new RegExp('^' + name + ':\\s*(\\S+)', 'm').exec(text);
    return m ? m[1] : '';
  };
  const bit = (name) => {
    const mask = field(name);
    return mask !== '' && (BigInt('0x' + mask) >> BigInt(SIGUSR1 - 1) & 1n) === 1n;
  };
  return {
    name: field('Name'), state: field('State'), ppid: +field('PPid'),
    caught: bit('SigCgt'), blocked: bit('SigBlk'), ignored: bit('SigIgn'), found: text !== '',
  };
}

// start is when a process started, in clock ticks since boot: with the pid it names a process for good.
function start(pid) {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] || '';
}

// inodes of the sockets that a process holds; null when it is not ours to see (another user, no SYS_PTRACE).
function inodes(pid) {
  const fds = list(`/proc/${pid}/fd`);
  if (fds === null) return null;
  const targets = fds.map((fd) => link(`/proc/${pid}/fd/${fd}`));
  if (fds.length > 0 && targets.every((t) => t === '')) return null;
  return new Set(targets.filter((t) => t.startsWith('socket:[')).map((t) => t.slice(8, -1)));
}

// listeners of this network namespace that a connection to 127.0.0.1 can reach, or that stand in its way.
function listeners() {
  const found = [];
  for (const table of ['tcp', 'tcp6']) {
    for (const line of read('/proc/net/' + table).split('\n').slice(1)) {
      const f = line.trim().split(/\s+/);
      if (f[3] !== LISTEN) continue;
      const [host, port] = f[1].split(':');
      const any = /^0+$/.test(host) || host === '0100007F' || host === '0000000000000000FFFF00000100007F';
      if (any) found.push({port: parseInt(port, 16), inode: f[9]});
    }
  }
  return found;
}

// inspector asks a port whether it is one; "" if not, else the version, such as "v24.1.0".
function inspector(port) {
  return new Promise((resolve) => {
    const request = http.get({host: '127.0.0.1', port, path: '/json/version', agent: false, timeout: PROBE_MS}, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
        if (text.length > 4096) request.destroy();
      });
      response.on('end', () => {
        const m = /"Browser":\s*"node\.js\/([^"]+)"/.exec(text);
        resolve(m ? m[1] : '');
      });
      response.on('error', () => resolve(''));
      response.on('close', () => resolve(''));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(''));
  });
}

// mentions says whether the main script has the name of the signal as a string: it may have a handler of its own.
function mentions(pid, script) {
  if (script === '') return false;
  const base = link(`/proc/${pid}/cwd`) || process.cwd();
  for (const end of ['', '.js', '.cjs', '.mjs', '/index.js']) {
    try {
      const file = path.resolve(base, script) + end;
      const stat = fs.statSync(file);
      if (!stat.isFile() || stat.size > MAX_SCRIPT) continue;
      return /['"`]SIGUSR1['"`]/.test(fs.readFileSync(file, 'latin1'));
    } catch (e) { /* the next one */ }
  }
  return false;
}

function sameProgram(pid) {
  try {
    const a = fs.statSync(`/proc/${pid}/exe`);
    const b = fs.statSync('/proc/self/exe');
    return a.dev === b.dev && a.ino === b.ino;
  } catch (e) { return false; }
}

function describe(pid) {
  const s = status(pid);
  const line = commandLine(pid);
  const threads = (list(`/proc/${pid}/task`) || []).slice(0, 64).map((t) => read(`/proc/${pid}/task/${t}/comm`).trim());
  const sockets = inodes(pid);
  return {
    pid, ppid: s.ppid, start: start(pid), name: s.name, state: s.state,
    caught: s.caught, blocked: s.blocked, ignored: s.ignored,
    exe: path.basename(link(`/proc/${pid}/exe`)), same: sameProgram(pid), threads: [...new Set(threads)],
    argv0: line.argv0, options: line.options, script: line.script,
    seen: sockets !== null, sockets, found: s.found,
  };
}

// survey looks at every process, and at every port where an inspector may be.
async function survey() {
  const found = (list('/proc') || []).filter((name) => /^\d+$/.test(name)).map((name) => describe(+name)).filter((p) => p.found);
  const own = inodes(process.pid) || new Set();
  const listening = listeners().filter((l) => !own.has(l.inode));
  const asked = new Set([ask.port]);
  for (let i = 0; i < PORT_RANGE; i++) asked.add(DEFAULT_PORT + i);
  const environment = options((process.env.NODE_OPTIONS || '').split(/\s+/).filter(Boolean)).told;
  for (const option of [environment, ...found.map((p) => p.options)].flat()) {
    const m = /^--(?:inspect|debug)\S*=(?:.*:)?(\d+)$/.exec(option);
    if (m) asked.add(+m[1]);
  }
  const ports = new Map();
  for (const l of listening) {
    if (!ports.has(l.port)) ports.set(l.port, {port: l.port, inspector: '', pids: []});
    for (const p of found) if (p.sockets && p.sockets.has(l.inode)) ports.get(l.port).pids.push(p.pid);
  }
  await Promise.all([...ports.values()].filter((p) => asked.has(p.port)).map(async (p) => { p.inspector = await inspector(p.port); }));
  for (const p of found) {
    p.mentions = p.caught && mentions(p.pid, p.script);
    delete p.sockets;
    delete p.found;
  }
  return {
    self: process.pid, platform: process.platform,
    options: environment, processes: found, ports: [...ports.values()],
  };
}

// signal sends SIGUSR1 and waits until a new inspector answers. Everything that was found out before is looked at
// again, because the process may have become another one since.
async function signal() {
  const s = status(ask.pid);
  if (start(ask.pid) !== ask.start) return {error: 'gone'};
  if (!s.caught || s.blocked || s.ignored || /^[ZTtX]/.test(s.state)) return {error: 'changed'};
  const before = new Set(listeners().map((l) => l.inode));
  try {
    process.kill(ask.pid, 'SIGUSR1');
  } catch (e) {
    return {error: e.code || String(e)};
  }
  for (const end = Date.now() + ask.wait; Date.now() < end; await sleep(TICK_MS)) {
    const sockets = inodes(ask.pid);
    for (const l of listeners()) {
      if (before.has(l.inode) || sockets && !sockets.has(l.inode)) continue;
      const version = await inspector(l.port);
      if (version) return {signalled: true, port: l.port, version, sure: sockets !== null};
    }
    if (start(ask.pid) !== ask.start) return {signalled: true, error: 'ended'};
  }
  return {signalled: true, error: 'silent'};
}

(ask.pid ? signal() : survey()).catch((e) => ({error: String(e && e.stack || e)})).then((answer) => {
  process.stdout.write('\n<<<ecsheap ' + Buffer.from(JSON.stringify({v: 1, ...answer})).toString('base64') + ' ecsheap>>>\n');
});
