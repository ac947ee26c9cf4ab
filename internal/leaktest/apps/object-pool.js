'use strict';
// Particles of a simulation, taken from a pool and given back in an order of
// their own, so that they wander through lists and maps.
class Particle {
  constructor() {
    this.position = {x: 0, y: 0, z: 0};
    this.owner = '';
    this.trail = [];
  }

  reset(owner) {
    this.owner = owner;
    this.trail.length = 0;
  }
}

class ParticlePool {
  constructor(size) {
    this.free = Array.from({length: size}, () => new Particle());
    this.used = new Map();
  }

  spawn(id) {
    const particle = this.free.pop() || this.steal();
    particle.reset(id);
    this.used.set(id, particle);
    return particle;
  }

  steal() {
    const [id, particle] = this.used.entries().next().value;
    this.used.delete(id);
    return particle;
  }

  step() {
    for (const [id, particle] of this.used) {
      particle.position.x += 0.5;
      particle.trail.push(`${id}@${particle.position.x}`);
      if (particle.trail.length > 4) {
        this.used.delete(id);
        this.free.push(particle);
      }
    }
  }
}

const pool = new ParticlePool(400);

exports.request = (i) => {
  for (let n = 0; n < 3; n++) pool.spawn(`p-${i}-${n}`);
  if (i % 25 === 0) pool.step();
  return pool.used.size;
};
