// The ECG on its paper: 25 mm/s and 10 mm/mV; thin lines every 40 ms and 0.1 mV, thick lines every 200 ms and 0.5 mV.

const mmPerSecond = 25;
const mmPerMillivolt = 10;

// Draws paper whose thick lines pass through (x0, y0). mm: pixels per millimetre.
function drawPaper(context, width, height, mm, x0 = 0, y0 = 0) {
  context.fillStyle = rgb(ink.sheet);
  context.fillRect(0, 0, width, height);
  const grid = (start, end, across, vertical) => {
    const first = Math.ceil(-start / mm);
    for (let i = first; start + i * mm <= end; ++i) {
      const thick = i % 5 === 0;
      if (!thick && mm < 2.2) continue;
      const at = start + i * mm;
      context.fillStyle = rgb(thick ? ink.thick : ink.thin);
      const size = thick ? clamp(0.16 * mm, 0.9, 1.2) : 0.6;
      if (vertical) context.fillRect(at - size / 2, 0, size, across);
      else context.fillRect(0, at - size / 2, across, size);
    }
  };
  grid(x0, width, height, true);
  grid(y0, height, width, false);
}

// The band of a lead in mV: whole thick squares around the signal, between 1.5 and 4 mV.
function bandOf(signal) {
  const finite = Array.from(signal).filter(Number.isFinite).sort((a, b) => a - b);
  if (!finite.length) return [-1, 1];
  const low = finite[0];
  const high = finite[finite.length - 1];
  let band = [Math.floor(low / 0.5 - 0.15) * 0.5, Math.ceil(high / 0.5 + 0.15) * 0.5];
  while (band[1] - band[0] < 1.5) band = high + low > band[0] + band[1] ? [band[0], band[1] + 0.5] : [band[0] - 0.5, band[1]];
  if (band[1] - band[0] > 4) {
    const middle = Math.round(finite[finite.length >> 1] / 0.5) * 0.5;
    band[0] = clamp(middle - 2, band[0], band[1] - 4);
    band[1] = band[0] + 4;
  }
  return band;
}

function traceLead(context, signal, xOf, yOf, from = 0, to = signal.length) {
  context.beginPath();
  let pen = false;
  for (let i = Math.max(0, from); i < Math.min(signal.length, to); ++i) {
    if (!Number.isFinite(signal[i])) {
      pen = false;
      continue;
    }
    if (pen) context.lineTo(xOf(i), yOf(signal[i]));
    else context.moveTo(xOf(i), yOf(signal[i]));
    pen = true;
  }
  context.lineJoin = 'round';
  context.stroke();
}

// The recording around the window, as one large strip. `overlay` holds the attribution that other figures choose.
const overlay = { perLead: null, most: 0, words: '', chosen: 0 };  // perLead: [lead] of {values, begin_s, step_s}

const strip = {
  leads: [], head: 26, scrolled: 0,
  prepare() {
    this.leads = data.record.leads.map(({ name, mV }) => ({ name, signal: values(mV), band: bandOf(values(mV)) }));
    this.begin = data.record.begin_s;
    this.seconds = Math.max(...this.leads.map(({ signal }) => signal.length)) / data.record.rate;
    this.millimetres = sum(this.leads.map(({ band }) => (band[1] - band[0]) * mmPerMillivolt));
  },
  mm(width) {
    return width / (this.seconds * mmPerSecond);
  },
  height(width) {
    return this.head + this.millimetres * this.mm(width);
  },
  x(t, width) {
    return (t - this.begin) / this.seconds * width;
  },
  time(x, width) {
    return this.begin + x / width * this.seconds;
  },
};

