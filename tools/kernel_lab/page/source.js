// The kernel's source with the current line, and how many requests each line makes.

function highlighted(text) {
  const at = text.indexOf('//');
  return at < 0 ? [text] : [text.slice(0, at), element('i', {}, text.slice(at))];
}

function buildSource(parent) {
  const box = section(parent, 'source', 'The source');
  const chain = element('p', { class: 'chain' });
  const list = element('ol', { class: 'code', tabindex: 0, 'aria-label': data.file });
  const requests = new Map();
  for (const e of events) requests.set(lineOf(e), (requests.get(lineOf(e)) || 0) + 1);
  const most = Math.max(...requests.values());
  const rows = lines[0].map((text, i) => {
    const count = requests.get(i + 1) || 0;
    return element('li', { value: i + 1, style: `--p:${(Math.sqrt(count / most)).toFixed(3)}`, class: count ? 'runs' : null, title: count ? plural(count, 'step') + ' of the block' : null,
      onclick: count ? () => seekLine(i + 1) : null }, element('code', {}, highlighted(text || ' ')));
  });
  function seekLine(line) {
    const after = walk.findIndex((index, i) => i > state.position && lineOf(events[index]) === line);
    const any = after >= 0 ? after : walk.findIndex((index) => lineOf(events[index]) === line);
    if (any >= 0) moveTo(any);
  }
  list.append(...rows);
  const inner = element('pre', { class: 'inner' });
  box.append(chain, list, inner);
  let marked = null;
  state.listeners.push(() => {
    const place = places[current().place];
    if (marked) { marked.classList.remove('current'); marked.removeAttribute('aria-current'); }
    marked = rows[place.main.line - 1];
    if (marked) {
      marked.classList.add('current');
      marked.setAttribute('aria-current', 'step');
      const top = marked.offsetTop;
      if (top < list.scrollTop + 40 || top > list.scrollTop + list.clientHeight - 60) list.scrollTop = top - list.clientHeight / 2;
    }
    chain.textContent = place.all.slice().reverse().map((f) => `${f.name === 'lambda' ? 'lambda' : f.name} ${f.file}:${f.line}`).join(' \u2192 ');
    inner.hidden = !place.inner;
    if (place.inner) inner.replaceChildren(element('span', {}, `${place.inner.file}:${place.inner.line}  ${place.inner.name}`), '\n', element('code', {}, codeLine(place.inner.source, place.inner.line)));
  });
}
