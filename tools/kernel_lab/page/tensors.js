// The tensors in global memory: what the block touches, what the chosen thread touches, and what the step touches.
// The last axis goes down, all others go across: time from left to right.

function buildTensors(parent) {
  const box = section(parent, 'tensors', 'Global memory');
  box.append(element('p', { class: 'legends' }, ...[['later', 'the block will touch it'], ['done', 'has touched it'], ['thread', 'the chosen thread touches it'], ['now', 'loaded or stored now'], ['held', 'handled now, in shared memory or registers']]
    .map(([kind, words]) => element('span', { class: 'legend' }, element('i', { class: kind }), words))));
  const shown = arrays.filter((array) => !array.shared && touched[array.id].first.some((step) => step >= 0));
  const figures = element('div', { class: 'tensors' });
  box.append(figures);
  const pictures = shown.map((array) => {
    const rows = array.shape.length > 1 ? array.shape[array.shape.length - 1] : 1;
    const columns = Math.ceil(array.count / rows);
    const canvas = element('canvas', { role: 'img', 'aria-label': `${array.name} (${array.shape.join(', ')})` });
    const names = axes[array.shape.length] || [];
    const words = array.shape.length > 1 ? `${names.slice(0, -1).filter((_, i) => array.shape[i] > 1).join(' and ') || names[0]} across, ${names[names.length - 1]} down` : names[0] || '';
    const figure = element('figure', { style: `--columns:${columns}` }, element('figcaption', {}, element('b', { style: `--c:var(--${colourOf(array)})` }, array.name),
      element('span', {}, `(${array.shape.join(', ') || array.count})`), element('span', {}, words)), canvas);
    figures.append(figure);
    const size = () => Math.max(1.2, Math.min(rows === 1 ? 10 : 9, 200 / rows, figures.clientWidth / columns));
    const indexAt = (x, y) => { const column = Math.floor(x / size()), row = Math.floor(y / size()); return row < rows && column < columns ? column * rows + row : -1; };
    hover(canvas, (x, y) => {
      const index = indexAt(x, y);
      if (index < 0 || index >= array.count) return '';
      const first = touched[array.id].first[index];
      return `${elementText(array, index)} = ${short(valueOf(array, index))}\n${tuple(array, index).map((v, i) => `${names[i] || 'index'} ${v}`).join(', ')}\n${first < 0 ? 'not touched by this block' : 'first touched in step ' + first}`;
    });
    return { array, rows, columns, canvas, size };
  });
  function draw() {
    const e = current(), now = new Map();
    visitGlobal(e, (array, index, lane) => now.set(array.id + ':' + index, e.warp * 32 + lane));
    const held = new Set();
    for (const code of handled(e)) if (code >= 0) for (let i = 0; i <= (codeIsPair(code) ? 1 : 0); i++) held.add(codeArray(code).id + ':' + (codeIndex(code) + i));
    for (const { array, rows, columns, canvas, size } of pictures) {
      const cell = size(), context = prepare(canvas, columns * cell, rows * cell);
      canvas.parentElement.style.maxWidth = Math.max(columns * cell, 190) + 'px';
      const gap = cell > 4 ? 1 : cell > 2.5 ? 0.5 : 0;
      const colour = palette[colourOf(array)];
      const { first, thread } = touched[array.id];
      const none = tint(palette.soft, 0.13), later = tint(colour, 0.22), done = tint(colour, 0.5);
      for (let i = 0; i < array.count; i++) {
        const x = Math.floor(i / rows) * cell, y = i % rows * cell;
        context.fillStyle = first[i] < 0 ? none : first[i] <= state.step ? done : later;
        context.fillRect(x, y, cell - gap, cell - gap);
        if (thread[i]) { context.fillStyle = colour; const inset = cell > 4 ? 1.5 : 0; context.fillRect(x + inset, y + inset, cell - gap - 2 * inset, cell - gap - 2 * inset); }
      }
      context.lineWidth = 1.2;
      context.strokeStyle = context.fillStyle = palette.ink;
      for (const key of held) {
        const [id, index] = key.split(':').map(Number);
        if (id !== array.id) continue;
        const x = Math.floor(index / rows) * cell, y = index % rows * cell;
        if (cell > 3.5) context.strokeRect(x + 0.1, y + 0.1, cell - gap - 0.2, cell - gap - 0.2); else context.fillRect(x, y, Math.max(cell - gap, 1), Math.max(cell - gap, 1));
      }
      for (const [key, of] of now) {
        const [id, index] = key.split(':').map(Number);
        if (id !== array.id) continue;
        const x = Math.floor(index / rows) * cell, y = index % rows * cell;
        context.fillStyle = of === state.thread ? palette.accent : palette.ink;
        context.fillRect(x, y, Math.max(cell - gap, 1.5), Math.max(cell - gap, 1.5));
      }
    }
  }
  const lanes = numbers('The lanes of this step as a table', () => {
    const e = current(), cells = new Map();
    const add = (lane, column, text) => { const row = cells.get(lane) || ['', '', '']; row[column] += (row[column] ? ', ' : '') + text; cells.set(lane, row); };
    visitGlobal(e, (array, index, lane) => add(lane, 0, `${elementText(array, index)} = ${short(valueOf(array, index))}`));
    if (touchesShared(e)) e.at.forEach((offset, i) => {
      add(e.lanes[i], 1, `${arrays[e.array].name} + ${offset} bytes`);
      for (let word = Math.floor(offset / 4); word * 4 < offset + e.bytes; word++) add(e.lanes[i], 2, `bank ${word % 32}: ${codeText(memory.words[e.array][word])}`);
    });
    return table(['lane', 'global memory', 'shared memory', 'banks and content'], [...cells].sort((a, b) => a[0] - b[0]).map(([lane, row]) => [lane, ...row]));
  });
  box.append(lanes);
  state.listeners.push(() => { draw(); lanes.refresh(); });
}
