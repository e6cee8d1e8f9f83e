// Shared memory: all of it as a map, and the rows that the step touches with the lanes in their banks.

function buildShared(parent) {
  const own = arrays.filter((array) => array.shared);
  if (!own.length) {
    section(parent, 'shared', 'Shared memory', 'This version uses none: every thread reads all operands from global memory itself.');
    return;
  }
  const box = section(parent, 'shared', 'Shared memory', '32 banks side by side; word w is in bank w mod 32. In one pass, each bank serves one word. A number in a cell is the lane that uses the word.');
  const legend = element('p', { class: 'legends' });
  const names = new Set();
  for (const e of events) for (const words of e.content) for (const code of words) if (code >= 0) names.add(codeArray(code).id);
  const entry = (colour, words, kind = '') => element('span', { class: 'legend' }, element('i', { class: kind, style: `--c:var(--${colour})` }), words);
  legend.append(...[...names].sort().map((id) => entry(colourOf(arrays[id]), arrays[id].name, 'plain-colour')), entry('soft', 'zero', 'zero'), entry('n', 'computed', 'plain-colour'),
    entry('line', 'not written', 'empty'), entry('accent', 'bank conflict', 'ring'));
  const caption = element('figcaption');
  const zoom = element('canvas', { role: 'img', 'aria-label': 'The words of shared memory that the step uses' });
  const maps = own.map((array) => ({ array, canvas: element('canvas', { role: 'img', 'aria-label': `${array.name}: ${array.bytes} bytes of shared memory` }) }));
  box.append(legend, element('div', { class: 'shared' },
    element('figure', { class: 'zoom' }, caption, zoom),
    element('div', { class: 'maps' }, maps.map(({ array, canvas }) => element('figure', {}, element('figcaption', {}, element('b', {}, array.name === 'DYN_SHARED' ? 'dynamic' : array.name), element('span', {}, `all ${array.bytes.toLocaleString('en')} bytes`)), canvas)))));

  const colourOfCode = (code, flying) => {
    if (code === UNWRITTEN) return tint(palette.soft, 0.1);
    const base = code === ZERO ? tint(palette.soft, 0.32) : code === COMPUTED ? palette.n : palette[colourOf(codeArray(code))];
    return flying ? tint(base, 0.35) : code === ZERO ? base : tint(base, 0.72);
  };
  let view = { array: own[0], rows: [0], cell: 12, left: 44, high: 16, use: new Map() };

  function drawZoom() {
    let last = current();
    if (!touchesShared(last)) {
      for (let position = state.position; position >= 0 && !touchesShared(last); position--) last = events[walk[position]];
    }
    const isNow = last === current();
    if (!touchesShared(last)) last = null;
    const array = last ? arrays[last.array] : own[0];
    const use = last ? bankUse(last) : new Map();
    const rows = [...new Set([...use.keys()].map((word) => Math.floor(word / 32)))].sort((a, b) => a - b);
    if (!rows.length) rows.push(0);
    const width = zoom.parentElement.clientWidth, left = width < 560 ? 0 : 52;
    const cell = (width - left) / 32, high = Math.max(11, Math.min(17, cell)), head = 16;
    view = { array, rows, cell, left, high, head, use };
    const context = prepare(zoom, width, head + rows.length * high + 1);
    context.textBaseline = 'middle';
    context.textAlign = 'center';
    context.font = `${cell >= 15 ? 10 : 8}px system-ui, sans-serif`;
    for (let bank = 0; bank < 32; bank++) if (cell >= 15 || bank % 4 === 0) { context.fillStyle = palette.soft; context.fillText(bank, left + bank * cell + cell / 2, 7); }
    const words = memory.words[array.id], flying = memory.flying[array.id];
    rows.forEach((row, r) => {
      const y = head + r * high;
      if (left) { context.fillStyle = palette.soft; context.textAlign = 'right'; context.fillText('+' + row * 128, left - 6, y + high / 2); context.textAlign = 'center'; }
      for (let bank = 0; bank < 32; bank++) {
        const word = row * 32 + bank, entry = use.get(word), x = left + bank * cell;
        if (word >= words.length) continue;
        context.globalAlpha = entry && isNow ? 1 : entry ? 0.75 : 0.45;
        context.fillStyle = colourOfCode(words[word], flying[word]);
        context.fillRect(x + 0.5, y + 0.5, cell - 1, high - 1);
        context.globalAlpha = 1;
        if (!entry) continue;
        context.strokeStyle = entry.rivals > 1 ? palette.accent : palette.ink;
        context.lineWidth = entry.rivals > 1 ? 2 : 1;
        context.strokeRect(x + 1, y + 1, cell - 2, high - 2);
        if (cell >= 15) { context.fillStyle = palette.ink; context.fillText(entry.lanes.length > 1 ? `${entry.lanes[0]}+` : entry.lanes[0], x + cell / 2, y + high / 2 + 0.5); }
      }
    });
    const conflicts = [...use.values()].filter((entry) => entry.rivals > 1).length;
    caption.replaceChildren(element('b', {}, array.name === 'DYN_SHARED' ? 'dynamic shared memory' : array.name),
      element('span', {}, !last ? 'not used yet' : `${isNow ? 'now' : 'last used in step ' + last.index}: ${plural(use.size, 'word')} in ${plural(new Set([...use.keys()].map((w) => w % 32)).size, 'bank')}`),
      conflicts ? element('span', { class: 'warn' }, `${last.passes} passes instead of ${last.leastPasses}`) : '');
    box.dataset.conflicts = conflicts;
  }
  function drawMaps() {
    for (const { array, canvas } of maps) {
      const groups = array.bytes > 6000 ? 4 : 1, rows = Math.ceil(array.bytes / 128 / groups), gap = 5, high = 4;
      const wide = Math.min(groups > 1 ? 3.5 : 4, (box.clientWidth - (groups - 1) * gap) / 32 / groups);
      const context = prepare(canvas, groups * (32 * wide + gap) - gap, rows * high);
      const words = memory.words[array.id], flying = memory.flying[array.id];
      const use = touchesShared(current()) && current().array === array.id ? bankUse(current()) : new Map();
      for (let w = 0; w < words.length; w++) {
        context.fillStyle = use.has(w) ? palette.ink : colourOfCode(words[w], flying[w]);
        const row = Math.floor(w / 32);
        context.fillRect(row % groups * (32 * wide + gap) + w % 32 * wide, Math.floor(row / groups) * high, wide, high);
      }
    }
  }
  hover(zoom, (x, y) => {
    const bank = Math.floor((x - view.left) / view.cell), row = view.rows[Math.floor((y - view.head) / view.high)];
    if (bank < 0 || bank > 31 || row === undefined) return '';
    const word = row * 32 + bank, entry = view.use.get(word);
    const words = memory.words[view.array.id];
    if (word >= words.length) return '';
    return `bank ${bank}, byte ${word * 4} of ${view.array.name}\n${codeText(words[word])}${memory.flying[view.array.id][word] ? ' (on its way)' : ''}` +
      (entry ? `\nlanes ${entry.lanes.join(', ')}${entry.rivals > 1 ? `\n${entry.rivals} different words of this bank are needed at once` : ''}` : '');
  });
  state.listeners.push(() => { drawZoom(); drawMaps(); });
}
