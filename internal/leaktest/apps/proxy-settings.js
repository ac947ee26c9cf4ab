'use strict';
// Preferences behind a Proxy that makes up what is missing, and keeps what it
// made up.
const preferences = {}; // leak

const defaults = (user) => ({user, theme: 'light', columns: ['name', 'date'], paging: {size: 20, page: 0}});

const settings = new Proxy(preferences, {
  get(target, name) {
    if (typeof name === 'string' && !(name in target)) target[name] = defaults(name);
    return target[name];
  },
});

class View {
  constructor(user) {
    this.user = user;
  }

  get options() {
    return settings[this.user];
  }

  render() {
    return `${this.user}: ${this.options.columns.join()} in ${this.options.theme}`;
  }
}

const known = () => Object.keys(preferences).length;

exports.request = (i) => i % 100 === 0 ? known() : new View(i % 3 ? `visitor-${i}` : `member-${i % 30}`).render().length;
