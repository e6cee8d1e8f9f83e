// The same input given to the network as it was after each epoch that the run kept: a slider over the epochs.

function buildEpochs() {
  const { epochs } = data;
  if (!epochs?.list?.length || !data.result) return;
  const { list } = epochs;
  const what = data.model.task === 'beats' ? 'beat' : 'recording';
  const host = section('epochs', 'Over the epochs',
    `The same ${what}, given to the network as it was after each epoch of training that the run kept` +
    (list.length < epochs.kept ? ` (${list.length} of ${epochs.kept})` : '') +
    `. The rest of this page shows the weights of epoch ${epochs.chosen}. The mark on each bar is their value.`, 'Epochs');
  const start = list.findIndex((one) => one.epoch === epochs.chosen);
  let at = start < 0 ? list.length - 1 : start;
  const now = () => list[at];

  const out = element('output', {});
  const input = element('input', { type: 'range', min: 0, max: list.length - 1, step: 1, 'aria-label': 'epoch' });
  input.value = at;
  const results = element('div', { class: 'results', 'aria-live': 'polite' });
  const bars = element('div');
  const curve = chart({
    height: 220, label: 'Probabilities over the epochs', xName: 'epoch', yName: 'probability', yRange: [0, 1], yText: (v) => percent(v),
    xText: (v) => Number.isInteger(v) ? fixed(v, 0) : '', curves: () => epochCurves(list, now()),
  });
  const filters = epochFilters(list, now);
  const gates = epochGates(list, now);
  const show = () => {
    const one = now();
    out.textContent = `${one.epoch}` + (typeof one.score === 'number' ? `, score ${fixed(one.score, 3)}` : '');
    input.setAttribute('aria-valuetext', `epoch ${one.epoch}`);
    results.dataset.epoch = one.epoch;
    results.dataset.logits = one.logits.join(' ');
    results.replaceChildren(element('p', { class: 'called' }, `After epoch ${one.epoch} the network calls it `,
      element('em', { style: `--c:${rgbVariable(one.chosen)}` }, className(one.chosen)), '.'), probabilityRows(one.probabilities, data.result.probabilities));
    bars.replaceChildren(...epochAttribution(list, one, epochs));
    for (const surface of [curve, ...filters, ...gates.surfaces]) surface.paint();
  };
  input.addEventListener('input', () => {
    at = +input.value;
    show();
  });
  host.append(element('label', { class: 'slider' }, element('span', {}, 'After epoch'), input, out),
    element('div', { class: 'halves' }, element('div', {}, results, curve.canvas), bars));
  if (filters.length) {
    host.append(element('h3', {}, 'First filters'), element('p', { class: 'note' }, 'Those that changed most between the first and the last epoch shown.'),
      element('div', { class: 'filters' }, filters.map((one) => element('figure', {}, one.canvas, element('figcaption', {}, element('b', {}, `${one.filter}`))))));
  }
  if (gates.rows.length) {
    host.append(element('h3', {}, 'Gates'), element('p', { class: 'legends' }, legend('closed', 'open', 'grey'), legend('more closed than now', 'more open')),
      element('div', { class: 'gates' }, gates.rows));
  }
  host.append(numbers(() => epochTable(list)));
  show();
}

// The probability of each class over the epochs, and a dotted line at the epoch that the slider shows.
function epochCurves(list, shown) {
  const order = data.model.classes.map((_, i) => i).sort((a, b) => data.result.probabilities[b] - data.result.probabilities[a]).slice(0, 6);
  const x = list.map((one) => one.epoch);
  return [...order.map((i) => ({ name: className(i), x, y: list.map((one) => one.probabilities[i]), colour: () => classColour(i), width: i === data.result.chosen ? 2.6 : 1.5 })),
    { name: '', x: [shown.epoch, shown.epoch], y: [0, 1], colour: () => ink.soft, dash: [3, 3], width: 1.2 }];
}

