'use strict';
// Stands behind another program in one file and has the process look at
// itself, from inside:
//   at once   collects the garbage and counts the objects: "probed FILE", which
//             holds {live, vitals}; V8's count is too long for a line
//   SIGUSR2   writes a snapshot and removes it: "took N {vitals, seen}", with
//             vitals from right before
//   SIGHUP    "stopped N MS": the longest time that the event loop stood still
//             since the last such line, and begins anew
{
  const fs = require('fs');
  const inspector = require('inspector');
  const path = require('path');
  const v8 = require('v8');

  const status = (key) => 1024 * new RegExp(`${key}:\\s+(\\d+)`).exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];

  const vitals = () => {
    const {rss, heapUsed, heapTotal, external} = process.memoryUsage();
    const large = v8.getHeapSpaceStatistics().filter((space) => /^(new_)?large_object_space$/.test(space.space_name));
    return {
      RSS: rss, HeapUsed: heapUsed, HeapTotal: heapTotal, External: external,
      LargeObjects: large.reduce((sum, space) => sum + space.space_used_size, 0),
      HeapSizeLimit: v8.getHeapStatistics().heap_size_limit,
    };
  };

  // The kernel's high-water mark starts anew with each snapshot; CPU time is
  // the pause where a busy machine makes the clock tell less.
  const snapshot = () => {
    const before = vitals();
    fs.writeFileSync('/proc/self/clear_refs', '5');
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    const file = v8.writeHeapSnapshot();
    const wall = Number(process.hrtime.bigint() - start);
    const {user, system} = process.cpuUsage(cpu);
    const head = Buffer.alloc(4096);
    const fd = fs.openSync(file);
    fs.readSync(fd, head, 0, head.length, 0);
    const seen = {
      Nodes: Number(/"node_count":(\d+)/.exec(head.toString('latin1'))[1]), FileBytes: fs.fstatSync(fd).size,
      HeapUsed: before.HeapUsed, RSSBefore: before.RSS, RSSPeak: status('VmHWM'), RSSAfter: status('VmRSS'),
      Pause: Math.min(wall, 1000 * (user + system)),
    };
    fs.closeSync(fd);
    fs.unlinkSync(file);
    return {vitals: before, seen};
  };

  let taken = 0;
  process.on('SIGUSR2', () => {
    const result = snapshot();
    console.log(`took ${++taken} ${JSON.stringify(result)}`);
  });

  const TICK = 5; // ms
  let asked = 0;
  let longest = 0;
  let last = process.hrtime.bigint();
  setInterval(() => {
    const now = process.hrtime.bigint();
    longest = Math.max(longest, Number(now - last) / 1e6 - TICK);
    last = now;
  }, TICK);
  process.on('SIGHUP', () => {
    console.log(`stopped ${++asked} ${Math.round(longest)}`);
    longest = 0;
  });

  let live;
  const session = new inspector.Session();
  session.connect();
  session.on('NodeTracing.dataCollected', ({params}) => {
    for (const event of params.value) if (event.name === 'V8.GC_Objects_Stats' && event.args.live) live = event.args.live;
  });
  // Not from within the event: disconnecting there never returns.
  session.on('NodeTracing.tracingComplete', () => setImmediate(() => {
    session.disconnect();
    const file = path.resolve('probe.json');
    fs.writeFileSync(file, JSON.stringify({live, vitals: vitals()}));
    console.log(`probed ${file}`);
    longest = 0;
    last = process.hrtime.bigint();
  }));
  session.post('NodeTracing.start', {traceConfig: {includedCategories: ['disabled-by-default-v8.gc_stats']}}, () =>
    session.post('HeapProfiler.collectGarbage', () => session.post('NodeTracing.stop', () => {})));
}
