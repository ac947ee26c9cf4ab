// A module of the new kind, with a list in a variable that it does not export.
const history = []; // leak

class Conversation {
  constructor(id) {
    this.id = id;
    this.messages = [];
  }

  say(role, text) {
    this.messages.push({role, text});
    return this;
  }
}

function answer(question) {
  return question.split(' ').reverse().join(' ');
}

export function request(i) {
  const question = `what about number ${i} and the weather in ${['ghent', 'liege', 'mons'][i % 3]}`;
  const conversation = new Conversation(`c-${i}`).say('user', question).say('assistant', answer(question));
  history.push(conversation);
  return JSON.stringify(conversation);
}