// What each input adds to the score of the class, compared with the baseline. The rows stay the same for every epoch.
function epochAttribution(list, one, { class: label, baseline }) {
  const parts = (epoch) => [...epoch.attribution.channels, ...epoch.attribution.covariates];
  const names = [...data.input.channels.map((_, h) => channelWords(h)),
    ...one.attribution.covariates.map((_, i) => data.input.covariates?.[i]?.name ? measureWords(data.input.covariates[i].name) : `covariate ${i + 1}`)];
  const most = names.map((_, i) => Math.max(...list.map((epoch) => Math.abs(parts(epoch)[i]))));
  const rows = names.map((_, i) => i).sort((a, b) => most[b] - most[a]).slice(0, 12).sort((a, b) => a - b);
  const longest = Math.max(...most);
  const own = parts(one);
  return [element('h3', {}, `What speaks for ${className(label)}`),
    element('p', { class: 'note' }, `Integrated gradients, compared with ${baselineWords[baseline] ?? baseline}: the parts add up to ${signed(one.attribution.sum)}, the score differs by ${signed(one.attribution.logit_difference)}.`),
    element('div', { class: 'bars' }, rows.flatMap((i) => [element('span', {}, names[i]), signedBar(own[i], longest)]))];
}

function epochFilters(list, now) {
  const { stem } = list[0];
  if (!stem?.filters) return [];
  const [C, taps] = stem.filters.shape;
  const { hz } = stem.response;
  const bins = hz.length;
  const part = (array, size, c) => values(array).subarray(c * size, (c + 1) * size);
  const change = (c) => {
    const last = part(list.at(-1).stem.filters, taps, c);
    return sum(Array.from(part(stem.filters, taps, c), (v, i) => (v - last[i]) ** 2));
  };
  return Array.from({ length: C }, (_, c) => [c, change(c)]).sort((a, b) => b[1] - a[1]).slice(0, 12).map(([c]) => {
    const one = filterSurface(`Filter ${c} after the epoch shown`, () => part(now().stem.filters, taps, c), () => part(now().stem.response.gain, bins, c), hz);
    one.filter = c;
    return one;
  });
}

// A row for each gate: how far it is open after the epoch shown, and below how much further than with the weights of this page.
function epochGates(list, now) {
  const own = data.gates ?? [];
  const known = own.filter((gate) => list.every((one) => one.gates.some((other) => other.name === gate.name)));
  const of = (one, name) => values(one.gates.find((gate) => gate.name === name).values);
  const most = Math.max(0, ...known.map((gate) => Math.max(...list.map((one) => furthest(of(one, gate.name).map((v, c) => v - values(gate.values)[c]))))));
  const surfaces = [];
  const rows = known.map((gate) => {
    const final = values(gate.values);
    const order = gateOrder(gate, data.result.chosen);
    const C = final.length;
    const one = surface({
      height: 22, label: `Gates ${gate.name} after the epoch shown`,
      draw: (context, width, height) => {
        const current = of(now(), gate.name);
        order.forEach((c, i) => {
          context.fillStyle = rgb(sequentialColour(current[c]));
          context.fillRect(i / C * width, 0, width / C + 0.3, 13);
          context.fillStyle = rgb(signedColour(current[c] - final[c], most));
          context.fillRect(i / C * width, 14, width / C + 0.3, height - 14);
        });
      },
      hover: (x, y, width) => {
        const c = order[clamp(Math.floor(x / width * C), 0, C - 1)];
        const current = of(now(), gate.name);
        return `${gate.name}, channel ${c}\nafter epoch ${now().epoch}: open ${percent(current[c])}\nwith the weights of this page: ${percent(final[c])}`;
      },
    });
    surfaces.push(one);
    const node = nodes[gate.node];
    const which = /se(\d)$/.exec(gate.name)?.[1];
    return element('div', { class: 'gate' }, element('span', {}, rowTitle(blockOf(node ?? gate), node?.group) + (laneTitle(node?.group) ? `, ${laneTitle(node.group)}` : '') + (which ? ` (${which})` : '')), one.canvas);
  });
  return { rows, surfaces };
}

function epochTable(list) {
  const mean = (one) => one.gates.length ? percent(sum(one.gates.map((gate) => sum(Array.from(values(gate.values))) / gate.values.shape[0])) / one.gates.length) : '\u2013';
  return {
    head: ['epoch', 'score', ...data.model.classes, 'mean gate', 'input rows add', 'covariates add'],
    rows: list.map((one) => [one.epoch, fixed(one.score, 3), ...one.probabilities.map((p) => chanceText(p)), mean(one),
      signed(sum(one.attribution.channels)), signed(sum(one.attribution.covariates))]),
  };
}
