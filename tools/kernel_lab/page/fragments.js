// Which lane holds which element of the matrices that a product on tensor cores multiplies.
// The layouts are those of the PTX ISA, "Matrix fragments for mma.m16n8k8 / m16n8k16".

function holderA(bf16, row, column) {  // of row and column: the lane, its register, the half of it
  return bf16 ? { lane: row % 8 * 4 + Math.floor(column % 8 / 2), register: (row >= 8 ? 1 : 0) + (column >= 8 ? 2 : 0), half: column % 2 }
    : { lane: row % 8 * 4 + column % 4, register: (row >= 8 ? 1 : 0) + (column >= 4 ? 2 : 0), half: 0 };
}
function holderB(bf16, row, column) {
  return bf16 ? { lane: column * 4 + Math.floor(row % 8 / 2), register: row >= 8 ? 1 : 0, half: row % 2 } : { lane: column * 4 + row % 4, register: row >= 4 ? 1 : 0, half: 0 };
}
const holderD = (row, column) => ({ lane: row % 8 * 4 + Math.floor(column / 2), register: (row >= 8 ? 2 : 0) + column % 2, half: 0 });

// The element of y to which a sum belongs. A row of A holds elements of x at one position, under one tap of the weights in
// B. Rows of A are consecutive positions of the output; rows behind the end of a tile repeat others and belong to none.
// `bases`: per product the position of row 0. `existing`: the rows that agree with it in any product of the warp.
const bases = new Map(), existing = new Map();
function positionOfRow(product, row, bf16, depth, tap) {
  const s = data.shape;
  for (let i = 0; i < depth; i++) {
    const a = codeAt(product, 'A', bf16, row, i);
    if (a < 0) continue;
    const [n, t, h] = tuple(codeArray(a), codeIndex(a)), step = (t + s.pad - tap) / s.stride;
    return Number.isInteger(step) ? (n * s.l_out + step) * s.h + h : null;
  }
  return null;
}
function findBases(bf16, depth) {
  if (data.pass !== 'forward') return;
  for (const product of events) if (product.kind === KIND.product) {
    const b = fragments[product.b].find((code) => code >= 0);
    if (b === undefined) continue;
    const tap = tuple(codeArray(b), codeIndex(b))[0], votes = new Map();
    for (let row = 0; row < 16; row++) {
      const position = positionOfRow(product, row, bf16, depth, tap);
      if (position !== null) votes.set(position - row, (votes.get(position - row) || []).concat(row));
    }
    const [base, rows] = [...votes].sort((x, y) => y[1].length - x[1].length)[0] || [0, []];
    if (rows.length < 2) continue;
    bases.set(product.index, base);
    const key = product.warp + ':' + base;
    existing.set(key, new Set([...(existing.get(key) || []), ...rows]));
  }
}
function sumElement(product, row, column, bf16, depth) {
  const base = bases.get(product.index), y = arrays.find((a) => a.name === 'y');
  if (base === undefined || !y || !existing.get(product.warp + ':' + base).has(row)) return '';
  for (let i = 0; i < depth; i++) {
    const b = codeAt(product, 'B', bf16, i, column);
    if (b >= 0) return elementText(y, (base + row) * data.shape.c_out + tuple(codeArray(b), codeIndex(b))[2]);
  }
  return '';
}
function codeAt(product, matrix, bf16, row, column) {
  const halves = bf16 ? 2 : 1;
  const at = matrix === 'A' ? holderA(bf16, row, column) : holderB(bf16, row, column);
  const registers = matrix === 'A' ? 4 : 2;
  return fragments[matrix === 'A' ? product.a : product.b][(at.lane * registers + at.register) * halves + at.half];
}

