'use strict';
// An index for completion, as a tree of letters, which learns every query that
// somebody types.
class TrieNode {
  constructor() {
    this.children = new Map();
    this.count = 0;
  }
}

class Completion {
  constructor() {
    this.root = new TrieNode(); // leak
  }

  learn(text) {
    let node = this.root;
    for (const letter of text) {
      let next = node.children.get(letter);
      if (!next) node.children.set(letter, next = new TrieNode());
      node = next;
    }
    node.count++;
  }

  complete(prefix) {
    let node = this.root;
    for (const letter of prefix) node = node && node.children.get(letter);
    return node ? node.children.size : 0;
  }
}

const completion = new Completion();

exports.request = (i) => {
  const text = (BigInt(i + 7) * 2654435761n % 1000003n).toString(36) + i.toString(36);
  completion.learn(text);
  return completion.complete(text.slice(0, 2));
};
