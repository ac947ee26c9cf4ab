'use strict';
// A query language with a cache of parsed documents, by their text. Clients put
// their values into the text.
class Parser {
  constructor(text) {
    this.tokens = text.match(/[{}():]|"[^"]*"|\w+/g) || [];
    this.at = 0;
  }

  selection() {
    const fields = [];
    while (this.at < this.tokens.length && this.tokens[this.at] !== '}') {
      const field = {kind: 'Field', name: this.tokens[this.at++], arguments: [], selection: null};
      if (this.tokens[this.at] === '(') this.args(field);
      if (this.tokens[this.at] === '{') {
        this.at++;
        field.selection = {kind: 'SelectionSet', fields: this.selection()};
      }
      fields.push(field);
    }
    this.at++;
    return fields;
  }

  args(field) {
    for (this.at++; this.tokens[this.at] !== ')'; this.at += 3) {
      field.arguments.push({kind: 'Argument', name: this.tokens[this.at], value: this.tokens[this.at + 2]});
    }
    this.at++;
  }
}

class DocumentStore {
  constructor() {
    this.documents = new Map(); // leak
  }

  parse(text) {
    let document = this.documents.get(text);
    if (!document) this.documents.set(text, document = {kind: 'Document', selection: new Parser(text.slice(1)).selection()});
    return document;
  }
}

const store = new DocumentStore();

exports.request = (i) => store.parse(`{ user(id: "${i}") { name orders(last: "5") { id total lines { sku count } } } }`).selection.length;
