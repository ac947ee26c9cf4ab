'use strict';
// An instrumentation that hangs its spans on the client of a library, under a
// symbol, where nobody sees them.
const kSpans = Symbol('kSpans');

class DatabaseClient {
  constructor() {
    this.queries = 0;
  }

  query(sql, values) {
    this.queries++;
    return {rows: values.map((value) => ({value})), sql};
  }
}

function instrument(client) {
  client[kSpans] = []; // leak
  const query = client.query.bind(client);
  client.query = (sql, values) => {
    const span = {name: 'db.query', attributes: {sql, values}, status: 'unset'};
    client[kSpans].push(span);
    const result = query(sql, values);
    span.status = 'ok';
    return result;
  };
  return client;
}

const client = instrument(new DatabaseClient());

exports.client = client;
exports.request = (i) => client.query(`select * from items where id = ${i}`, [i, `value ${i}`]).rows.length;
