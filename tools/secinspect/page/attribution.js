// Which samples and which rhythm inputs speak for a class: pictures by several methods, and how far to trust them.

const methodWords = {
  'integrated gradients': 'Adds up the gradient on the way from the baseline to this input. The parts add up to the change of the score.',
  'occlusion': 'Covers a short stretch of one row and notes how much the score falls.',
  'grad-cam': 'How much each position of the trunk speaks for the class; no single leads.',
  'randomised weights': 'The same picture for a network that has learned nothing. If it looked like the picture above, that picture would show the method and not the network.',
};
const baselineWords = { flat: 'a flat line', 'flat line': 'a flat line', 'usual beat': "the patient's usual beat" };

function buildAttribution() {
  const pictures = data.attribution ?? [];
  if (!pictures.length || !data.input) return;
  const host = section('why', 'What speaks for a class',
    'Each row is one input of the network. Red marks what raises the score of the class, blue what lowers it. The bars are rhythm inputs, which are numbers and not a signal; RR is the interval from beat to beat.', 'Why');
  const chosen = { method: pictures.find((one) => one.method !== 'randomised weights').method, class: data.result?.chosen ?? pictures[0].class, baseline: '' };
  const tools = element('div', { class: 'tools' });
  const left = element('div', { class: 'picture' });
  const right = element('div', { class: 'trust' });
  const table = numbers(() => attributionTable(current()), 'The attribution as a table');
  const matching = () => pictures.filter((one) => one.method === chosen.method && one.class === chosen.class);
  const current = () => matching().find((one) => one.baseline === chosen.baseline) ?? matching()[0];
  const unique = (list) => [...new Set(list)];
  const lay = () => {
    const list = matching();
    if (!list.some((one) => one.baseline === chosen.baseline)) chosen.baseline = list[0]?.baseline;
    const set = (key) => (value) => {
      chosen[key] = key === 'class' ? +value : value;
      lay();
    };
    const methods = unique(pictures.map((one) => one.method)).filter((name) => name !== 'randomised weights');
    const baselines = unique(list.map((one) => one.baseline)).filter(Boolean);
    tools.replaceChildren(choice('method', methods.map((name) => [name, name]), chosen.method, set('method')),
      choice('class', unique(pictures.map((one) => one.class)).map((i) => [i, className(i)]), chosen.class, set('class')));
    if (baselines.length > 1) tools.append(choice('compared with', baselines.map((name) => [name, baselineWords[name] ?? name]), chosen.baseline, set('baseline')));
    surfaces.filter((one) => one.ofAttribution).forEach(forget);
    const picture = current();
    left.replaceChildren(element('p', { class: 'note' }, methodWords[picture.method] ?? ''), ...attributionPicture(picture, 62));
    right.replaceChildren(...trustParts(picture, pictures));
    showOnPaper(picture);
    table.refresh();
    surfaces.filter((one) => one.ofAttribution).forEach(paint);
  };
  host.append(tools, element('div', { class: 'attribution' }, left, right), table);
  lay();
}

const isTimed = (picture) => picture.method !== 'grad-cam' && picture.values.shape.length === 2 && picture.values.shape[0] === data.input.values.shape[0];

