'use strict';
// Contexts of requests hang on the requests in a WeakMap, as it should be. But a
// context knows its request, and the list of the active ones is never cleared.
class RequestContext {
  constructor(request) {
    this.request = request;
    this.span = {trace: `trace-${request.id}`, events: []};
  }

  note(event) {
    this.span.events.push({event, at: this.span.events.length});
  }
}

const contexts = new WeakMap();
const active = new Set(); // leak

function contextOf(request) {
  let context = contexts.get(request);
  if (!context) {
    context = new RequestContext(request);
    contexts.set(request, context);
    active.add(context);
  }
  return context;
}

function authorize(request) {
  contextOf(request).note(request.token.length > 3 ? 'allowed' : 'denied');
}

function render(request) {
  contextOf(request).note('rendered');
  return `<h1>${request.path}</h1>`;
}

exports.request = (i) => {
  const request = {id: i, path: `/page/${i}`, token: `token-${i}`, query: {a: String(i), b: `b${i}`}};
  authorize(request);
  return render(request);
};
