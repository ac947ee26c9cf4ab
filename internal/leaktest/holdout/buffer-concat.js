'use strict';
// A recorder that appends what it gets to one buffer.
class Recorder {
  constructor() {
    this.recorded = Buffer.alloc(0); // leak
    this.frames = 0;
  }

  write(frame) {
    this.frames++;
    this.recorded = Buffer.concat([this.recorded, frame]);
  }
}

class Camera {
  constructor(recorder) {
    this.recorder = recorder;
  }

  capture(i) {
    const frame = Buffer.allocUnsafe(1024).fill(i & 255);
    this.recorder.write(frame);
    return frame.readUInt32BE(8);
  }
}

const camera = new Camera(new Recorder());

exports.camera = camera;
exports.request = (i) => camera.capture(i);
