// The heap map: an icicle of the dominator tree. Blocks come biggest first, so
// that children are in the order in which they are drawn.
{
  const map = data.icicle, box = byId('icicle');
  if (map && box) {
    const rowHeight = 24, rowCount = 12.5, thinnest = 1.5, legible = 26;
    const children = map.p.map(() => []);
    const depth = map.p.map(() => 0);
    for (let i = 1; i < map.p.length; i++) {
      children[map.p[i]].push(i);
      depth[i] = depth[map.p[i]] + 1;
    }
    const suspects = new Set(data.suspects.map((s) => s.i));
    const inspected = new Set(data.objects.filter((o) => o.w).map((o) => o.i));
    const single = (i) => map.n[i] === 1;
    const marked = (i) => single(i) && suspects.has(map.i[i]);
    let zoomed = 0; // the block that fills the width
    let current = 0; // the block that the keyboard is at
    let drawn = new Map(); // elements by block

    const className = (i) => {
      const name = data.names[map.c[i]] || '(no name)';
      return single(i) ? name : `${whole.format(map.n[i])} × ${name}`;
    };
    const edgeName = (i) => data.names[map.e[i]];
    const label = (i) => (edgeName(i) ? `${edgeName(i)}: ${className(i)}` : className(i));

    function describe(i) {
      const share = map.s[0] ? map.s[i] / map.s[0] : 0;
      const text = [` ${formatSize(map.s[i])}`, formatShare(share), `itself ${formatSize(map.o[i])}`];
      const below = map.s[i] - map.o[i] - children[i].reduce((sum, c) => sum + map.s[c], 0);
      if (below > 0) text.push(`in pieces too small to draw ${formatSize(below)}`);
      byId('map-detail').replaceChildren(make('b', {}, label(i)), text.join(' · '));
    }

    function element(i, left, width, row) {
      const block = make('div', {
        role: 'treeitem', tabindex: -1, 'aria-level': depth[i] + 1, 'aria-label': `${label(i)}, ${formatSize(map.s[i])}`,
        'aria-expanded': children[i].length > 0, 'data-block': i,
        class: `fill${map.k[i]}${marked(i) ? ' mark' : ''}${width < legible ? ' thin' : ''}`,
      });
      block.style.left = left + 'px';
      block.style.width = width + 'px';
      block.style.top = row * rowHeight + 'px';
      if (width >= legible) {
        if (edgeName(i)) block.append(make('span', {class: 'held'}, edgeName(i)), ' ');
        block.append(className(i));
        if (width > 170) block.append(make('span', {class: 'muted'}, '  ' + formatSize(map.s[i])));
      }
      return block;
    }

    // draw lays out what is visible below the zoomed block.
    function draw() {
      const width = box.clientWidth;
      drawn = new Map();
      const blocks = [];
      const open = [[zoomed, 0, width, 0]];
      while (open.length) {
        const [i, left, wide, row] = open.pop();
        const e = element(i, left, wide, row);
        drawn.set(i, e);
        blocks.push(e);
        if (row + 1 >= rowCount) continue; // the half row says that it goes on
        let x = left;
        for (const child of children[i]) {
          const part = wide * map.s[child] / (map.s[i] || 1);
          if (part < thinnest) break; // the others are no bigger
          open.push([child, x, part, row + 1]);
          x += part;
        }
      }
      box.replaceChildren(...blocks);
      if (!drawn.has(current)) current = zoomed;
      drawn.get(current).tabIndex = 0;
      crumbs();
      describe(current);
    }

    function crumbs() {
      const way = [];
      for (let i = zoomed; ; i = map.p[i]) {
        way.unshift(i);
        if (i === 0) break;
      }
      byId('crumbs').replaceChildren(...way.map((i) => {
        const name = i === 0 ? 'Heap' : label(i);
        if (i !== zoomed) {
          const button = make('button', {type: 'button'}, name);
          button.addEventListener('click', () => zoom(i, true));
          return make('li', {}, button);
        }
        const item = make('li', {}, make('span', {'aria-current': 'location'}, name));
        if (single(i) && inspected.has(map.i[i])) item.append(make('a', {class: 'id', href: '#@' + map.i[i]}, `inspect @${map.i[i]}`));
        else if (i !== 0) item.append(make('span', {class: 'id muted'}, `${single(i) ? '' : 'such as '}@${map.i[i]}`));
        return item;
      }));
    }

    function zoom(i, focus) {
      zoomed = current = i;
      draw();
      if (focus) drawn.get(i).focus({preventScroll: true});
    }

    function moveTo(i) {
      if (i === undefined || !drawn.has(i)) return;
      drawn.get(current).tabIndex = -1;
      current = i;
      drawn.get(i).tabIndex = 0;
      drawn.get(i).focus({preventScroll: true});
    }

    // beside returns a neighbour in the same row.
    function beside(i, step) {
      const row = depth[i], left = (e) => parseFloat(e.style.left);
      const line = [...drawn].filter(([j]) => depth[j] === row).sort((a, b) => left(a[1]) - left(b[1])).map(([j]) => j);
      return line[line.indexOf(i) + step];
    }

    const blockOf = (event) => {
      const e = event.target.closest('[data-block]');
      return e ? Number(e.dataset.block) : undefined;
    };
    box.addEventListener('click', (event) => {
      const i = blockOf(event);
      if (i !== undefined) zoom(i === zoomed && i !== 0 ? map.p[i] : i, true);
    });
    box.addEventListener('pointerover', (event) => {
      const i = blockOf(event);
      describe(i === undefined ? current : i);
    });
    box.addEventListener('pointerleave', () => describe(current));
    box.addEventListener('focusin', (event) => {
      const i = blockOf(event);
      if (i !== undefined) { current = i; describe(i); }
    });
    const keys = {
      ArrowDown: () => moveTo(children[current].find((c) => drawn.has(c))),
      ArrowUp: () => moveTo(current === zoomed ? undefined : map.p[current]),
      ArrowLeft: () => moveTo(beside(current, -1)),
      ArrowRight: () => moveTo(beside(current, 1)),
      Home: () => zoom(0, true),
      Enter: () => zoom(current, true),
      ' ': () => zoom(current, true),
      Escape: () => zoom(map.p[zoomed], true),
      Backspace: () => zoom(map.p[zoomed], true),
      i: () => { if (single(current)) location.hash = '@' + map.i[current]; },
    };
    box.addEventListener('keydown', (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    if (map.hidden > 0) {
      byId('map-left').textContent = `${whole.format(map.hidden)} blocks smaller than ${formatSize(map.s[map.s.length - 1])} are left out.`;
    }
    let drawnWidth = 0;
    new ResizeObserver(() => {
      if (box.clientWidth && box.clientWidth !== drawnWidth) {
        drawnWidth = box.clientWidth;
        draw();
      }
    }).observe(box);
  }
}
