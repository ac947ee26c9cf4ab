'use strict';
// Streams in the manner of a reactive library: each request subscribes to the
// configuration and does not unsubscribe.
class Subscriber {
  constructor(next) {
    this.next = next;
    this.closed = false;
  }
}

class Subject {
  constructor() {
    this.observers = []; // leak
  }

  subscribe(next) {
    const subscriber = new Subscriber(next);
    this.observers.push(subscriber);
    return {unsubscribe: () => {
      subscriber.closed = true;
      this.observers = this.observers.filter((other) => other !== subscriber);
    }};
  }

  next(value) {
    for (const observer of this.observers) observer.next(value);
  }

  map(project) {
    const mapped = new Subject();
    this.subscribe((value) => mapped.next(project(value)));
    return mapped;
  }
}

const configuration = new Subject();

exports.request = (i) => {
  const page = {id: i, title: `Page ${i}`, widgets: ['head', 'body', `foot-${i}`], lang: 'en'};
  const languages = configuration.map((value) => value.lang);
  const subscription = languages.subscribe((lang) => {
    page.lang = lang;
  });
  if (i % 100 === 0) configuration.next({lang: i % 200 ? 'fr' : 'nl'});
  subscription.unsubscribe(); // from the mapped one only
  return JSON.stringify(page);
};
