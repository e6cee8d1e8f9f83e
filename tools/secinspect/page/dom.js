// Builds figures with their tables, and the text that follows the pointer.

function vector(tag, attributes = {}, ...children) {  // an SVG element
  const result = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) result.setAttribute(name, value);
  result.append(...children);
  return result;
}

// A section with a heading and a sentence that says what one sees. It also enters the page's list of sections.
function section(id, title, words, short = title) {
  const result = element('section', { id, 'aria-labelledby': id + '-title' },
    element('h2', { id: id + '-title' }, title), words ? element('p', { class: 'words' }, words) : null);
  document.getElementById('main').append(result);
  document.getElementById('sections').append(element('a', { href: '#' + id }, short));
  return result;
}

function table(head, rows) {
  const cell = (value, tag, i) => element(tag, i === 0 && tag === 'td' ? { class: 'first' } : tag === 'th' ? { scope: 'col' } : {}, String(value));
  return element('div', { class: 'wide' }, element('table', {},
    element('thead', {}, element('tr', {}, head.map((text, i) => cell(text, 'th', i)))),
    element('tbody', {}, rows.map((row) => element('tr', {}, row.map((value, i) => cell(value, 'td', i)))))));
}

// The numbers of a figure. `make` returns {head, rows}; the table is built when it is first opened.
function numbers(make, title = 'The numbers as a table') {
  const details = element('details', { class: 'numbers' }, element('summary', {}, title));
  const fill = () => {
    if (details.children.length > 1) details.lastChild.remove();
    const { head, rows } = make();
    details.append(table(head, rows));
  };
  details.addEventListener('toggle', () => details.open && fill());
  details.refresh = () => details.open && fill();
  return details;
}

// Says what the colours of a figure mean: the signed ramp from blue over nothing to red, or the grey ramp.
function legend(low, high, kind = 'signed') {
  return element('span', { class: 'legend' }, low, element('i', { class: kind }), high);
}

function choice(label, options, chosen, change) {  // options: [[value, text]...]
  const select = element('select', { onchange: () => change(select.value) },
    options.map(([value, text]) => element('option', { value, selected: String(value) === String(chosen) }, text)));
  return element('label', { class: 'choice' }, element('span', {}, label), select);
}

// A horizontal bar from zero, to the right for positive and to the left for negative values. `most` is the value of full length.
function signedBar(value, most, digits = 2) {
  const share = most > 0 ? clamp(Math.abs(value) / most, 0, 1) : 0;
  return element('span', { class: 'signed-bar' + (value < 0 ? ' below' : '') },
    element('i', { style: `--p:${share.toFixed(4)}` }), element('b', {}, signed(value, digits)));
}

const tip = {
  show(text, x, y) {
    const box = document.getElementById('tip');
    box.textContent = text;
    box.hidden = false;
    const width = box.offsetWidth;
    const height = box.offsetHeight;
    box.style.left = clamp(x + 14, 4, Math.max(4, innerWidth - width - 4)) + 'px';
    box.style.top = (y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18) + 'px';
  },
  hide() {
    document.getElementById('tip').hidden = true;
  },
};
