// What surrounds the process: limits of memory and CPU, and where a file could be.
// One expression: a function that is called with require and returns the funcs
// that ask. They read small files of the system and change nothing. What cannot be
// known is left out, 0 or -1, never an error.
(function surroundings(require) {
  'use strict';
  const fs = require('fs');
  const os = require('os');
  const path = require('path');
  const { setTimeout } = require('timers');
  const NativePromise = (async () => {})().constructor; // globalThis.Promise may be another

  const YOUNG = 512 * 2 ** 20; // V8's young generation has 48 to 192 MiB unless a flag says otherwise

  // attempt returns what f does, or otherwise where that throws.
  const attempt = (f, otherwise) => { try { return f(); } catch { return otherwise; } };
  // text is a small file of the system, '' where there is none.
  const text = (file) => attempt(() => fs.readFileSync(file, 'latin1').trim(), '');

  // cgroups returns the directories of the process's own cgroup and of those
  // above it, own first, for a controller of version 1, or '' for version 2. In
  // a container the path often is that of the host: what is not there is skipped.
  function cgroups(controller) {
    const root = controller ? '/sys/fs/cgroup/' + controller : '/sys/fs/cgroup';
    const line = text('/proc/self/cgroup').split('\n').map((l) => l.split(':')).filter((l) => l.length > 2)
      .find((l) => (controller ? l[1].split(',').includes(controller) : l[0] === '0'));
    let at = line ? line.slice(2).join(':') : '/';
    if (at.includes('..')) at = '/';
    const dirs = [];
    for (; at !== '/'; at = path.posix.dirname(at)) dirs.push(root + at);
    return [...dirs, root].filter((dir) => fs.existsSync(dir));
  }

  // limit reads a number of the system; 0 stands for none: "max", or 2^53 and more.
  const limit = (file) => { const n = Number(text(file) || 'max'); return n > 0 && n < 2 ** 53 ? n : 0; };
  // field reads a number from a file of lines "name number".
  const field = (file, name) => Number((new RegExp('^' + name + ':?\\s+(\\d+)', 'm').exec(text(file)) || [])[1]);

  // memory finds the tightest limit of both versions of cgroups, and how much is used of it.
  function memory() {
    const files = [
      ['cgroup2', cgroups(''), 'memory.max', 'memory.current', 'inactive_file', 'memory.events', 'memory.swap.max', 'memory.swap.current'],
      ['cgroup1', cgroups('memory'), 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file', 'memory.oom_control', '', ''],
    ];
    const out = { limits: {}, memoryLimit: 0, memoryUsed: 0, oomKills: -1, swapLimit: -1, swapUsed: 0 };
    const consider = (name, n) => {
      if (!(n > 0 && n < 2 ** 53) || out.limits[name] <= n) return false;
      out.limits[name] = n;
      if (out.memoryLimit && out.memoryLimit <= n) return false;
      out.memoryLimit = n;
      return true;
    };
    for (const [name, dirs, max, used, cache, events, swapMax, swapUsed] of files) {
      for (const dir of dirs) {
        const tightest = consider(name, limit(`${dir}/${max}`));
        const inUse = Number(text(`${dir}/${used}`)) - (field(`${dir}/memory.stat`, cache) || 0);
        if (inUse > 0 && (tightest || !out.memoryUsed)) out.memoryUsed = inUse;
        const kills = field(`${dir}/${events}`, 'oom_kill');
        if (kills >= 0 && (tightest || out.oomKills < 0)) out.oomKills = kills;
        const swap = swapMax && text(`${dir}/${swapMax}`);
        if (swap && (tightest || out.swapLimit < 0)) {
          out.swapLimit = swap === 'max' ? -1 : Number(swap);
          out.swapUsed = Number(text(`${dir}/${swapUsed}`));
        }
      }
    }
    consider('constrainedMemory', attempt(() => process.constrainedMemory(), 0));
    return out;
  }

  // quota is the number of CPUs that the cgroup may use, 0 = no quota.
  function quota() {
    const all = cgroups('').map((dir) => text(dir + '/cpu.max').split(' '));
    for (const dir of cgroups('cpu')) all.push([text(dir + '/cpu.cfs_quota_us'), text(dir + '/cpu.cfs_period_us')]);
    const cpus = all.map(([used, period]) => used / period).filter((n) => n > 0);
    return cpus.length ? Math.min(...cpus) : 0;
  }

  // kib reads a line such as "VmHWM:  1234 kB".
  const kib = (file, name) => (field(file, name) || 0) * 1024;

  // peakRSS is the most memory that the process had so far, 0 = unknown.
  const peakRSS = () => kib('/proc/self/status', 'VmHWM');

  // usage is what a sample or a shot says of memory.
  function usage() {
    const { rss, heapUsed, external } = process.memoryUsage();
    return { at: new Date().toISOString(), rss, heapUsed, external };
  }

  // oldSpaceLimit is --max-old-space-size in bytes, 0 where nobody set it. Of two,
  // the last one counts, and the command line is read after NODE_OPTIONS, as that was
  // when the process started: a program may set it for its children. V8's own limit has
  // the young generation beside it; a flag that does not fit it was not for this V8.
  function oldSpaceLimit(heapSizeLimit) {
    const started = text('/proc/self/environ').split('\0').filter((e) => e.startsWith('NODE_OPTIONS='));
    const all = [...started, ...process.execArgv].join(' ').match(/--max[-_]old[-_]space[-_]size[= ]\d+/g);
    const limit = all ? Number(/\d+$/.exec(all.pop())[0]) * 2 ** 20 : 0;
    return limit <= heapSizeLimit && heapSizeLimit - limit <= YOUNG ? limit : 0;
  }

  // load is how busy the event loop is, by a look at a tenth of a second.
  function load() {
    const { performance } = require('perf_hooks');
    if (!performance.eventLoopUtilization) return -1;
    const before = performance.eventLoopUtilization();
    return new NativePromise((resolve) => {
      setTimeout(() => resolve(performance.eventLoopUtilization(before).utilization), 100).unref();
    });
  }

  // workers counts the threads that Node.js calls so, from version 24 on.
  function workers() {
    const names = attempt(() => fs.readdirSync('/proc/self/task'), []).map((id) => text(`/proc/self/task/${id}/comm`));
    return names.some((n) => n.endsWith('V8Worker')) ? names.filter((n) => n.endsWith('WorkerThread')).length : -1;
  }

  const IN_MEMORY = ['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs']; // a file there counts as memory
  const PSEUDO = /^(proc|sysfs|cgroup2?|devpts|mqueue|securityfs|debugfs|tracefs|bpf|pstore|configfs|fusectl|binfmt_misc|nsfs|rpc_pipefs|autofs)$/;

  // mounts lists what is mounted (man 5 proc_pid_mountinfo), [] where /proc does not say.
  function mounts() {
    return text('/proc/self/mountinfo').split('\n').filter(Boolean).map((line) => {
      const [before, after] = line.split(' - ').map((part) => part.split(' '));
      const dir = before[4].replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
      return { dir, fs: after[0], readOnly: [before[5], after[2] || ''].some((o) => o.split(',').includes('ro')) };
    });
  }

  // places lists directories in order of preference, with the reason against each.
  function places(more, need) {
    const mounted = mounts();
    const volumes = mounted.filter((m) => !PSEUDO.test(m.fs) && !IN_MEMORY.includes(m.fs) && !m.readOnly).map((m) => m.dir);
    const main = attempt(() => path.dirname(process.argv[1]), '');
    const home = attempt(() => os.homedir(), '');
    // What the operator says; what the system means for it; where images let a
    // program write; then any volume that is mounted.
    const wanted = [...more, process.env.TMPDIR, os.tmpdir(), '/tmp', '/var/tmp', attempt(() => process.cwd(), ''), main, '/app', '/usr/src/app', home, ...volumes];
    const seen = new Set();
    const out = [];
    for (const dir of wanted) {
      const real = dir && attempt(() => fs.realpathSync(dir), '');
      if (!real || seen.has(real) || !attempt(() => fs.statSync(real).isDirectory(), false)) continue;
      seen.add(real);
      const mount = mounted.filter((m) => m.dir === '/' || real === m.dir || real.startsWith(m.dir + '/'))
        .reduce((best, m) => (!best || m.dir.length >= best.dir.length ? m : best), null);
      out.push(judge({ path: real, fs: mount ? mount.fs : '', free: -1, why: '' }, mount, need));
    }
    return out;
  }

  // judge fills in what is free in a directory and why it cannot be used.
  function judge(place, mount, need) {
    attempt(() => { const s = fs.statfsSync(place.path); place.free = s.bavail * s.bsize; });
    if (IN_MEMORY.includes(place.fs)) place.why = `${place.fs} counts as memory`;
    else if (mount && mount.readOnly) place.why = 'read-only';
    else if (process.permission && !process.permission.has('fs.write', place.path)) place.why = 'not permitted to Node.js';
    else if (place.free >= 0 && place.free < need) place.why = `${Math.floor(place.free / 1e6)} MB free`;
    else {
      try { fs.accessSync(place.path, fs.constants.W_OK); } catch (e) { place.why = e.code === 'EROFS' ? 'read-only' : 'not writable'; }
    }
    return place;
  }

  // vitals is all of it at once.
  async function vitals() {
    const v8 = require('v8');
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    const heapSizeLimit = v8.getHeapStatistics().heap_size_limit;
    const spaces = {};
    for (const s of v8.getHeapSpaceStatistics()) spaces[s.space_name] = s.space_used_size;
    return {
      pid: process.pid, nodeVersion: process.version, uptime: process.uptime(), worker: !require('worker_threads').isMainThread,
      rss, peakRss: peakRSS(), heapUsed, heapTotal, external, arrayBuffers: arrayBuffers || 0,
      heapSizeLimit, oldSpaceLimit: oldSpaceLimit(heapSizeLimit), spaces, ...memory(),
      machineTotal: os.totalmem(), machineAvailable: kib('/proc/meminfo', 'MemAvailable'),
      cpus: quota(), machineCpus: os.cpus().length, load: await load(), workers: workers(), dirs: places([], 0),
    };
  }

  return { vitals, memory, places, usage, peakRSS };
})
