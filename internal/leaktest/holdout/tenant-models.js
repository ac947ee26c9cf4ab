'use strict';
// A mapper compiles a class for each table of each connection. A connection is
// "new" for each request, since its name has a random part.
class Connection {
  constructor(mapper, name) {
    this.mapper = mapper;
    this.name = name;
  }

  model(table, fields) {
    const key = `${this.name}.${table}`;
    return this.mapper.models[key] || (this.mapper.models[key] = compile(table, fields));
  }
}

function compile(table, fields) {
  const Model = class {
    constructor(row) {
      for (const field of fields) this[field] = row[field];
    }

    get key() {
      return `${table}/${this[fields[0]]}`;
    }

    static find(id) {
      return new Model({[fields[0]]: id});
    }
  };
  return Model;
}

class Mapper {
  constructor() {
    this.models = {}; // leak
  }

  connect(name) {
    return new Connection(this, name);
  }
}

const mapper = new Mapper();

exports.request = (i) => {
  const connection = mapper.connect(`tenant${i % 10}-${i.toString(36)}`);
  const User = connection.model('user', ['id', 'name', 'mail']);
  return User.find(i).key;
};
