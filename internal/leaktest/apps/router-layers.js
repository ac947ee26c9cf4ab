'use strict';
// A web framework in small, and a handler that adds its middleware with every
// request instead of once.
class Layer {
  constructor(path, handle) {
    this.path = path;
    this.handle = handle;
    this.regexp = new RegExp(`^${path}`);
  }
}

class Router {
  constructor() {
    this.stack = []; // leak
  }

  use(path, handle) {
    this.stack.push(new Layer(path, handle));
    return this;
  }

  dispatch(req, res) {
    const layers = this.stack.filter((layer) => layer.regexp.test(req.path)).slice(0, 5);
    for (const layer of layers) layer.handle(req, res);
    return res;
  }
}

const router = new Router();
router.use('/', (req, res) => {
  res.headers = {'x-powered-by': 'router'};
});
router.use('/report', (req, res) => {
  const limits = {user: req.user, rows: 100, columns: ['a', 'b']};
  router.use(`/report/${req.n}`, (later) => {
    later.limits = limits;
  });
  res.body = {n: req.n};
});

exports.request = (i) => JSON.stringify(router.dispatch({n: i, path: i % 2 ? '/report' : '/', user: {id: i, name: `user ${i}`}}, {}));
