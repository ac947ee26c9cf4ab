'use strict';
// An LRU cache as a much used package builds it today: parallel arrays for keys,
// values and links. It has no limit when it is not told one.
class LruArrays {
  constructor(max) {
    this.max = max;
    this.size = 0;
    this.keyMap = new Map();
    this.keyList = [];
    this.valList = [];
    this.next = [];
    this.prev = [];
    this.head = 0;
    this.tail = 0;
  }

  set(key, value) {
    const index = this.size++;
    this.keyList[index] = key;
    this.valList[index] = value;
    this.keyMap.set(key, index);
    this.next[this.tail] = index;
    this.prev[index] = this.tail;
    this.tail = index;
    while (this.size > this.max) this.evict();
  }

  evict() {
    const index = this.head;
    this.head = this.next[index];
    this.keyMap.delete(this.keyList[index]);
    this.keyList[index] = this.valList[index] = undefined;
    this.size--;
  }

  get(key) {
    const index = this.keyMap.get(key);
    return index === undefined ? undefined : this.valList[index];
  }
}

class UserDirectory {
  constructor() {
    this.profiles = new LruArrays(); // leak
  }

  find(id) {
    let profile = this.profiles.get(id);
    if (!profile) {
      profile = {id, name: `User ${id}`, mail: `user${id}@mail.example`, groups: [`g${id.length}`, 'all'], settings: {theme: 'dark', page: 20}};
      this.profiles.set(id, profile);
    }
    return profile;
  }
}

const directory = new UserDirectory();

exports.request = (i) => JSON.stringify(directory.find(i % 5 === 0 ? 'guest' : `uid-${i}`).groups);
