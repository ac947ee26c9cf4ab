// How a part of a snapshot gets to where a presigned URL points. One expression:
// a function that is called with require.
(function uploads(require) {
  'use strict';
  const { setTimeout, clearTimeout } = require('timers');
  const ANSWER = 8e3; // ms that a part which is on its way may take yet: less than who asks for that waits
  const NativePromise = (async () => {})().constructor; // globalThis.Promise may be another
  const open = new Set(); // requests that are under way

  // failed makes an error that Go knows. It never has the url in it, which is a secret.
  const failed = (status, cause, message) => Object.assign(new Error(message), { fault: { code: 'UPLOAD', message, status, cause } });

  // put PUTs pieces, of so many bytes together, and returns the ETag.
  function put(url, headers, pieces, size) {
    return new NativePromise((resolve, reject) => {
      const answered = (response) => {
        let answer = '';
        response.setEncoding('latin1');
        response.on('data', (chunk) => { if (answer.length < 1 << 14) answer += chunk; });
        response.on('aborted', () => reject(failed(0, 'ECONNRESET', 'the answer broke off')));
        response.on('end', () => {
          if (response.statusCode === 200) return resolve(String(response.headers.etag || ''));
          const tag = (name) => ((new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer)) || [])[1] || '';
          return reject(failed(response.statusCode, tag('Code'), tag('Message') || 'the server gave no reason'));
        });
      };
      const broken = (e) => reject(e.fault ? e : failed(0, String(e.code || ''), e.code ? `${e.syscall || 'request'} ${e.code}` : 'the request failed'));
      try {
        const client = url.startsWith('https:') ? require('https') : require('http');
        const request = client.request(url, { method: 'PUT', agent: false, timeout: 60e3, headers: { ...headers, 'Content-Length': size } }, answered);
        open.add(request);
        request.on('close', () => open.delete(request));
        request.on('socket', (socket) => socket.unref());
        request.on('timeout', () => request.destroy(failed(0, 'ETIMEDOUT', 'no answer for a minute')));
        request.on('error', broken);
        for (const piece of pieces) request.write(piece);
        request.end();
      } catch (e) { broken(e); } // some versions quote the url
    });
  }

  // abort ends what is under way, at once.
  const abort = () => { for (const request of open) request.destroy(failed(0, '', 'the upload was given up')); };

  // settle waits until nothing that is under way can arrive later: what was sent
  // before a request is cut off arrives whatever is done here, and some servers keep
  // even a part of a part. What got no answer in time is cut off all the same, and
  // counted. It never rejects.
  const settle = () => new NativePromise((resolve) => {
    let left = open.size;
    const timer = setTimeout(() => { resolve(left); abort(); }, ANSWER);
    timer.unref();
    const over = () => { clearTimeout(timer); resolve(0); };
    if (left === 0) over();
    for (const request of [...open]) {
      request.once('close', () => { if (--left === 0) over(); });
      // What is not connected has sent nothing.
      if (!request.socket || request.socket.connecting) request.destroy(failed(0, '', 'the upload was given up'));
    }
  });

  return { put, abort, settle };
})
