'use strict';
// Templates compiled to functions, kept under their text. The text has the name
// of the user in it.
const compiled = new Map(); // leak

function compile(text) {
  const body = text.replace(/`/g, '').replace(/\{(\w+)\}/g, (_, name) => '${data.' + name + '}');
  return new Function('data', `return \`${body}\`;`);
}

function render(text, data) {
  let template = compiled.get(text);
  if (!template) compiled.set(text, template = compile(text));
  return template(data);
}

exports.request = (i) => render(`Dear user-${i}, your {thing} costs {price}. Bye.`, {thing: `thing ${i}`, price: i * 2});
