// The network as a drawing: rows of activations on one time axis, joined by lines that carry shape, bytes and multiply-adds.

const graph = { rows: [], rowOfNode: new Map(), everyOperation: false, strips: [] };

function rowNumbers(row) {
  const macs = sum(row.nodes.map((node) => node.macs ?? 0));
  return { shape: row.out.shape, bytes: row.out.bytes, macs, parameters: sum(row.nodes.map((node) => node.parameters ?? 0)) };
}

function buildRow(row) {
  const { shape, bytes, macs } = rowNumbers(row);
  const name = row.block === row.title || row.everyOperation ? '' : row.block;
  const title = element('span', { class: 'unit-title' }, element('b', {}, row.title), row.everyOperation ? element('small', {}, operationWords[row.out.op] ?? '') : element('small', {}, name));
  const facts = element('span', { class: 'unit-facts' }, element('span', {}, shapeText(shape)), element('span', {}, byteText(bytes)),
    macs ? element('span', {}, countText(macs) + '\u00a0MAC') : null);
  const unit = element('div', {
    class: 'unit' + (row.everyOperation ? ' small' : ''), tabindex: '0', role: 'button', 'data-node': row.out.id,
    'aria-label': `${row.title} ${row.block}: shape ${row.out.shape.join(' by ')}, ${byteText(bytes)}, ${countText(macs)} multiply-adds` +
      (row.out.field ? `, each position sees ${secondsText(row.out.field.size_ms / 1000)}` : ''),
    onfocus: () => select({ node: row.out.id, position: null }),
    onclick: () => select({ node: row.out.id }),
    onkeydown: moveUnit,
  }, title);
  row.unit = unit;
  const one = rowPicture(row);
  if (one) {
    graph.strips.push(one);
    unit.append(one.canvas);
  }
  if (row.out.op === 'input') {
    const axis = timeAxis();
    graph.strips.push(axis);
    unit.append(axis.canvas);
  }
  unit.append(facts);
  if (row.out.op === 'linear' && row.out === nodes.at(-1) && data.result) unit.append(probabilityRows(data.result.probabilities));
  return unit;
}

function rowPicture(row) {
  const node = row.out;
  const height = node.op === 'input' ? 96 : row.everyOperation ? 14 : 26;
  if (node.op === 'input' && data.input && node.field) {
    return surface({
      height, base: drawInput,
      draw: (context, width, h) => drawMarks(context, node, width, h),
      hover: (x, y, width) => {
        const t = windowStart + x / width * (windowEnd - windowStart);
        const l = positionAt(node, t);
        select({ node: node.id, position: l, time: t });
        const H = data.input.values.shape[1];
        return data.input.channels.map((name, h) => `${channelWords(h)}  ${fixed(values(data.input.values)[l * H + h], 2)}`).join('\n');
      },
    });
  }
  return isSpread(node) ? activationSurface(node, height) : null;
}

// The arrow keys walk through rows and time.
function moveUnit(event) {
  const units = [...document.querySelectorAll('#network .unit')];
  const at = units.indexOf(event.currentTarget);
  const node = nodes[state.node ?? event.currentTarget.dataset.node];
  if (event.key === 'ArrowDown') units[at + 1]?.focus();
  else if (event.key === 'ArrowUp') units[at - 1]?.focus();
  else if ((event.key === 'ArrowLeft' || event.key === 'ArrowRight') && node.field) {
    const now = positionOf(node);
    const position = clamp(now + (event.key === 'ArrowLeft' ? -1 : 1), 0, node.shape[0] - 1);
    const [from, to] = fieldOf(node, position);
    select({ position, time: (from + to) / 2 });
  } else if (event.key === 'Escape') select({ time: null, position: null });
  else return;
  event.preventDefault();
}

// What happens in a group of rows, for the margin beside it.
function laneWords(lane) {
  const last = lane.rows.at(-1).out;
  const span = last.field ? last.field.size_ms / 1000 : 0;
  const reach = span >= windowEnd - windowStart ? 'the whole window' : secondsText(span);
  switch (lane.group) {
    case 'input': return `What the network receives: ${data.model.length} samples of ${data.model.task === 'beats' ? 'signal and rhythm' : 'each lead'}.`;
    case 'stem': return `Small filters slide along each lead and answer where the signal resembles them. Each answer covers ${reach}.`;
    case 'trunk': return `Three blocks halve the time resolution and look at longer and longer stretches, at last ${reach}. Each lead is still alone.`;
    case 'head': return 'All features are weighed and added up to one score for each class. Scores become probabilities.';
    default: return '';
  }
}

const laneTitle = (group) => {
  const taps = /^scale (\d+)$/.exec(group);
  return taps ? `Scale of ${taps[1]} taps` : '';
};

function contributionRow(lane) {  // what a scale adds to the chosen class
  const taps = /^scale (.+)$/.exec(lane.group)?.[1];
  const scale = (data.scales ?? []).find((one) => one.name === taps);
  if (!scale || !data.result) return null;
  const chosen = data.result.chosen;
  const most = furthest(data.scales.flatMap((one) => one.logit));
  return element('p', { class: 'adds' }, `adds to ${className(chosen)} `, signedBar(scale.logit[chosen], most));
}

