// The filters of the first convolution: their taps over time and their gain over frequency.

function buildStem() {
  const { stem } = data;
  if (!stem?.filters) return;
  const [C, taps] = stem.filters.shape;
  const filters = values(stem.filters);
  const gains = values(stem.response.gain);
  const { hz } = stem.response;
  const bins = hz.length;
  const strength = Array.from({ length: C }, (_, c) => furthest(gains.subarray(c * bins, (c + 1) * bins)));
  const peak = (c) => hz[gains.subarray(c * bins, (c + 1) * bins).indexOf(strength[c])];
  const order = Array.from({ length: C }, (_, c) => c).sort((a, b) => peak(a) - peak(b));
  const host = section('filters', 'The first filters',
    `The stem slides ${C} filters of ${taps} samples (${secondsText(taps / data.model.rate)}) along each lead. Above: the filter's shape. ` +
    `Below: how strongly it passes each frequency, from 0 to ${fixed(hz.at(-1), 0)}${thin}Hz. P and T waves are slow (below 10${thin}Hz), the QRS complex has 10 to 40${thin}Hz. Sorted by the strongest frequency.`, 'Filters');
  host.append(element('div', { class: 'filters' }, order.map((c) => {
    const own = filters.subarray(c * taps, (c + 1) * taps);
    const gain = gains.subarray(c * bins, (c + 1) * bins);
    const one = filterSurface(`Filter ${c}, strongest at ${fixed(peak(c), 1)} Hz`, () => own, () => gain, hz);
    return element('figure', {}, one.canvas, element('figcaption', {}, element('b', {}, `${c}`), element('span', {}, `${fixed(peak(c), peak(c) < 10 ? 1 : 0)}${thin}Hz`)));
  })), numbers(() => ({
    head: ['Hz', ...order.map((c) => 'filter ' + c)],
    rows: Array.from(hz, (f, i) => [fixed(f, 1), ...order.map((c) => fixed(gains[c * bins + i], 3))]),
  }), 'Gain of each filter as a table'));
}

// A filter's taps above its gain over frequency. `taps` and `gain` are functions, so that a repainted figure can show another filter.
function filterSurface(label, taps, gain, hz) {
  return surface({
    height: 96, label,
    draw: (context, width, height) => {
      const own = taps();
      const passed = gain();
      const most = furthest(own) || 1;
      const strength = furthest(passed) || 1;
      const half = 0.52 * height;
      context.fillStyle = rgb(ink.line);
      context.fillRect(0, half / 2 - 0.5, width, 1);
      context.strokeStyle = rgb(ink.ink);
      context.lineWidth = 1.5;
      line(context, Array.from(own, (v, i) => [(i + 0.5) / own.length * width, half / 2 - v / most * half * 0.44]));
      context.stroke();
      const bottom = height - 1;
      const y = (g) => bottom - g / strength * (height - half - 10);
      context.beginPath();
      context.moveTo(0, bottom);
      passed.forEach((g, i) => context.lineTo(i / (hz.length - 1) * width, y(g)));
      context.lineTo(width, bottom);
      context.fillStyle = rgb(ink.above, 0.28);
      context.fill();
      context.strokeStyle = rgb(ink.above);
      line(context, Array.from(passed, (g, i) => [i / (hz.length - 1) * width, y(g)]));
      context.stroke();
      context.fillStyle = rgb(ink.line);
      context.fillRect(0, bottom, width, 1);
    },
    hover: (x, y, width, height) => {
      if (y < 0.52 * height) {
        const own = taps();
        const i = clamp(Math.floor(x / width * own.length), 0, own.length - 1);
        return `tap ${i} (${fixed(1000 * i / data.model.rate, 0)}${thin}ms): ${fixed(own[i], 3)}`;
      }
      const i = clamp(Math.round(x / width * (hz.length - 1)), 0, hz.length - 1);
      return `${fixed(hz[i], 1)}${thin}Hz: gain ${fixed(gain()[i], 3)}`;
    },
  });
}
