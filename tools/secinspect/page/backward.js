// The way back: the norm of the gradient at every node, and the memory in use while the walk goes on.

function buildBackward() {
  const known = nodes.filter((node) => Number.isFinite(node.gradient_norm));
  const { memory } = data;
  if (!known.length && !memory?.length) return;
  const host = section('back', 'The way back',
    'In training the network is walked twice: forward to the score, then backward, from the score to the input. On the way back each node learns how much it mattered: its gradient.', 'Backward');
  const parts = element('div', { class: 'halves' });
  if (known.length) parts.append(gradientFigure(known));
  if (memory?.length) parts.append(memoryFigure(memory));
  host.append(parts, numbers(() => ({
    head: ['node', 'gradient norm', 'forward step', 'backward step', 'bytes'],
    rows: [...nodes].sort((a, b) => (a.backward_order ?? 0) - (b.backward_order ?? 0)).map((node) => [node.name, node.gradient_norm?.toPrecision(3) ?? '\u2013', (node.order ?? node.id) + 1,
      node.backward_order === undefined || node.backward_order === null ? '\u2013' : node.backward_order + 1, byteText(node.bytes)]),
  })));
}

function gradientFigure(known) {
  const groups = [...new Set(nodes.map((node) => node.group))];
  const list = [...known].sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group) || a.id - b.id);
  const logs = list.map((node) => Math.log10(Math.max(node.gradient_norm, 1e-12)));
  const high = Math.ceil(Math.max(...logs));
  const low = Math.max(Math.floor(Math.min(...logs)), high - 6);  // smaller gradients stand at the lower edge
  const at = (x, width) => list[clamp(Math.floor((x - 44) / (width - 52) * list.length), 0, list.length - 1)];
  const one = surface({
    height: 210, label: `Gradient norm at ${list.length} nodes`,
    draw: (context, width, height) => {
      const bottom = height - 34;
      const y = (v) => 18 + (high - Math.max(v, low)) / Math.max(high - low, 1) * (bottom - 18);
      context.font = font(11);
      context.textAlign = 'right';
      for (let v = low; v <= high; ++v) {
        context.fillStyle = rgb(ink.line);
        context.fillRect(44, y(v) - 0.5, width - 52, 1);
        context.fillStyle = rgb(ink.soft);
        context.fillText(powerText(v), 38, y(v) + 4);
      }
      const each = (width - 52) / list.length;
      list.forEach((node, i) => {
        context.fillStyle = rgb(node.id === state.node ? ink.accent : ink.ink, node.id === state.node ? 1 : 0.72);
        context.beginPath();
        context.arc(44 + (i + 0.5) * each, y(logs[i]), node.id === state.node ? 4 : 2, 0, 2 * Math.PI);
        context.fill();
      });
      context.textAlign = 'left';
      context.fillStyle = rgb(ink.soft);
      context.fillText('gradient norm', 2, 11);
      let last = -100;
      list.forEach((node, i) => {
        if (i && node.group === list[i - 1].group) return;
        const x = 44 + i * each;
        context.fillStyle = rgb(ink.soft);
        context.fillRect(x, bottom, 1, 5);
        if (x - last > 50 && x + context.measureText(node.group).width < width) {
          context.fillText(node.group, x + 3, bottom + 15);
          last = x;
        }
      });
      context.textAlign = 'center';
      context.fillText('from the input to the score', (44 + width) / 2, height - 3);
    },
    hover: (x, y, width) => {
      const node = at(x, width);
      select({ node: node.id, position: null });
      return `${node.name}\ngradient norm ${node.gradient_norm.toPrecision(3)}`;
    },
  });
  follow(() => one.paint());
  return element('figure', {}, element('figcaption', {}, element('b', {}, 'How much each node matters')), one.canvas);
}

function memoryFigure(memory) {
  const least = memory.reduce((low, step) => Math.min(low, step.bytes), Infinity);  // weights and inputs stay
  const turn = memory.findIndex((step) => step.phase === 'backward');
  const peak = memory.reduce((best, step) => step.bytes > best.bytes ? step : best, memory[0]);
  const one = chart({
    height: 210, label: 'Memory in use over the walk', xName: 'step of the walk', yName: 'memory in use', yText: (v) => byteText(v), yRange: [0, (peak.bytes - least) * 1.08],
    curves: () => [{ name: '', x: memory.slice(0, turn < 0 ? undefined : turn + 1).map((s, i) => i), y: memory.slice(0, turn < 0 ? undefined : turn + 1).map((s) => s.bytes - least), colour: () => ink.ink },
      ...(turn < 0 ? [] : [{ name: '', x: memory.slice(turn).map((s, i) => turn + i), y: memory.slice(turn).map((s) => s.bytes - least), colour: () => ink.above }])],
    hoverText: (v) => {
      const step = memory[clamp(Math.round(v), 0, memory.length - 1)];
      const node = nodes[step.node];
      if (node) select({ node: node.id, position: null });
      return `step ${Math.round(v) + 1}, ${step.phase}${node ? ': ' + node.name : ''}\n${byteText(step.bytes - least)} of activations and gradients`;
    },
  });
  return element('figure', {}, element('figcaption', {}, element('b', {}, 'Memory'), element('span', {}, `of activations and gradients: dark forward, red backward; the weights take ${byteText(least)} besides`)), one.canvas);
}
