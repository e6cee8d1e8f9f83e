// Builds canvases, tables and the text that follows the pointer.

function section(parent, id, title, words) {
  const result = element('section', { id, 'aria-labelledby': id + '-title' },
    element('h2', { id: id + '-title' }, title), words ? element('p', { class: 'words' }, words) : null);
  parent.append(result);
  return result;
}

function table(head, rows, attributes = {}) {
  return element('div', { class: 'wide' }, element('table', attributes,
    element('thead', {}, element('tr', {}, head.map((text) => element('th', { scope: 'col' }, text)))),
    element('tbody', {}, rows.map((row) => element('tr', {}, row.map((cell, i) =>
      element(i === 0 ? 'th' : 'td', i === 0 ? { scope: 'row' } : {}, cell instanceof Node ? cell : String(cell))))))));
}

// A table that is built when it is opened, and again at every step while it is open.
function numbers(title, make) {
  const details = element('details', { class: 'numbers' }, element('summary', {}, title));
  details.refresh = () => {
    if (!details.open) return;
    if (details.children.length > 1) details.lastChild.remove();
    details.append(make());
  };
  details.addEventListener('toggle', details.refresh);
  return details;
}

let palette = {};
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = Object.fromEntries(['page', 'card', 'ink', 'soft', 'line', 'accent', 'below', 'light', 'n', 's', 'f', 'q']
    .map((name) => [name, style.getPropertyValue('--' + name).trim()]));
}
function tint(colour, share) {  // `share` of a colour over the page
  const parse = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  const from = parse(palette.card), to = parse(colour);
  return '#' + from.map((v, i) => Math.round(v + (to[i] - v) * share).toString(16).padStart(2, '0')).join('');
}

// A canvas of a size in CSS pixels; returns its context, scaled to the screen.
function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Text beside the pointer. `text(x, y)` gives it for a position in the canvas, or nothing.
function hover(canvas, text, click) {
  const tip = document.getElementById('tip');
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect();
    const words = text(event.clientX - box.left, event.clientY - box.top);
    tip.hidden = !words;
    if (!words) return;
    tip.textContent = words;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (event.clientY + tip.offsetHeight + 24 > innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 16) + 'px';
  });
  canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
  if (click) canvas.addEventListener('click', (event) => {
    const box = canvas.getBoundingClientRect();
    click(event.clientX - box.left, event.clientY - box.top);
  });
}