function layGraph(host) {
  for (const one of graph.strips) forget(one);
  graph.strips = [];
  Object.assign(graph, rowsOf(graph.everyOperation));
  host.replaceChildren();
  const edges = vector('svg', { class: 'edges', 'aria-hidden': 'true' });
  host.append(edges);
  const lines = lanesOf(graph.rows);
  const branches = lines.some((one) => one.parallel);
  for (const { parallel, lanes } of lines) {
    if (parallel) host.append(element('p', { class: 'branches' }, 'Three branches read the trunk with short, medium and long filters: first lead by lead, then all leads together.'));
    host.append(element('div', { class: 'lanes' + (parallel ? ' parallel' : branches ? ' beside' : ''), style: `--lanes:${lanes.length}` },
      parallel || !branches ? null : element('p', { class: 'margin' }, laneWords(lanes[0])), lanes.map((lane) =>
      element('div', { class: 'lane', role: 'group', 'aria-label': lane.group }, laneTitle(lane.group) ? element('h3', {}, laneTitle(lane.group)) : null,
        lane.rows.map(buildRow), contributionRow(lane))),
      lanes[0].group === 'input' ? element('p', { class: 'margin right' }, legend('below zero', 'above zero')) : null));
  }
  const draw = () => drawEdges(host, edges);
  requestAnimationFrame(draw);
  graph.drawEdges = draw;
  graph.strips.forEach(paint);
  markChosen();
}

// Lines between rows: straight within a lane, curved between lanes; a line past other rows bends out to the left.
function drawEdges(host, svg) {
  const box = host.getBoundingClientRect();
  svg.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
  svg.replaceChildren();
  const place = (row) => {
    const r = row.unit.getBoundingClientRect();
    return { left: r.left - box.left, right: r.right - box.left, top: r.top - box.top, bottom: r.bottom - box.top, middle: (r.left + r.right) / 2 - box.left };
  };
  const order = new Map(graph.rows.map((row, i) => [row, i]));
  for (const row of graph.rows) {
    for (const from of row.feeds) {
      const a = place(from);
      const b = place(row);
      const same = Math.abs(a.left - b.left) < 2;
      const between = same && graph.rows.slice(order.get(from) + 1, order.get(row)).some((other) => Math.abs(place(other).left - a.left) < 2 && place(other).top > a.top && place(other).top < b.top);
      let d;
      if (same && !between) d = `M${a.middle} ${a.bottom}V${b.top}`;
      else if (same) {
        const out = a.left - 5 - Math.min(9, 1.5 * (order.get(row) - order.get(from)));
        d = `M${a.left} ${a.bottom - 6}H${out + 3}Q${out} ${a.bottom - 6} ${out} ${a.bottom - 3}V${b.top + 3}Q${out} ${b.top + 6} ${out + 3} ${b.top + 6}H${b.left}`;
      } else {
        const bend = (a.bottom + b.top) / 2;
        const middle = b.top - a.bottom > 80 ? b.top - 24 : bend;
        d = `M${a.middle} ${a.bottom}V${middle - 6}Q${a.middle} ${middle} ${a.middle + Math.sign(b.middle - a.middle) * 6} ${middle}` +
          `H${b.middle - Math.sign(b.middle - a.middle) * 6}Q${b.middle} ${middle} ${b.middle} ${middle + 6}V${b.top}`;
      }
      svg.append(vector('path', { d }));
    }
  }
}

function markChosen() {
  document.querySelectorAll('.unit.chosen').forEach((unit) => unit.classList.remove('chosen'));
  if (state.node !== null) graph.rowOfNode.get(state.node)?.unit?.classList.add('chosen');
}

function buildGraph() {
  if (!nodes.length) return;
  const host = section('network', 'The network',
    'Every row is a step of the computation, drawn below the time at which it looks: red is above zero, blue below, one line for each channel. ' +
    'Point at a row, and the ECG shows what that unit sees.', 'Network');
  const drawing = element('div', { class: 'drawing' });
  const toggle = element('label', { class: 'choice' }, element('input', {
    type: 'checkbox', onchange: (event) => {
      graph.everyOperation = event.target.checked;
      layGraph(drawing);
    },
  }), element('span', {}, `every operation (${nodes.length})`));
  const details = element('div', { class: 'details' });
  const small = smallPaper();
  const side = element('aside', { class: 'side', 'aria-label': 'The selected unit' }, small ? element('div', { class: 'small-paper' }, small.canvas) : '', details);
  host.append(element('div', { class: 'tools' }, toggle), element('div', { class: 'network' }, drawing, side),
    numbers(() => ({
      head: ['node', 'operation', 'shape', 'bytes', 'MACs', 'parameters', 'sees', 'every'],
      rows: nodes.map((node) => [node.name, operationWords[node.op] ?? node.op, shapeText(node.shape), node.bytes.toLocaleString('en'), (node.macs ?? 0).toLocaleString('en'),
        (node.parameters ?? 0).toLocaleString('en'), node.field ? secondsText(node.field.size_ms / 1000) : 'everything', node.field ? secondsText(node.field.stride_ms / 1000) : '\u2013']),
    }), 'All nodes as a table'));
  layGraph(drawing);
  new ResizeObserver(() => graph.drawEdges()).observe(drawing);
  document.addEventListener('painted', () => graph.drawEdges());
  follow((now, before) => {
    if (now.node !== before.node) markChosen();
    graph.strips.forEach(refresh);
    small?.paint();
    fillInspector(details);
  });
  fillInspector(details);
}