// The picture in the rows of the input: [canvas...] and bars for rhythm strips and covariates.
function attributionPicture(picture, height) {
  const parts = [];
  const list = values(picture.values);
  const rows = data.input.channels.length;
  if (!isTimed(picture)) {
    parts.push(camRow(picture, height));
    return parts;
  }
  const [L, H] = picture.values.shape;
  const signals = [];
  const rhythm = [];
  for (let h = 0; h < rows; ++h) (isRhythmChannel(data.input.channels[h]) ? rhythm : signals).push(h);
  const most = furthest(Array.from(list).filter((_, i) => signals.includes(i % H))) || 1;
  for (const h of signals) parts.push(attributionRow(picture, h, L, H, most, height));
  const bars = [];
  for (const h of rhythm) {
    const measures = data.measures;
    const segments = measures.length;
    for (let s = 0; s < segments; ++s) {
      const first = Math.ceil(s * L / segments);
      const end = Math.ceil((s + 1) * L / segments);
      let total = 0;
      for (let l = first; l < end; ++l) total += list[l * H + h];
      bars.push([measureWords(measures[s]), total, values(data.input.values)[first * H + h]]);
    }
  }
  (picture.covariates ?? []).forEach((value, i) => bars.push([data.input.covariates?.[i]?.name ? measureWords(data.input.covariates[i].name) : `covariate ${i + 1}`, typeof value === 'number' ? value : value.value, data.input.covariates?.[i]?.value]));
  if (bars.length) {
    const longest = Math.max(...bars.map((bar) => Math.abs(bar[1])));
    const shown = bars.length > 16 ? [...bars].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 16) : bars;
    parts.push(element('h4', {}, `Rhythm inputs, together ${signed(sum(bars.map((bar) => bar[1])))}`), element('div', { class: 'bars' }, shown.flatMap(([name, value]) => [element('span', {}, name), signedBar(value, longest)])));
  }
  return parts;
}

function attributionRow(picture, h, L, H, most, height) {
  const list = values(picture.values);
  const input = values(data.input.values);
  const row = Array.from({ length: L }, (_, l) => input[l * H + h]);
  const own = Array.from({ length: L }, (_, l) => list[l * H + h]);
  const [low, high] = extent(row);
  const one = surface({
    height, label: `${channelWords(h)}: attribution ${signed(sum(own))}`,
    draw: (context, width, h2) => {
      context.fillStyle = rgb(ink.sheet);
      context.fillRect(0, 0, width, h2);
      own.forEach((value, l) => {
        context.fillStyle = rgb(signedColour(value, most, ink.sheet), 1);
        context.fillRect(l / L * width, 0, width / L + 0.4, h2);
      });
      context.strokeStyle = rgb(ink.trace);
      context.lineWidth = 1.7;
      context.lineJoin = 'round';
      line(context, row.map((v, l) => [(l + 0.5) / L * width, h2 * (0.1 + 0.8 * (high - v) / Math.max(high - low, 1e-6))]));
      context.stroke();
    },
    hover: (x, y, width) => {
      const l = clamp(Math.floor(x / width * L), 0, L - 1);
      const t = windowStart + (l + 0.5) / L * (windowEnd - windowStart);
      select({ time: t });
      return `${channelWords(h)} at ${signed(1000 * (t - beatTime()), 0)}${thin}ms\ninput ${fixed(row[l], 2)}, attribution ${signed(own[l], 4)}`;
    },
  });
  one.ofAttribution = true;
  return element('figure', { class: 'input-row' }, element('figcaption', {}, element('b', {}, channelWords(h)), element('span', {}, signed(sum(own)))), one.canvas);
}

function camRow(picture, height) {
  const H = picture.values.shape[1] ?? 1;
  const list = Array.from(values(picture.values)).filter((_, i) => i % H === 0);
  const node = { shape: [list.length, 1, 1], field: picture.field };
  const most = furthest(list);
  const one = surface({
    height, label: 'Attribution over the positions of the trunk',
    draw: (context, width, h) => {
      drawInput(context, width, h);
      list.forEach((value, i) => {
        const [from, to] = picture.field ? binTimes(node, i, list.length) : [windowStart + i / list.length * (windowEnd - windowStart), windowStart + (i + 1) / list.length * (windowEnd - windowStart)];
        context.fillStyle = rgb(value < 0 ? ink.below : ink.above, 0.6 * Math.sqrt(Math.abs(value) / (most || 1)));
        context.fillRect(windowX(from, width), 0, windowX(to, width) - windowX(from, width), h);
      });
    },
    hover: (x, y, width) => {
      const i = clamp(Math.floor(x / width * list.length), 0, list.length - 1);
      return `position ${i + 1}: ${signed(list[i], 4)}`;
    },
  });
  one.ofAttribution = true;
  one.height = 3 * height;
  return element('figure', { class: 'input-row' }, element('figcaption', {}, element('b', {}, 'all inputs')), one.canvas);
}

