// The page's data, as page_data.cpp writes it. Lists of integers are arithmetic series: [first, step, count, ...].
const data = JSON.parse(document.getElementById('data').textContent);
const KIND = Object.fromEntries(data.kinds.map((name, i) => [name.replaceAll(' ', '_'), i]));
const COMPUTED = -1, ZERO = -2, UNWRITTEN = -3;
const threads = data.block[0] * data.block[1] * data.block[2];
const warps = Math.ceil(threads / 32);

function series(list) {
  const values = [];
  for (let i = 0; i < list.length; i += 3) for (let j = 0; j < list[i + 2]; j++) values.push(list[i] + j * list[i + 1]);
  return values;
}

// Events with names: lanes (a list), at, from, content (one list of codes per lane).
const events = data.events.map((e, index) => {
  const lanes = [];
  for (let lane = 0; lane < 32; lane++) if ((e.m >>> lane) & 1) lanes.push(lane);
  const words = e.c ? series(e.c) : [];
  const each = words.length / lanes.length;
  return { index, kind: e.k, warp: e.w, place: e.p, lanes, bytes: e.b || 0, array: e.a ?? -1, at: e.o ? series(e.o) : [],
    fromArray: e.f ?? -1, from: e.g ? series(e.g) : [], content: words.length ? lanes.map((_, i) => words.slice(i * each, (i + 1) * each)) : [],
    sectors: e.s || 0, least: e.l || 0, passes: e.q || 0, leastPasses: e.z || 0, name: e.n || '', a: e.x, b: e.y, d: e.d };
});
const fragments = data.fragments.map(series);

// ---- places in the source ----

const lines = data.sources.map((source) => source.text.replace(/\n$/, '').split('\n'));
// The frame that the source panel marks: the innermost in the kernel's own file. Then the innermost of any shown file.
const places = data.places.map((frames) => {
  const all = frames.map(([source, line, name, file]) => ({ source, line, name, file }));
  const main = all.find((f) => f.source === 0) || all[all.length - 1];
  const inner = all.find((f) => f.source > 0);
  const before = inner && all.indexOf(inner) < all.indexOf(main);
  return { all, main, inner: before ? inner : null, intrinsic: all[0] && ['ldmatrix', 'cp_async'].includes(all[0].name) ? all[0].name : '' };
});
const codeLine = (source, line) => (lines[source] && lines[source][line - 1] || '').trim();

// ---- names of elements ----

const arrays = data.arrays;
arrays.forEach((array, i) => { array.id = i; array.count = Math.floor(array.bytes / array.element); });
const roles = { x: 'below', gy: 'below', w: 'light', 'w as bf16': 'light', bias: 'f', y: 'q', gx: 'q', gw: 'q' };
// Of two inputs on one time axis, the second has the colour of the weights.
const colourOf = (array) => (array.name === 'gy' && arrays.some((a) => a.name === 'x') ? 'light' : roles[array.name] || 'n');

function tuple(array, index) {
  if (!array.shape.length) return [index];
  const result = [];
  for (let i = array.shape.length - 1; i >= 0; i--) { result.unshift(index % array.shape[i]); index = Math.floor(index / array.shape[i]); }
  return result;
}
const elementText = (array, index) => `${array.name}[${tuple(array, index).join(', ')}]`;
function valueOf(array, index) {
  if (array.values) return array.values[index];
  const w = array.name === 'w as bf16' && arrays.find((a) => a.name === 'w');
  return w ? w.values[index] : undefined;
}

const codeArray = (code) => (code < 0 ? null : arrays[Math.floor(code / 2 ** 25)]);
const codeIsPair = (code) => code >= 0 && Math.floor(code / 2 ** 24) % 2 === 1;
const codeIndex = (code) => code % 2 ** 24;
function codeText(code) {
  if (code === ZERO) return '0';
  if (code === UNWRITTEN) return 'not written yet';
  if (code < 0) return 'a computed number';
  const array = codeArray(code);
  return elementText(array, codeIndex(code)) + (codeIsPair(code) ? ' and ' + elementText(array, codeIndex(code) + 1) : '');
}
const axes = { 4: ['sample', 'step', 'lead', 'channel'], 3: ['tap', 'input channel', 'output channel'], 1: ['channel'] };
const plural = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
const short = (value) => (value === undefined || value === null ? '' : Number(value.toPrecision(5)).toString());
