// The table of classes sorts by any column and filters by text.
{
  const table = byId('class-table');
  if (table) {
    const body = table.tBodies[0], rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const compare = {
      text: (a, b) => a.dataset.v.localeCompare(b.dataset.v, 'en'),
      number: (a, b) => a.dataset.v - b.dataset.v,
    };
    const sort = (column) => {
      const head = heads[column], text = head.querySelector('button').dataset.key === 'text';
      // The first click shows the biggest numbers, or the first letters.
      const first = text ? 'ascending' : 'descending';
      const other = text ? 'descending' : 'ascending';
      const order = head.getAttribute('aria-sort') === first ? other : first;
      for (const h of heads) h.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', order);
      const sign = order === 'ascending' ? 1 : -1, by = compare[text ? 'text' : 'number'];
      rows.sort((a, b) => sign * by(a.cells[column], b.cells[column]));
      body.append(...rows);
    };
    heads.forEach((head, column) => {
      const button = head.querySelector('button');
      if (button) button.addEventListener('click', () => sort(column));
    });
    const input = byId('filter'), status = byId('filtered');
    input.addEventListener('input', () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.cells[0].dataset.v.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown++;
      }
      status.textContent = words.length ? `${shown} of ${rows.length} classes` : `${rows.length} classes`;
    });
  }
}
