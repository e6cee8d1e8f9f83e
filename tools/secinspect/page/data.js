// Reads the page's data and turns its arrays and numbers into what the figures need.

const data = JSON.parse(document.getElementById('data').textContent);

function half(bits) {  // IEEE 754 binary16
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 32768 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

function bytesOf(text) {  // base64
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const decoded = new WeakMap();

// The values of an array of the data, as Float32Array: raw * scale + offset. A gap of i16 (-32768) is NaN.
function values(array) {
  if (Array.isArray(array)) return array;
  if (!decoded.has(array)) {
    const view = new DataView(bytesOf(array.data).buffer);
    const size = { f32: 4, f16: 2, i16: 2, u8: 1 }[array.dtype];
    const scale = array.scale ?? 1;
    const offset = array.offset ?? 0;
    const result = new Float32Array(view.byteLength / size);
    for (let i = 0; i < result.length; ++i) {
      let raw;
      if (array.dtype === 'f32') raw = view.getFloat32(4 * i, true);
      else if (array.dtype === 'f16') raw = half(view.getUint16(2 * i, true));
      else if (array.dtype === 'i16') raw = view.getInt16(2 * i, true);
      else raw = view.getUint8(i);
      result[i] = array.dtype === 'i16' && raw === -32768 ? NaN : raw * scale + offset;
    }
    decoded.set(array, result);
  }
  return decoded.get(array);
}

const minus = '\u2212';
const thin = '\u202f';  // narrow no-break space, between a number and its unit

function fixed(value, digits = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return '\u2013';
  return Number(value).toFixed(digits).replace('-', minus);
}

// 10 to a whole power, for an axis: 0.01, 1, 100, then 10 with an exponent.
function powerText(power) {
  if (Math.abs(power) <= 3) return (10 ** power).toFixed(Math.max(0, -power));
  return '10' + (power < 0 ? '\u207b' : '') + Array.from(String(Math.abs(power)), (digit) => '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079'[digit]).join('');
}

function signed(value, digits = 2) {
  return (value > 0 ? '+' : '') + fixed(value, digits);
}

function percent(share, digits = 0) {
  return fixed(100 * share, digits) + thin + '%';
}

const chanceText = (p) => p < 0.0005 ? '<' + percent(0.001, 1) : p > 0.9995 ? '>' + percent(0.999, 1) : percent(p, 1);

function scaled(value, steps, unit) {
  if (value === null || value === undefined) return '\u2013';
  let i = 0;
  while (i + 1 < steps.length && Math.abs(value) >= 999.5) {
    value /= 1000;
    ++i;
  }
  const digits = i === 0 && Number.isInteger(value) ? 0 : Math.abs(value) < 9.95 ? 1 : 0;
  return fixed(value, digits) + (steps[i] + unit ? thin + steps[i] + unit : '');
}

const byteText = (value) => scaled(value, ['', 'k', 'M', 'G'], 'B');
const countText = (value) => scaled(value, ['', 'k', 'M', 'G', 'T'], '');
const shapeText = (shape) => shape.join('\u2009\u00d7\u2009');

function secondsText(seconds) {  // a duration below 10 s
  return Math.abs(seconds) < 0.9995 ? Math.round(1000 * seconds).toString().replace('-', minus) + thin + 'ms'
    : fixed(seconds, 2) + thin + 's';
}

function clockText(seconds, digits = 1) {  // a time in the recording, h:mm:ss.s
  const step = 10 ** digits;
  const whole = Math.round(seconds * step);
  const rest = (whole / step) % 60;
  const minutes = Math.floor(whole / step / 60);
  return Math.floor(minutes / 60) + ':' + String(minutes % 60).padStart(2, '0') + ':' +
    rest.toFixed(digits).padStart(digits + 3, '0');
}

function extent(list) {  // [least, most] of the finite values
  let low = Infinity;
  let high = -Infinity;
  for (const value of list) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

function furthest(list) {  // the largest magnitude
  let most = 0;
  for (const value of list) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

const sum = (list) => list.reduce((total, value) => total + value, 0);
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

function softmax(logits, temperature = 1) {
  const top = Math.max(...logits);
  const powers = Array.from(logits, (x) => Math.exp((x - top) / temperature));
  const total = sum(powers);
  return powers.map((x) => x / total);
}

// The probabilities that the model's decision makes of logits.
function probabilitiesOf(logits) {
  const { decision, logit_offsets: offsets, temperature } = data.model;
  const t = typeof temperature === 'number' && temperature > 0 ? temperature : 1;
  if (decision === 'sigmoid') return Array.from(logits, (x) => 1 / (1 + Math.exp(-x / t)));
  return softmax(Array.from(logits, (x, i) => x + (offsets?.[i] ?? 0)), t);
}

const classWords = {
  N: 'normal beat', S: 'supraventricular ectopic beat', V: 'ventricular ectopic beat',
  F: 'fusion beat', Q: 'paced or unclassifiable beat',
};
const className = (i) => data.model.classes[i];
const classWord = (name) => data.model.class_words?.[name] ?? (data.model.task === 'beats' ? classWords[name] : undefined) ?? name;