function drawStrip(context, width, height) {
  const mm = strip.mm(width);
  const { head } = strip;
  context.save();
  context.beginPath();
  context.rect(0, head, width, height - head);
  context.clip();
  context.translate(0, head);
  drawPaper(context, width, height - head, mm, 0, 0);
  context.translate(0, -head);
  const left = strip.x(windowStart, width);
  const right = strip.x(windowEnd, width);
  if (windowEnd - windowStart < 0.95 * strip.seconds) {  // what the network does not see is dimmed
    context.fillStyle = rgb(ink.sheet, 0.55);
    context.fillRect(0, head, left, height - head);
    context.fillRect(right, head, width - right, height - head);
  }
  let y = head;
  strip.leads.forEach(({ signal, band }, lead) => {
    const zero = y + band[1] * mmPerMillivolt * mm;
    const bottom = y + (band[1] - band[0]) * mmPerMillivolt * mm;
    const shade = overlay.perLead?.[lead];
    if (shade) {
      shade.values.forEach((value, i) => {
        const x = strip.x(shade.begin_s + i * shade.step_s, width);
        context.fillStyle = rgb(value < 0 ? ink.below : ink.above, 0.55 * Math.sqrt(clamp(Math.abs(value) / overlay.most, 0, 1)));
        context.fillRect(x, y, shade.step_s / strip.seconds * width + 0.3, bottom - y);
      });
    }
    context.strokeStyle = rgb(ink.trace);
    context.lineWidth = Math.max(1.1, 0.26 * mm);
    traceLead(context, signal, (i) => i / data.record.rate / strip.seconds * width, (mV) => clamp(zero - mV * mmPerMillivolt * mm, y, bottom));
    y = bottom;
  });
  context.restore();
  context.strokeStyle = rgb(ink.thick);
  context.lineWidth = 1;
  context.strokeRect(0.5, head + 0.5, width - 1, height - head - 1);

  // Beats above the paper. Letters that would touch each other are left out; the beat shown has an arrow.
  let last = -100;
  context.textAlign = 'center';
  for (const beat of data.record.beats ?? []) {
    const x = strip.x(beat.t, width);
    const here = Math.abs(beat.t - (data.record.beat ?? NaN)) < 0.02;
    if (x < 8 || x > width - 8 || (x - last < 14 && !here)) continue;
    last = x;
    const colour = classColour(data.model.classes.indexOf(beat.class));
    context.fillStyle = rgb(colour);
    context.font = font(here ? 16 : 13, here ? 750 : 500);
    context.fillText(beat.class, x, here ? 14 : 15);
    if (here) {
      context.beginPath();
      context.moveTo(x - 5, head - 8);
      context.lineTo(x + 5, head - 8);
      context.lineTo(x, head - 1);
      context.fill();
    } else {
      context.fillRect(x - 0.5, head - 6, 1, 6);
    }
  }
  context.textAlign = 'left';
  if (windowEnd - windowStart < 0.95 * strip.seconds) {
    context.strokeStyle = rgb(ink.ink, 0.75);
    context.lineWidth = 1.4;
    context.strokeRect(left, head + 1, right - left, height - head - 2);
  }
}

// Above the strip: the receptive field of the selected unit, and the time under the pointer.
function drawLight(context, width, height) {
  const { head } = strip;
  const node = state.node === null ? null : nodes[state.node];
  if (node?.field && node.shape.length === 3) {
    const l = positionOf(node);
    const [from, to] = seen(node, l);
    const left = clamp(strip.x(from, width), 0, width);
    const right = clamp(strip.x(to, width), 0, width);
    context.fillStyle = rgb(ink.light, 0.2);
    context.fillRect(left, head, Math.max(1.5, right - left), height - head);
    context.strokeStyle = rgb(ink.light);
    context.lineWidth = 3;
    context.strokeRect(left + 1.5, head + 1.5, Math.max(1, right - left - 3), height - head - 3);
    const text = `sees ${seenText(node, l)}`;
    context.font = font(12.5, 650);
    const size = context.measureText(text).width;
    const x = clamp((left + right) / 2 - size / 2, 4, width - size - 4);
    context.fillStyle = rgb(ink.sheet, 0.92);
    context.fillRect(x - 4, height - 21, size + 8, 17);
    context.fillStyle = rgb(ink.ink);
    context.fillText(text, x, height - 8);
  }
  if (state.time !== null) {
    const x = strip.x(state.time, width);
    context.fillStyle = rgb(ink.accent, 0.9);
    context.fillRect(x - 0.6, head, 1.2, height - head);
  }
  let y = head;  // the leads' names stay in sight while the strip scrolls
  context.font = font(13, 650);
  for (const { name, band } of strip.leads) {
    context.lineWidth = 4;
    context.strokeStyle = rgb(ink.sheet);
    context.strokeText(name, 8 + strip.scrolled, y + 18);
    context.fillStyle = rgb(ink.ink);
    context.fillText(name, 8 + strip.scrolled, y + 18);
    y += (band[1] - band[0]) * mmPerMillivolt * strip.mm(width);
  }
}