function trustParts(picture, pictures) {
  const parts = [element('h3', {}, 'How far to trust the picture')];
  if (picture.logit_difference !== undefined && picture.logit_difference !== null && picture.method !== 'grad-cam') {
    const off = Math.abs(picture.sum / picture.logit_difference - 1);
    parts.push(element('p', {}, element('b', {}, 'Complete? '), `The parts add up to ${signed(picture.sum)}. The score of ${className(picture.class)} differs from the baseline's by ${signed(picture.logit_difference)}` +
      (Number.isFinite(off) ? `: ${percent(off, 1)} apart.` : '.')));
  }
  const { deletion } = picture;
  if (deletion?.logit?.length) {
    const curves = [{ name: 'foremost first', x: deletion.fraction, y: deletion.logit, colour: () => ink.above }];
    if (deletion.random) curves.push({ name: 'at random', x: deletion.fraction, y: deletion.random, colour: () => ink.soft, dash: [4, 3] });
    const one = chart({
      height: 170, label: 'Deletion curve', curves: () => curves, xName: 'share of the input deleted', yName: `score of ${className(picture.class)}`,
      xText: (v) => percent(v),
    });
    one.ofAttribution = true;
    parts.push(element('p', {}, element('b', {}, 'Faithful? '), 'If it is, deleting what the picture calls important lowers the score faster than deleting at random.'), one.canvas);
  }
  const random = pictures.find((one) => one.method === 'randomised weights' && one.class === picture.class);
  if (random && picture.method === 'integrated gradients') {
    parts.push(element('p', {}, element('b', {}, 'Learned? '), methodWords['randomised weights'] +
      (typeof random.rank_correlation === 'number' ? ` Rank correlation: ${fixed(random.rank_correlation)}.` : '')),
    element('div', { class: 'random' }, attributionPicture({ ...random, covariates: [] }, 26).filter((part) => part.matches('figure'))));
  }
  return parts.length > 1 ? parts : [];
}

// The sum over a lead's input rows, as shades on the ECG paper.
function showOnPaper(picture) {
  overlay.perLead = null;
  overlay.words = '';
  if (data.record && isTimed(picture)) {
    const [L, H] = picture.values.shape;
    const list = values(picture.values);
    const step = (windowEnd - windowStart) / L;
    overlay.perLead = data.record.leads.map(() => null);
    for (let h = 0; h < H; ++h) {
      const lead = leadOfChannel(h);
      if (lead < 0 || lead >= overlay.perLead.length) continue;
      overlay.perLead[lead] ??= { values: new Float32Array(L), begin_s: windowStart, step_s: step };
      for (let l = 0; l < L; ++l) overlay.perLead[lead].values[l] += list[l * H + h];
    }
    overlay.words = `${picture.method}, compared with ${baselineWords[picture.baseline] ?? picture.baseline ?? 'nothing'}`;
    overlay.chosen = picture.class;
    overlay.most = furthest(overlay.perLead.flatMap((one) => one ? [...one.values] : [])) || 1;
  }
  overlay.repaint?.();
}

function attributionTable(picture) {
  if (!isTimed(picture) && picture.values.shape[0] !== data.input.values.shape[0]) return { head: ['position', 'attribution'], rows: Array.from(values(picture.values), (v, i) => [i + 1, signed(v, 4)]) };
  const [L, H] = picture.values.shape;
  const list = values(picture.values);
  const bins = Math.min(L, 24);
  const rows = Array.from({ length: bins }, (_, b) => {
    const first = Math.floor(b * L / bins);
    const end = Math.floor((b + 1) * L / bins);
    const t = windowStart + first / L * (windowEnd - windowStart) - beatTime();
    return [`${signed(1000 * t, 0)}${thin}ms`, ...Array.from({ length: H }, (_, h) => {
      let total = 0;
      for (let l = first; l < end; ++l) total += list[l * H + h];
      return signed(total, 3);
    })];
  });
  return { head: ['from', ...data.input.channels.map((_, h) => channelWords(h))], rows };
}
