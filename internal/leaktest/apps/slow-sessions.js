'use strict';
// A slow leak of a few: one visitor in thirty signs up, and the wizard that he has gone
// through is never taken out. In an interval that is a dozen.
class Wizard {
  constructor(visitor) {
    this.visitor = visitor;
    this.steps = Array.from({length: 40}, (_, n) => ({step: n, answer: `answer ${n} of visitor ${visitor}`, seen: n * 1.5}));
  }
}

class SignUp {
  constructor() {
    this.wizards = new Map(); // leak
  }

  visit(visitor) {
    if (visitor % 30 !== 7) return 'front page';
    const wizard = new Wizard(visitor);
    this.wizards.set(`visitor-${visitor}`, wizard);
    return wizard.steps.length;
  }
}

const signUp = new SignUp();

exports.request = (i) => signUp.visit(i);
