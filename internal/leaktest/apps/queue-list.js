'use strict';
// A mail queue as a linked list. The sender takes two mails for every three that
// come in.
class Mail {
  constructor(to, subject, body) {
    this.to = to;
    this.subject = subject;
    this.body = body;
    this.next = null;
  }
}

class MailQueue {
  constructor() {
    this.head = null; // leak
    this.tail = null;
    this.length = 0;
  }

  push(mail) {
    if (this.tail) this.tail.next = mail;
    else this.head = mail;
    this.tail = mail;
    this.length++;
  }

  shift() {
    const mail = this.head;
    if (!mail) return undefined;
    this.head = mail.next;
    if (!this.head) this.tail = null;
    this.length--;
    return mail;
  }
}

class Sender {
  constructor(queue) {
    this.outgoing = queue;
    this.sent = 0;
  }

  work(count) {
    for (let n = 0; n < count && this.outgoing.shift(); n++) this.sent++;
  }
}

const sender = new Sender(new MailQueue());

exports.sender = sender;
exports.request = (i) => {
  sender.outgoing.push(new Mail(`user${i}@mail.example`, `Your order ${i}`, {template: 'order', values: {id: i, total: `${i}.99`, text: `Thank you, user ${i}`}}));
  if (i % 3 === 2) sender.work(2);
};
