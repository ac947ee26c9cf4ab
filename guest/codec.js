// How the bytes of a snapshot travel: compressed by zlib, in text that JSON does
// not escape. One expression: a function that is called with require.
(function codecs(require) {
  'use strict';
  const { Buffer } = require('buffer');
  const zlib = require('zlib');
  const NativePromise = (async () => {})().constructor; // globalThis.Promise may be another

  const job = (f, input, params) => new NativePromise((resolve, reject) => {
    f(input, params, (e, out) => (e ? reject(e) : resolve(out)));
  });
  // The codecs at the level where more work no longer pays (measured on
  // snapshots): zstd 1 is both the fastest and the smallest up to level 8.
  const C = zlib.constants;
  const chunkSize = 256 << 10; // a piece is done in one or two jobs of the pool
  const gzip = { name: 'gzip', pack: (b) => job(zlib.gzip, b, { level: 1, chunkSize }), unpack: (b) => job(zlib.gunzip, b, {}) };
  const zstdOptions = () => ({ chunkSize, params: { [C.ZSTD_c_compressionLevel]: 1, [C.ZSTD_c_checksumFlag]: 1 } });
  const brotliOptions = (n) => ({ chunkSize, params: { [C.BROTLI_PARAM_QUALITY]: 2, [C.BROTLI_PARAM_SIZE_HINT]: n } });
  const codec = zlib.zstdCompress ? {
    name: 'zstd', pack: (b) => job(zlib.zstdCompress, b, zstdOptions()), unpack: (b) => job(zlib.zstdDecompress, b, {}),
    sync: (b) => zlib.zstdCompressSync(b, zstdOptions()),
  } : {
    name: 'brotli', pack: (b) => job(zlib.brotliCompress, b, brotliOptions(b.length)), unpack: (b) => job(zlib.brotliDecompress, b, {}),
    sync: (b) => zlib.brotliCompressSync(b, brotliOptions(b.length)),
  };
  const joinable = codec.name === 'zstd' ? codec : gzip; // brotli streams cannot be joined

  // PAIRS are two characters for 13 bits, of the 91 that stand for themselves in
  // the JSON of the inspector: 8 % less than base64.
  let PAIRS = null;
  function encode(bytes) {
    if (!PAIRS) {
      const alphabet = Buffer.from(Array.from({ length: 94 }, (_, i) => i + 33).filter((c) => c !== 34 && c !== 92).slice(0, 91));
      PAIRS = Uint16Array.from({ length: 8192 }, (_, i) => alphabet[i % 91] | (alphabet[Math.floor(i / 91)] << 8));
    }
    const out = new Uint16Array(Math.ceil((bytes.length * 8) / 13));
    let bits = 0, have = 0, n = 0;
    for (let i = 0; i < bytes.length; i++) {
      bits |= bytes[i] << have;
      have += 8;
      if (have >= 13) {
        out[n++] = PAIRS[bits & 8191];
        bits >>>= 13;
        have -= 13;
      }
    }
    if (have > 0) out[n++] = PAIRS[bits & 8191];
    return Buffer.from(out.buffer, 0, n * 2).latin1Slice();
  }

  // crc32 is that of zip and gzip; newer versions of Node.js have it.
  let TABLE = null;
  function crc32(bytes) {
    if (zlib.crc32) return zlib.crc32(bytes);
    TABLE = TABLE || Int32Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1; return n; });
    let c = -1;
    for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
    return ~c >>> 0;
  }

  return { codec, joinable, encode, crc32 };
})