// A small copy of the paper around the window, which stays in sight beside the network.
function smallPaper() {
  if (!data.record) return null;
  const span = Math.min(strip.seconds, 1.8 * (windowEnd - windowStart));
  const begin = clamp((windowStart + windowEnd - span) / 2, strip.begin, strip.begin + strip.seconds - span);
  const leads = strip.leads.slice(0, 2);
  const total = sum(leads.map(({ band }) => band[1] - band[0]));
  return surface({
    height: 46 * leads.length, label: 'The ECG around the window, with what the selected unit sees',
    draw: (context, width, height) => {
      const x = (t) => (t - begin) / span * width;
      drawPaper(context, width, height, width / (span * mmPerSecond), -(begin % 0.2) / span * width, 0);
      const node = state.node === null ? null : nodes[state.node];
      context.fillStyle = rgb(ink.sheet, 0.5);
      context.fillRect(0, 0, x(windowStart), height);
      context.fillRect(x(windowEnd), 0, width, height);
      if (node?.field && node.shape.length === 3) {
        const [from, to] = seen(node, positionOf(node));
        context.fillStyle = rgb(ink.light, 0.34);
        context.fillRect(x(from), 0, Math.max(1.5, x(to) - x(from)), height);
        context.fillStyle = rgb(ink.light);
        context.fillRect(x(from), height - 3, Math.max(1.5, x(to) - x(from)), 3);
      }
      let y = 0;
      for (const { signal, band } of leads) {
        const unit = height / total;
        const top = y;
        context.strokeStyle = rgb(ink.trace);
        context.lineWidth = 1.2;
        traceLead(context, signal, (i) => x(strip.begin + i / data.record.rate), (mV) => top + (band[1] - mV) * unit,
          Math.floor((begin - strip.begin) * data.record.rate), Math.ceil((begin + span - strip.begin) * data.record.rate));
        y += (band[1] - band[0]) * unit;
      }
      if (state.time !== null) {
        context.fillStyle = rgb(ink.accent, 0.9);
        context.fillRect(x(state.time) - 0.6, 0, 1.2, height);
      }
      context.strokeStyle = rgb(ink.thick);
      context.strokeRect(0.5, 0.5, width - 1, height - 1);
    },
  });
}

function buildPaper() {
  if (!data.record) return;
  strip.prepare();
  const shown = windowEnd - windowStart < 0.95 * strip.seconds;
  const host = section('ecg', 'The ECG',
    `Paper as in a clinic: 25 mm per second, 10 mm per millivolt; a small square is 40 ms wide and 0.1 mV high. ` +
    (shown ? `The frame is what the network sees of this beat, ${secondsText(windowEnd - windowStart)}. ` : '') +
    (data.record.beats?.length ? 'A letter above the paper is the class of a beat.' : ''), 'ECG');
  const readTime = (x, width) => {
    const t = strip.time(x, width);
    select({ time: t, position: null });
    const i = Math.round((t - strip.begin) * data.record.rate);
    return clockText(t, 2) + strip.leads.map(({ name, signal }) => `\n${name}  ${fixed(signal[i], 2)}${thin}mV`).join('');
  };
  const base = surface({
    height: (width) => strip.height(width), draw: drawStrip, class: 'base',
    label: `ECG of ${fixed(strip.seconds, 1)} seconds, leads ${strip.leads.map(({ name }) => name).join(' and ')}`,
  });
  const light = surface({
    height: (width) => strip.height(width), draw: drawLight, class: 'over',
    hover: (x, y, width) => readTime(x, width), leave: () => {},
  });
  const sheet = element('div', { class: 'sheet', tabindex: '0', role: 'group',
    'aria-label': 'ECG paper. Left and right arrow keys move the time mark, Escape removes it.' }, base.canvas, light.canvas);
  sheet.style.setProperty('--least', Math.round(strip.seconds * mmPerSecond * 3.4) + 'px');
  sheet.addEventListener('keydown', moveTime);
  const scroller = element('div', { class: 'scroller' }, sheet);
  const shades = element('p', { class: 'legends' });
  scroller.addEventListener('scroll', () => {
    strip.scrolled = scroller.scrollLeft;
    light.paint();
  });
  const beats = data.record.beats ?? [];
  host.append(scroller, shades, beats.length ? numbers(() => ({
    head: ['beat at', 'class', 'probability', 'since the beat before'],
    rows: beats.map((beat, i, all) => [clockText(beat.t, 2), beat.class,
      beat.probability === undefined ? '\u2013' : percent(beat.probability), i ? secondsText(beat.t - all[i - 1].t) : '\u2013']),
  }), 'The beats as a table') : numbers(() => ({
    head: ['lead', 'lowest', 'highest'],
    rows: strip.leads.map(({ name, signal }) => [name, ...extent(signal).map((mV) => `${fixed(mV)}${thin}mV`)]),
  }), 'The leads as a table'));
  follow(() => light.paint());
  overlay.repaint = () => {
    base.paint();
    shades.replaceChildren(...(overlay.perLead ? [legend(`speaks against ${className(overlay.chosen)}`, `speaks for ${className(overlay.chosen)}`), element('span', {}, overlay.words)] : []));
  };
  requestAnimationFrame(() => {  // on a narrow screen the strip scrolls; the window comes first
    scroller.scrollLeft = strip.x((windowStart + windowEnd) / 2, sheet.clientWidth) - scroller.clientWidth / 2;
  });
}

function moveTime(event) {
  const step = event.shiftKey ? 0.1 : 0.01;
  const now = state.time ?? beatTime();
  if (event.key === 'ArrowLeft') select({ time: now - step });
  else if (event.key === 'ArrowRight') select({ time: now + step });
  else if (event.key === 'Escape') select({ time: null, node: null, position: null });
  else return;
  event.preventDefault();
}
