'use strict';
// A store whose state is never changed but made anew with every action. Events
// are added to it, and none is taken away.
class Store {
  constructor(reducer, state) {
    this.reducer = reducer;
    this.state = state;
  }

  dispatch(action) {
    this.state = this.reducer(this.state, action);
  }
}

function reducer(state, action) {
  switch (action.type) {
    case 'seen': return {...state, visits: state.visits + 1, last: action.user};
    case 'event': return {...state, events: [...state.events, {user: action.user, text: action.text, read: false}]}; // leak
    default: return state;
  }
}

const store = new Store(reducer, {visits: 0, last: null, events: []});

exports.store = store;
exports.request = (i) => {
  store.dispatch({type: 'seen', user: `user-${i % 50}`});
  store.dispatch({type: 'event', user: `user-${i % 50}`, text: `something happened at ${i}`});
};
