// The chart of memory reads out the nearest moment.
{
  const plot = byId('plot');
  if (plot && data.memory.length) {
    const cross = byId('cross'), readout = byId('readout');
    const names = [['r', 'resident'], ['h', 'heap'], ['e', 'external']];
    plot.addEventListener('pointermove', (event) => {
      const box = plot.getBoundingClientRect();
      const x = 100 * (event.clientX - box.left) / box.width;
      let best = data.memory[0];
      for (const m of data.memory) if (Math.abs(m.x - x) < Math.abs(best.x - x)) best = m;
      cross.setAttribute('x1', best.x + '%');
      cross.setAttribute('x2', best.x + '%');
      cross.setAttribute('visibility', 'visible');
      const values = names.filter(([key]) => best[key] >= 0).map(([key, name]) => `${name} ${formatSize(best[key])}`);
      readout.textContent = [best.t, ...values].join(' · ');
    });
    plot.addEventListener('pointerleave', () => {
      cross.setAttribute('visibility', 'hidden');
      readout.textContent = '';
    });
  }
}
