// The page works without this script but for the heap map and the inspector.
const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

// make builds an element. Strings become text, never markup.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((c) => c !== undefined && c !== ''));
  return element;
}

const whole = new Intl.NumberFormat('en');

function formatSize(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes, unit = 0;
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000;
  return (unit ? value.toFixed(1) : value) + ' ' + units[unit];
}

function formatShare(part) {
  if (part > 0 && part < 0.001) return 'under 0.1 %';
  return (100 * part).toFixed(part < 0.1 ? 1 : 0) + ' %';
}

// The theme follows the system until the reader chooses.
{
  const button = byId('theme'), root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = null;
  try { chosen = localStorage.getItem('ecsheap-theme'); } catch { /* no storage on some file: pages */ }
  const apply = () => { root.dataset.theme = chosen || (dark.matches ? 'dark' : 'light'); };
  button.hidden = false;
  button.addEventListener('click', () => {
    chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('ecsheap-theme', chosen); } catch { /* the choice lasts for the page */ }
    apply();
  });
  dark.addEventListener('change', apply);
  apply();
}

// Places in the code can be copied.
for (const button of document.querySelectorAll('.copy')) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not allowed';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}

// Paper has no folds.
{
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open])')];
    for (const d of opened) d.open = true;
  });
  addEventListener('afterprint', () => { for (const d of opened) d.open = false; });
}
