// Line charts, drawn by Chart.js. Each has its title and keys as text, and its numbers as a table.

const charts = [];
const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const runColours = ['below', 'above', 'q', 'f', 's', 'n'];
const runColour = (run) => runColours[run % runColours.length];
const letter = (run) => (run < 26 ? '' : letter(Math.floor(run / 26) - 1)) + String.fromCharCode(65 + run % 26);

// `lines` is a function, as data may grow: [{name, colour, dashed, points: [{x, y}...]}...]. Values that are no numbers leave gaps.
function lineChart({ title, xName, lines, digits = 4, whole = false, logarithmic = false, xRange, yRange }) {
  const canvas = element('canvas', { role: 'img', 'aria-label': title });
  const plot = element('div', { class: 'plot' }, canvas);
  const keys = element('div', { class: 'keys' });
  const none = element('p', { class: 'none' }, 'Nothing yet.');
  const table = numbers(() => chartTable(lines(), xName, digits));
  const figure = element('figure', {}, element('figcaption', {}, title), keys, plot, none, table);
  const axis = (name) => ({ grid: {}, border: {}, ticks: { maxRotation: 0, autoSkipPadding: 18 }, title: name ? { display: true, text: name } : {} });
  const scales = { x: { ...axis(xName), type: 'linear', ...xRange }, y: { ...axis(), type: logarithmic ? 'logarithmic' : 'linear', ...yRange } };
  scales.y.ticks.maxTicksLimit = 6;
  if (whole) scales.x.ticks.precision = 0;
  const chart = new Chart(canvas, { type: 'line', data: { datasets: [] }, options: {
    animation: false, responsive: true, maintainAspectRatio: false, parsing: false, scales,
    interaction: { mode: 'nearest', axis: 'x', intersect: false },
    plugins: { legend: { display: false }, tooltip: { callbacks: {
      title: (items) => items.length ? `${xName} ${fixed(items[0].parsed.x, whole ? 0 : 2)}` : '',
      label: (item) => `${item.dataset.label}: ${fixed(item.parsed.y, digits)}`,
    } } },
  } });
  const one = {
    figure, chart,
    update() {
      const list = lines().map((line) => ({ ...line, points: line.points.filter((point) => Number.isFinite(point.x)) }));
      const drawn = list.filter((line) => line.points.some((point) => Number.isFinite(point.y)));
      const few = Math.max(0, ...drawn.map((line) => line.points.length)) < 30;
      chart.data.datasets = drawn.map((line) => ({
        label: line.name, data: line.points.map(({ x, y }) => ({ x, y: Number.isFinite(y) ? y : NaN })), borderDash: line.dashed ? [5, 4] : [],
        borderColor: cssColour(line.colour), backgroundColor: cssColour(line.colour), borderWidth: 2, pointRadius: few ? 2.5 : 0, pointHitRadius: 8, tension: 0,
      }));
      for (const scale of [chart.options.scales.x, chart.options.scales.y]) {
        scale.grid.color = cssColour('line');
        scale.ticks.color = cssColour('soft');
        if (scale.title.display) scale.title.color = cssColour('soft');
      }
      plot.hidden = none.hidden = table.hidden = false;
      if (drawn.length) none.hidden = true;
      else plot.hidden = table.hidden = true;
      keys.replaceChildren(...drawn.map((line) => element('span', { class: 'key', style: `--c:var(--${line.colour})` }, element('i', { class: line.dashed ? 'dashed' : '' }), line.name)));
      chart.update('none');
      table.refresh();
    },
  };
  charts.push(one);
  return one;
}

function chartTable(list, xName, digits) {
  const places = [...new Set(list.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b);
  const step = Math.ceil(places.length / 400);
  const at = list.map((line) => new Map(line.points.map((point) => [point.x, point.y])));
  return { head: [xName, ...list.map((line) => line.name)], rows: places.filter((_, i) => i % step === 0).map((x) =>
    [fixed(x, Number.isInteger(x) ? 0 : 2), ...at.map((own) => Number.isFinite(own.get(x)) ? fixed(own.get(x), digits) : '\u2013')]) };
}

function updateCharts() {
  for (const one of charts) one.update();
}

// Colours change with the theme and for paper.
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', updateCharts);
addEventListener('beforeprint', () => charts.forEach((one) => one.chart.resize()));
addEventListener('afterprint', () => charts.forEach((one) => one.chart.resize()));
