// What if the beat came earlier, a lead were larger, shifted, noisy or lost? The page computes the network anew.

function buildWhatIf() {
  const given = data.what_if;
  if (!given || !data.result) return;
  if (given.weights && given.beat) buildLive(given);
  else if (given.computed?.length) buildComputed(given.computed);
}

// Noise with mean 0 and deviation 1, the same for every call: a linear congruential generator, then Box and Muller.
function steadyNoise(count) {
  let s = 1;
  const uniform = () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return (s + 0.5) / 4294967296;
  };
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

function buildLive(given) {
  const { beat } = given;
  const pass = new ForwardPass(given.network, given.weights);
  const windows = values(beat.windows);
  const leads = beat.lead_names.length;
  const L = windows.length / leads;
  const noise = steadyNoise(windows.length);
  const original = { rr: beat.rhythm.rr, next: beat.rhythm.next, previous: beat.rhythm.previous, noise: 0,
    leads: beat.lead_names.map(() => ({ gain: 1, shift: 0, lost: false })) };
  let now = structuredClone(original);
  const host = section('whatif', 'What if',
    `Move a slider: the whole network (${countText(data.model.macs)} multiply-adds) is computed again, here in the page. The mark on each bar is the value for the real beat.`);

  const changed = () => {
    const list = new Float32Array(windows.length);
    for (let i = 0; i < list.length; ++i) {
      const { gain, shift, lost } = now.leads[Math.floor(i / L)];
      list[i] = lost ? 0 : windows[i] * gain + shift + now.noise * noise[i];
    }
    return list;
  };
  const rhythm = () => ({ ...beat.rhythm, rr: now.rr, next: now.next, previous: now.previous });
  const compute = () => {
    const lost = now.leads.flatMap(({ lost: gone }, i) => gone ? [i] : []);
    const r = rhythm();
    return pass.run(inputRows(beat, changed(), r, lost), covariatesOf(beat, r));
  };
  const start = Array.from(data.result.logits);
  const startProbabilities = probabilitiesOf(start);

  const results = element('div', { class: 'results', 'aria-live': 'polite' });
  const sliders = [];
  const slider = (label, low, high, step, get, set, text) => {
    const out = element('output', {}, text(get()));
    const input = element('input', { type: 'range', min: low, max: high, step, 'aria-label': label });
    input.value = get();
    input.addEventListener('input', () => {
      set(+input.value);
      out.textContent = text(get());
      update();
    });
    sliders.push(() => {
      input.value = get();
      out.textContent = text(get());
    });
    return element('label', { class: 'slider' }, element('span', {}, label), input, out);
  };
  const interval = (label, key) => slider(label, 0.2, Math.max(2, Math.ceil(10 * original[key]) / 10), 0.01,
    () => now[key], (value) => { now[key] = Math.abs(value - original[key]) < 0.005 ? original[key] : value; },
    (value) => `${secondsText(value)}${Math.abs(value / original[key] - 1) < 0.005 ? '' : ` (${signed(100 * (value / original[key] - 1), 0)}${thin}%)`}`);
  const usesRhythm = beat.channels.some(({ kind }) => kind === 'rhythm') || (beat.covariates ?? []).length > 0;
  const controls = element('div', { class: 'controls' },
    usesRhythm ? element('fieldset', {}, element('legend', {}, 'Timing'),
      interval('RR interval before this beat', 'rr'), interval('RR interval after it', 'next'), interval('RR interval before that', 'previous'),
      element('p', { class: 'note' }, `Usual for this patient: ${secondsText(beat.rhythm.mean32)} (mean of the last 32).`)) : null,
    beat.lead_names.map((name, i) => element('fieldset', {}, element('legend', {}, `Lead ${name}`),
      slider('Gain', 0.2, 3, 0.01, () => now.leads[i].gain, (value) => { now.leads[i].gain = value; }, (value) => '\u00d7' + fixed(value)),
      slider('Shift', -1.5, 1.5, 0.01, () => now.leads[i].shift, (value) => { now.leads[i].shift = value; }, (value) => `${signed(value)}${thin}mV`),
      lostBox(i))),
    element('fieldset', {}, element('legend', {}, 'Noise'),
      slider('Noise in all leads', 0, 0.5, 0.005, () => now.noise, (value) => { now.noise = value; }, (value) => `${fixed(value, 3)}${thin}mV`)),
    element('button', { type: 'button', class: 'reset', onclick: () => {
      now = structuredClone(original);
      sliders.forEach((back) => back());
      update();
    } }, 'Back to the real beat'));
  function lostBox(i) {
    const box = element('input', { type: 'checkbox', onchange: () => {
      now.leads[i].lost = box.checked;
      update();
    } });
    sliders.push(() => { box.checked = now.leads[i].lost; });
    return element('label', { class: 'choice' }, box, element('span', {}, 'lead removed'));
  }

  const rows = beat.channels.map((channel, h) => h).filter((h) => beat.channels[h].lead >= 0);
  const preview = surface({
    height: 74 * rows.length, label: 'The changed input of the network',
    draw: (context, width, height) => {
      const lost = now.leads.flatMap(({ lost: gone }, i) => gone ? [i] : []);
      const H = beat.channels.length;
      const before = inputRows(beat, windows, beat.rhythm);
      const after = inputRows(beat, changed(), rhythm(), lost);
      const band = height / rows.length;
      context.fillStyle = rgb(ink.sheet);
      context.fillRect(0, 0, width, height);
      rows.forEach((h, r) => {
        const pick = (x) => Array.from({ length: L }, (_, l) => x[l * H + h]);
        const [low, high] = extent([...pick(before), ...pick(after)]);
        const y = (v) => band * (r + 0.14 + 0.76 * (high - v) / Math.max(high - low, 1e-6));
        for (const [list, colour, size] of [[pick(before), rgb(ink.soft, 0.65), 1], [pick(after), rgb(ink.trace), 1.8]]) {
          context.strokeStyle = colour;
          context.lineWidth = size;
          line(context, list.map((v, l) => [(l + 0.5) / L * width, y(v)]));
          context.stroke();
        }
        context.font = font(11.5, 600);
        context.strokeStyle = rgb(ink.sheet);
        context.lineWidth = 4;
        context.textAlign = 'right';
        context.strokeText(channelWords(h), width - 6, band * r + 13);
        context.fillStyle = rgb(ink.soft);
        context.fillText(channelWords(h), width - 6, band * r + 13);
        if (r) {
          context.fillStyle = rgb(ink.line);
          context.fillRect(0, band * r, width, 1);
        }
      });
    },
  });

  let waiting = false;
  const update = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const logits = compute();
      results.replaceChildren(...resultParts(logits, start, startProbabilities));
      results.dataset.logits = Array.from(logits).join(' ');
      preview.paint();
    });
  };
  const table = numbers(() => {
    const logits = compute();
    return { head: ['class', 'logit', 'real beat', 'probability', 'real beat'], rows: data.model.classes.map((name, i) =>
      [name, fixed(logits[i], 3), fixed(start[i], 3), chanceText(probabilitiesOf(logits)[i]), chanceText(startProbabilities[i])]) };
  });
  host.append(element('div', { class: 'whatif' }, controls, element('div', {}, results, preview.canvas, checkText(pass, given.check, compute))), table);
  results.replaceChildren(...resultParts(start, start, startProbabilities));
  results.dataset.logits = start.join(' ');
}