function buildFragments(parent) {
  const first = events.find((e) => e.kind === KIND.product);
  if (!first) return;
  const bf16 = first.name.includes('bf16'), depth = bf16 ? 16 : 8;
  findBases(bf16, depth);
  const box = section(parent, 'registers', 'Registers of the tensor cores',
    `A warp multiplies A (16 \u00d7 ${depth}) by B (${depth} \u00d7 8) and adds the product to D (16 \u00d7 8). No lane holds a whole matrix: the number in a cell is the lane that holds the element. Click a lane to follow it.`);
  const status = element('p', { class: 'note' });
  const held = element('div', { class: 'lane-registers' });
  let product = null;
  const cells = [];
  const matrix = (name, rows, columns, holder, words, colour) => {
    const grid = element('div', { class: 'matrix', style: `--columns:${columns};--c:var(--${colour})`, role: 'img', 'aria-label': `${name}: which lane holds which element` });
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      const { lane, register, half } = holder(row, column);
      const cell = element('span', { class: (row === 8 && rows === 16 || row === depth / 2 && name === 'B' ? 'below ' : '') + (column === depth / 2 && name === 'A' ? 'right' : '') }, String(lane));
      cell.addEventListener('click', () => choose((product ? product.warp : Math.floor(state.thread / 32)) * 32 + lane));
      hover(cell, () => {
        const label = `${name}[${row}][${column}]: lane ${lane}, register ${name.toLowerCase()}${register}${bf16 && name !== 'D' ? (half ? ', upper half' : ', lower half') : ''}`;
        if (!product) return label;
        if (name === 'D') return `${label}\n${sumElement(product, row, column, bf16, depth)} so far: ${short(product.d[lane * 4 + register])}`;
        const code = codeAt(product, name, bf16, row, column);
        return `${label}\n${codeText(code)}${code >= 0 ? ' = ' + short(valueOf(codeArray(code), codeIndex(code))) : ''}`;
      });
      cells.push({ cell, lane, name, row, column });
      grid.append(cell);
    }
    return element('figure', { class: 'of-' + name }, element('figcaption', {}, element('b', { style: `--c:var(--${colour})` }, name), element('span', {}, words)), grid);
  };
  box.append(status, element('div', { class: 'product' },
    matrix('B', depth, 8, (r, c) => holderB(bf16, r, c), 'weights: input channel down, output channel across', 'light'),
    matrix('A', 16, depth, (r, c) => holderA(bf16, r, c), 'input: position down, input channel across', 'below'),
    matrix('D', 16, 8, holderD, 'sums: position down, output channel across', 'q'), held));
  const listing = numbers('The lanes of this product as a table', () => {
    if (!product) return element('p', { class: 'note' }, 'No product has run yet.');
    const halves = bf16 ? 2 : 1;
    const codes = (fragment, registers, lane) => fragments[fragment].slice(lane * registers * halves, (lane + 1) * registers * halves).map(codeText).join(', ');
    return table(['lane', 'a', 'b', 'd after the product'], Array.from({ length: 32 }, (_, lane) => [lane, codes(product.a, 4, lane), codes(product.b, 2, lane), product.d.slice(lane * 4, lane * 4 + 4).map(short).join(', ')]));
  });
  box.append(listing);
  state.listeners.push(() => {
    product = null;
    for (let position = state.position; position >= 0 && !product; position--) if (events[walk[position]].kind === KIND.product) product = events[walk[position]];
    const isNow = product === current(), lane = state.thread % 32;
    status.textContent = !product ? 'No product has run yet.' : isNow ? `Warp ${product.warp} multiplies now.` : `The last product was step ${product.index}, by warp ${product.warp}.`;
    for (const one of cells) {
      one.cell.classList.toggle('mine', one.lane === lane);
      one.cell.classList.toggle('zero', !!product && one.name !== 'D' && codeAt(product, one.name, bf16, one.row, one.column) === ZERO);
    }
    const halves = bf16 ? 2 : 1;
    const rows = [];
    for (const [matrixName, fragment, registers] of product ? [['a', product.a, 4], ['b', product.b, 2]] : []) {
      for (let r = 0; r < registers; r++) for (let half = 0; half < halves; half++) {
        const code = fragments[fragment][(lane * registers + r) * halves + half];
        rows.push([`${matrixName}${r}${halves === 2 ? (half ? ', upper' : ', lower') : ''}`, codeText(code), code >= 0 ? short(valueOf(codeArray(code), codeIndex(code))) : '']);
      }
    }
    for (let r = 0; product && r < 4; r++) rows.push([`d${r}`, `${sumElement(product, Math.floor(lane / 4) + (r > 1 ? 8 : 0), lane % 4 * 2 + r % 2, bf16, depth) || 'a sum'} so far`, short(product.d[lane * 4 + r])]);
    held.replaceChildren(element('h3', {}, `The registers of lane ${lane}`), rows.length ? table(['register', 'element', 'value'], rows) : '');
    listing.refresh();
  });
}
