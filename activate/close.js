(() => {
  // Closes the inspector of this process once nobody is connected to it. It is evaluated over the connection that
  // is to be the last one, and answers {closing, others, why} before that connection ends: at once or, while others
  // are connected, by a promise a second later, as connections that were just closed take a moment to go.
  //
  // inspector.close() waits for every client, on the thread of the application: one that is connected and silent
  // hangs the process until it goes away. So the connections are counted first, and again in the timer; while
  // there are any, the inspector stays open.
  const FIRST_MS = 400; // the answer and the closing of the socket take a round trip
  const AGAIN_MS = 500;
  const TRIES = 20; // then it stays open: a client that stays is a client at work
  const PATIENCE = 10; // times that others are looked for before it is given up
  const PATIENCE_MS = 100;
  const ESTABLISHED = '01';
  let load = typeof process.getBuiltinModule === 'function' ? process.getBuiltinModule : undefined;
  if (!load && typeof require === 'function') load = require;
  if (!load && process.mainModule) load = (name) => process.mainModule.require(name);
  const no = (why, others) => JSON.stringify({closing: false, others: others || 0, why});
  if (!load) return no('no way to load the module inspector');
  const fs = load('fs');
  const inspector = load('inspector');
  const url = inspector.url();
  if (!url) return no('the inspector is not open');
  const port = Number(/:(\d+)\//.exec(url)[1]).toString(16).toUpperCase().padStart(4, '0');
  const count = (text) => text.split('\n').filter((line) => {
    const f = line.trim().split(/\s+/);
    return f[3] === ESTABLISHED && f[1].endsWith(':' + port);
  }).length;
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'];
  const others = () => {
    let connected = -1; // this one
    let seen = false;
    for (const table of tables) {
      try {
        connected += count(fs.readFileSync(table, 'latin1'));
        seen = true;
      } catch (e) { /* a kernel without IPv6, or no Linux */ }
    }
    return seen ? connected : NaN;
  };
  const look = (left) => setTimeout(async () => {
    try {
      let connected = 0;
      for (const table of tables) {
        connected += count(await new Promise((resolve) => fs.readFile(table, 'latin1', (e, text) => resolve(e ? '' : text))));
      }
      if (connected === 0) inspector.close();
      else if (left > 1) look(left - 1);
    } catch (e) { /* an open inspector is better than an application that ends of an unhandled rejection */ }
  }, left === TRIES ? FIRST_MS : AGAIN_MS).unref();
  const begin = () => {
    look(TRIES);
    return JSON.stringify({closing: true, others: 0, why: ''});
  };
  const now = others();
  if (isNaN(now)) return no('the connections to the inspector cannot be counted on this system');
  if (now <= 0) return begin();
  return new Promise((resolve) => {
    let left = PATIENCE;
    const again = () => {
      const connected = others();
      if (connected <= 0) resolve(begin());
      else if (--left === 0) resolve(no('another client is connected to the inspector', connected));
      else setTimeout(again, PATIENCE_MS);
    };
    setTimeout(again, PATIENCE_MS);
  });
})()