function resultParts(logits, before, probabilitiesBefore) {
  const probabilities = probabilitiesOf(logits);
  const winner = decided(probabilities);
  const was = decided(probabilitiesBefore);
  return [element('p', { class: 'called' }, 'The network would call it ', element('em', { style: `--c:${rgbVariable(winner)}` }, className(winner)),
    winner === was ? ', as before.' : ` instead of ${className(was)}.`),
  probabilityRows(probabilities, probabilitiesBefore),
  element('p', { class: 'logits' }, 'Logits ', data.model.classes.map((name, i) => element('span', {}, `${name} ${signed(logits[i])}`)))];
}

const decided = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

// Compares the page's own forward pass with logits that the program computed.
function compareForward(pass, check) {
  const inputs = values(check.inputs);
  const logits = values(check.logits);
  const covariates = check.covariates ? values(check.covariates) : [];
  const [count, classes] = check.logits.shape;
  const size = inputs.length / count;
  const K = covariates.length / count;
  let largest = 0;
  for (let i = 0; i < count; ++i) {
    const own = pass.run(inputs.subarray(i * size, (i + 1) * size), Array.from(covariates.slice(i * K, (i + 1) * K)));
    for (let c = 0; c < classes; ++c) largest = Math.max(largest, Math.abs(own[c] - logits[i * classes + c]));
  }
  return { count, largest };
}

function checkText(pass, check, compute) {
  const own = element('span', {}, '.');
  const note = element('p', { class: 'note', id: 'own-pass' }, 'The page stores weights as 16-bit numbers', own);
  setTimeout(() => {  // after the page is drawn: this decodes all weights
    const off = furthest(Array.from(compute(), (value, i) => value - data.result.logits[i]));
    own.textContent = `; its logits differ from the program's by at most ${fixed(off, 4)} for this beat.`;
    note.dataset.own = off;
  }, 300);
  if (check?.logits?.shape[0] > 0) {
    note.append(' ', element('button', { type: 'button', onclick: (event) => {
      const { count, largest } = compareForward(pass, check);
      note.dataset.count = count;
      note.dataset.largest = largest;
      event.target.replaceWith(`For ${count} other beats of the recording: at most ${fixed(largest, 4)}.`);
    } }, `Compare ${check.logits.shape[0]} more`));
  }
  return note;
}

// Larger networks: changes whose results the program computed.
function buildComputed(computed) {
  const host = section('whatif', 'What if', 'The same input with one change each, computed by the program. Bars show how the scores move.');
  const base = data.result.logits;
  const shown = base.map((_, i) => i).sort((a, b) => data.result.probabilities[b] - data.result.probabilities[a]).slice(0, 6);
  const flat = computed.flatMap((one) => typeof one.change === 'string' ? [[one.change, one.logits]]
    : one.change.values.map((value, i) => [`${one.change.name} ${signed(value, Number.isInteger(value) ? 0 : 2)}${thin}${one.change.unit ?? ''}`, one.change.logits?.[i] ?? one.logits[i]]));
  const most = Math.max(...flat.map(([, logits]) => furthest(shown.map((i) => logits[i] - base[i]))));
  host.append(element('div', { class: 'wide' }, element('table', { class: 'sums' },
    element('thead', {}, element('tr', {}, element('td', {}), shown.map((i) => element('th', { scope: 'col', class: i === data.result.chosen ? 'chosen' : '' }, className(i))))),
    element('tbody', {}, flat.map(([name, logits]) => element('tr', {}, element('th', { scope: 'row' }, name), shown.map((i) => element('td', {}, signedBar(logits[i] - base[i], most)))))))));
}
