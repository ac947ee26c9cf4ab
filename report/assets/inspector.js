// The inspector shows one object of the extract. The address tells which one:
// #@id, so that the browser's back button works.
{
  const panel = byId('object');
  if (panel) {
    const kinds = ['context', 'element', 'property', 'internal', 'hidden', 'shortcut', 'weak', 'other'];
    const objects = data.objects, byID = new Map(objects.map((o, i) => [o.i, i]));
    const className = (o) => data.names[o.c] || '(no name)';
    const longName = (o) => {
      const name = data.names[o.n || 0];
      return name && o.n ? `${className(o)} ${name}` : className(o);
    };
    const shortName = (o) => (data.names[o.n || 0] || className(o));

    // edgeText writes an edge the way code would.
    function edgeText(kind, name) {
      switch (kinds[kind]) {
        case 'element': case 'hidden': return `[${name}]`;
        case 'internal': return `(${name})`;
        case 'weak': return `weak ${name}`;
        default: return name;
      }
    }
    const faint = (kind) => !['property', 'context', 'element'].includes(kinds[kind]);

    function link(o, ...inner) {
      const id = make('span', {class: 'id'}, `@${o.i}`);
      return o.w
        ? make('a', {href: '#@' + o.i}, ...inner, ' ', id)
        : make('span', {class: 'outside', title: 'Not in this extract: look its id up in DevTools'}, ...inner, ' ', id);
    }

    function refs(title, list, more, none, arrow) {
      const body = make('tbody', {});
      for (const [kind, name, end] of list || []) {
        const o = objects[end];
        body.append(make('tr', {class: faint(kind) ? 'faint' : undefined},
          make('td', {}, link(o, make('code', {class: 'edge'}, edgeText(kind, data.names[name])), arrow, make('span', {class: 'class'}, shortName(o)))),
          make('td', {}, o.r ? formatSize(o.r) : '')));
      }
      const left = more ? make('p', {class: 'muted'}, `${whole.format(more)} more, to be seen in DevTools`) : '';
      if (!list || !list.length) return make('div', {}, make('h4', {}, title), make('p', {class: 'muted'}, none));
      return make('div', {}, make('h4', {}, title), make('table', {'aria-label': title}, body), left);
    }

    // wayTo lists the steps from a root to the object.
    function wayTo(start) {
      const steps = [], seen = new Set();
      for (let i = start; !seen.has(i);) {
        seen.add(i);
        const [name, from] = objects[i].v || [];
        steps.unshift([name === undefined ? '' : data.names[name], i]);
        if (from === undefined) break;
        i = from;
      }
      return make('ol', {class: 'chain'}, ...steps.map(([name, i]) => {
        const o = objects[i];
        const text = name ? [make('code', {class: 'edge'}, name), ' ', make('span', {class: 'muted'}, shortName(o))] : [shortName(o)];
        return make('li', {}, i === start ? make('span', {'aria-current': 'true'}, ...text) : link(o, ...text));
      }));
    }

    function picks(id) {
      if (!data.suspects.some((s) => byID.has(s.i))) return '';
      return make('nav', {class: 'picks', 'aria-label': 'Suspects to inspect'}, make('span', {class: 'muted'}, 'Suspects'),
        ...data.suspects.filter((s) => byID.has(s.i)).map((s) => make('a', {href: '#@' + s.i, 'aria-current': s.i === id && 'true'}, s.t || '@' + s.i)));
    }

    function fact(name, value) {
      return make('div', {}, make('dt', {}, name), make('dd', {}, value));
    }

    function show(id) {
      const index = byID.get(id), o = objects[index];
      if (!o) {
        panel.replaceChildren(picks(id), make('p', {}, make('b', {}, `@${id} lies outside of this report's extract.`)),
          make('p', {class: 'muted'}, 'Load the last snapshot in Chrome DevTools (Memory, Load profile) and look the id up there, or run '),
          make('p', {}, make('code', {}, `ecsheap inspect --id ${id} FILE`)));
        return;
      }
      const facts = make('dl', {class: 'object-facts'}, fact('retains', formatSize(o.r)), fact('itself', formatSize(o.s)));
      if (data.total) facts.append(fact('share of the heap', formatShare(o.r / data.total)));
      if (o.l) facts.append(fact('code', make('code', {}, data.names[o.l])));
      const children = [picks(id), make('div', {class: 'object-head'}, make('h3', {}, longName(o)), make('span', {class: 'id'}, '@' + o.i)), facts];
      if (o.v) children.push(make('h4', {}, 'Way from a root'), wayTo(index));
      if (o.w) {
        children.push(make('div', {class: 'refs'},
          refs('Fields', o.f, o.fm, 'It has none.', ' '),
          refs('Retainers', o.b, o.bm, 'Nothing holds it but the root.', ' of ')));
      } else {
        children.push(make('p', {class: 'muted'}, `Its fields lie outside of this report's extract: look @${o.i} up in DevTools.`));
      }
      panel.replaceChildren(...children.filter((c) => c !== ''));
    }

    const wanted = () => (/^#@(\d+)$/.exec(location.hash) || [])[1];
    function follow(jump) {
      const id = wanted();
      if (id === undefined) return;
      show(Number(id));
      if (jump) {
        byId('inspector').scrollIntoView();
        panel.focus({preventScroll: true});
      }
    }
    addEventListener('hashchange', () => follow(true));
    byId('find').addEventListener('submit', (event) => {
      event.preventDefault();
      const id = byId('find-id').value.replace(/\D/g, '');
      if (id) location.hash = '@' + id;
    });
    if (wanted() !== undefined) {
      follow(true);
    } else {
      const first = data.suspects.find((s) => byID.has(s.i)) || objects.find((o) => o.w);
      if (first) show(first.i);
      else panel.replaceChildren(make('p', {class: 'muted'}, 'Enter the id of an object, or click one above.'));
    }
  }
}
