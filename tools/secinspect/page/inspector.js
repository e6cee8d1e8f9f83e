// Everything about the selected unit, beside the drawing.

let inspected = null;  // the node that the inspector shows

function fillInspector(side) {
  const id = state.node ?? (nodes.find((node) => node.op === 'conv') ?? nodes[0]).id;
  const node = nodes[id];
  if (inspected !== id) {
    inspected = id;
    side.replaceChildren(...inspectorParts(node));
    surfaces.filter((one) => side.contains(one.canvas)).forEach(paint);
  } else {
    surfaces.filter((one) => side.contains(one.canvas)).forEach(paint);
  }
  const where = side.querySelector('.where');
  if (where) where.textContent = whereText(node);
}

function whereText(node) {
  if (!node.field || node.shape.length !== 3) return 'It sees the whole window.';
  const l = positionOf(node);
  const [from, to] = seen(node, l);
  const relative = (t) => signed(1000 * (t - beatTime()), 0);
  const position = `Position ${l + 1} of ${node.shape[0]}`;
  if (to - from > 0.999 * (windowEnd - windowStart)) return `${position} sees the whole window.`;
  return `${position} sees ${relative(from)} to ${relative(to)}${thin}ms` + (data.model.task === 'beats' ? ' around the R peak.' : '.');
}

function fact(name, value) {
  return [element('dt', {}, name), element('dd', {}, value)];
}

function inspectorParts(node) {
  surfaces.filter((one) => one.inInspector).forEach(forget);
  const row = graph.rowOfNode.get(node.id);
  const siblings = nodes.filter((other) => other.group === node.group && blockOf(other) === blockOf(node));
  const parts = [
    element('h3', {}, rowTitle(blockOf(node), node.group)),
    element('p', { class: 'name' }, node.name),
    element('p', {}, operationSentences[node.op] ?? ''),
  ];
  if (isSpread(node)) {
    const one = activationSurface(node, 128, `Activations of ${node.name}`);
    one.inInspector = true;
    const axis = timeAxis();
    axis.inInspector = true;
    parts.push(one.canvas, axis.canvas);
  }
  if (/^(gate|excite)$/.test(node.op)) {
    const gate = (data.gates ?? []).find((one) => one.node === node.id || one.name === node.name);
    if (gate) {
      const one = surface({
        height: 60, label: `Gates of ${node.name}`, draw: (context, width, height) => drawBars(context, values(gate.values), width, height),
        hover: (x, y, width) => {
          const list = values(gate.values);
          const c = clamp(Math.floor(x / width * list.length), 0, list.length - 1);
          return `channel ${c}: open ${percent(list[c])}`;
        },
      });
      one.inInspector = true;
      parts.push(one.canvas);
    }
  }
  parts.push(element('p', { class: 'where' }, whereText(node)));
  parts.push(element('dl', {},
    fact('shape', shapeText(node.shape) + (node.shape.length === 3 ? ' (time, lead, channel)' : '')),
    fact('memory', byteText(node.bytes)),
    fact('multiply-adds', countText(node.macs ?? 0)),
    fact('parameters', countText(node.parameters ?? 0)),
    node.field ? fact('receptive field', `${secondsText(node.field.size_ms / 1000)}, every ${secondsText(node.field.stride_ms / 1000)}`) : [],
    node.gradient_norm !== undefined && node.gradient_norm !== null ? fact('gradient norm', node.gradient_norm.toPrecision(3)) : [],
    node.order !== undefined ? fact('on the tape', `${node.order + 1} of ${nodes.length}`) : [],
    (node.kernels ?? []).slice(0, 3).flatMap((kernel) => fact(kernel.device, element('span', {}, kernel.name, element('small', {}, kernel.source))))));
  if (siblings.length > 1) {
    parts.push(element('h4', {}, rowTitle(blockOf(node), node.group) === 'Stem' ? 'Inside the stem' : 'Inside this block'), element('ol', { class: 'inside' }, siblings.map((other) => element('li', {},
      element('button', { type: 'button', 'aria-pressed': String(other.id === node.id), onclick: () => select({ node: other.id, position: null }) },
        element('b', {}, other.name.startsWith(blockOf(other) + '.') ? other.name.slice(blockOf(other).length + 1) : other.name),
        element('span', {}, operationWords[other.op] ?? other.op), element('small', {}, shapeText(other.shape)))))));
  }
  return row ? parts : [];
}

// A time axis in ms around the R peak for strips of the window.
function timeAxis() {
  const one = surface({
    height: 18, draw: (context, width) => {
      context.fillStyle = rgb(ink.soft);
      context.font = font(11);
      context.textAlign = 'center';
      const span = windowEnd - windowStart;
      const step = [0.1, 0.2, 0.5, 1, 2, 5, 10].find((s) => s / span * width > 46) ?? 20;
      for (let t = Math.ceil((windowStart - beatTime()) / step - 1e-9) * step; t <= windowEnd - beatTime() + 1e-9; t += step) {
        const x = windowX(t + beatTime(), width);
        context.fillRect(x - 0.5, 0, 1, 4);
        const text = span > 4 ? fixed(t, 0) : fixed(1000 * t, 0);
        const half = context.measureText(text).width / 2;
        if (x - half > 0 && x + half < width - 16) context.fillText(text, x, 15);
      }
      context.textAlign = 'right';
      context.fillText(span > 4 ? 's' : 'ms', width, 15);
    },
  });
  return one;
}

function drawBars(context, list, width, height) {
  const most = Math.max(1e-9, furthest(list));
  const each = width / list.length;
  list.forEach((value, i) => {
    context.fillStyle = rgb(ink.ink, 0.75);
    const h = value / most * height;
    context.fillRect(i * each + 0.1 * each, height - h, 0.8 * each, h);
  });
}
