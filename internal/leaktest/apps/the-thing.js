'use strict';
// A configuration that is refreshed now and then. The refresh knows the one
// before through a closure that nobody calls, and so all of them stay.
let theThing = null; // leak

function refresh(version) {
  const originalThing = theThing;
  const unused = () => {
    if (originalThing) console.log('replacing', originalThing.version);
  };
  theThing = {
    version,
    flags: Array.from({length: 60}, (_, n) => ({name: `flag-${n}`, on: (n + version) % 3 === 0})),
    isOn(name) { // culprit
      return this.flags.some((flag) => flag.name === name && flag.on);
    },
  };
  return unused;
}

refresh(0);

exports.request = (i) => {
  if (i % 4 === 0) refresh(i);
  const context = {user: `u-${i}`, flags: ['flag-1', 'flag-17'].map((name) => theThing.isOn(name))};
  return JSON.stringify(context);
};
