'use strict';
// A thumbnail service keeps the first bytes of each picture. They are views of
// the whole picture, which stays with them.
const PICTURE = 24 * 1024;
const HEADER = 64;

class HeaderIndex {
  constructor() {
    this.headers = new Map(); // leak
  }

  add(name, picture) {
    this.headers.set(name, picture.subarray(0, HEADER));
  }

  kind(name) {
    const header = this.headers.get(name);
    return header && header[0] === 0xff ? 'jpeg' : 'png';
  }
}

const index = new HeaderIndex();

function download(i) {
  const picture = Buffer.alloc(PICTURE, i & 0x7f);
  picture[0] = i % 2 ? 0xff : 0x89;
  return picture;
}

exports.request = (i) => {
  const name = `picture-${i}`;
  const picture = download(i);
  index.add(name, picture);
  return {name, kind: index.kind(name), bytes: picture.length};
};
