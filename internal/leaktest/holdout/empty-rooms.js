'use strict';
// Rooms of a chat. People leave, and the empty rooms stay.
class Member {
  constructor(name) {
    this.name = name;
    this.unread = 0;
  }
}

class Hub {
  constructor() {
    this.rooms = new Map(); // leak
  }

  join(room, member) {
    let members = this.rooms.get(room);
    if (!members) this.rooms.set(room, members = new Set());
    members.add(member);
  }

  leave(room, member) {
    this.rooms.get(room).delete(member);
  }

  say(room, text) {
    for (const member of this.rooms.get(room)) member.unread += text.length;
  }
}

const hub = new Hub();

exports.request = (i) => {
  const room = `support-${i}`;
  const members = [new Member(`agent-${i % 12}`), new Member(`customer-${i}`)];
  members.forEach((member) => hub.join(room, member));
  hub.say(room, `hello ${i}`);
  members.forEach((member) => hub.leave(room, member));
};
