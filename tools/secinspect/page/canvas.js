// Canvases with sharp pixels, which are redrawn when their size, the theme or the medium changes; and their colours.

const surfaces = [];
let printing = false;
let ready = false;  // nothing is painted while the page is built

// The colours of the style sheet, by name, as [r, g, b].
let ink = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  ink = {};
  for (const name of ['page', 'card', 'ink', 'soft', 'line', 'sheet', 'thin', 'thick', 'trace', 'accent', 'above', 'below', 'light',
    'n', 's', 'v', 'f', 'q']) {
    const hex = style.getPropertyValue('--' + name).trim();
    ink[name] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
}
const rgb = (colour, alpha = 1) => `rgba(${colour[0]},${colour[1]},${colour[2]},${alpha})`;
const mix = (a, b, share) => a.map((value, i) => Math.round(value + (b[i] - value) * share));

// Signed values: below zero one hue, above zero another, zero the card. The root lifts small values.
function signedColour(value, most, zero = ink.card) {
  const share = most > 0 ? Math.sqrt(clamp(Math.abs(value) / most, 0, 1)) : 0;
  return mix(zero, value < 0 ? ink.below : ink.above, share);
}
const sequentialColour = (share) => mix(ink.card, ink.ink, 0.04 + 0.86 * clamp(share, 0, 1));

const classColour = (i) => ink[{ N: 'n', S: 's', V: 'v', F: 'f', Q: 'q' }[className(i)]] ?? ink.ink;

// A canvas of the given height. draw(context, width, height) works in CSS pixels.
// hover(x, y) may return the text for the pointer; `leave` is called when the pointer goes.
function surface({ height, label, draw, hover, leave, press, class: name = '' }) {
  const canvas = element('canvas', { class: name, ...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }) });
  const result = { canvas, height, width: 0, draw, paint: () => paint(result) };
  canvas.style.height = (typeof height === 'function' ? 1 : height) + 'px';
  surfaces.push(result);
  if (hover) {
    canvas.addEventListener('pointermove', (event) => {
      const box = canvas.getBoundingClientRect();
      const text = hover(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
      if (text) tip.show(text, event.clientX, event.clientY);
      else tip.hide();
    });
    canvas.addEventListener('pointerleave', () => {
      tip.hide();
      leave?.();
    });
  }
  if (press) {
    canvas.addEventListener('click', (event) => {
      const box = canvas.getBoundingClientRect();
      press(event.clientX - box.left, event.clientY - box.top, box.width);
    });
  }
  resized.observe(canvas);
  return result;
}

function paint(one) {
  if (!ready) return;
  const { canvas } = one;
  const width = canvas.clientWidth;
  if (!width) return;
  const height = typeof one.height === 'function' ? one.height(width) : one.height;
  canvas.style.height = height + 'px';
  const ratio = printing ? 3 : Math.max(1, devicePixelRatio || 1);
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext('2d');
  context.setTransform(w / width, 0, 0, h / height, 0, 0);
  context.clearRect(0, 0, width, height);
  one.draw(context, width, height);
  one.width = width;
}

const resized = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const one = surfaces.find((other) => other.canvas === entry.target);
    if (one && Math.abs(one.width - entry.target.clientWidth) > 0.5) paint(one);
  }
});

function paintAll() {
  ready = true;
  readColours();
  for (const one of surfaces) if (one.canvas.isConnected) paint(one);
  document.dispatchEvent(new Event('painted'));
}

function watchTheme() {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paintAll);
  matchMedia('print').addEventListener('change', (event) => {
    printing = event.matches;
    paintAll();
  });
  addEventListener('beforeprint', () => {
    printing = true;
    paintAll();
  });
  addEventListener('afterprint', () => {
    printing = false;
    paintAll();
  });
}

const font = (size, weight = 400) => `${weight} ${size}px system-ui, "Segoe UI", Helvetica, Arial, sans-serif`;

function line(context, points, close = false) {  // points: [[x, y]...]; NaN starts a new line
  context.beginPath();
  let pen = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) {
      pen = false;
      continue;
    }
    if (pen) context.lineTo(x, y);
    else context.moveTo(x, y);
    pen = true;
  }
  if (close) context.closePath();
}
