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
// `base` draws what changes only with size and theme; it is kept, and `draw` paints over it.
function surface({ height, label, base, draw = () => {}, hover, leave, press, class: name = '' }) {
  const canvas = element('canvas', { class: name, ...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }) });
  const result = { canvas, height, width: 0, base, draw, visible: true, stale: false, paint: () => paint(result) };
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
  watched.observe(canvas);
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
  if (one.base) {
    const key = `${w} ${h} ${theme}`;
    if (one.key !== key) {
      one.kept ??= document.createElement('canvas');
      one.kept.width = w;
      one.kept.height = h;
      const kept = one.kept.getContext('2d');
      kept.setTransform(w / width, 0, 0, h / height, 0, 0);
      one.base(kept, width, height);
      one.key = key;
    }
    context.drawImage(one.kept, 0, 0, width, height);
  }
  one.draw(context, width, height);
  one.width = width;
  one.stale = false;
}

// Paints a canvas now if it is in sight, otherwise when it comes into sight.
function refresh(one) {
  if (one.visible || printing) paint(one);
  else one.stale = true;
}

function forget(one) {  // a canvas that has left the page
  resized.unobserve(one.canvas);
  watched.unobserve(one.canvas);
  surfaces.splice(surfaces.indexOf(one), 1);
}

const watched = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const one = surfaces.find((other) => other.canvas === entry.target);
    if (!one) continue;
    one.visible = entry.isIntersecting;
    if (one.visible && one.stale) paint(one);
  }
}, { rootMargin: '200px' });

const resized = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const one = surfaces.find((other) => other.canvas === entry.target);
    if (one && Math.abs(one.width - entry.target.clientWidth) > 0.5) paint(one);
  }
});

let theme = 0;  // counts changes of colours

function paintAll() {
  ready = true;
  ++theme;
  readColours();
  for (const one of surfaces) if (one.canvas.isConnected) paint(one);
  document.dispatchEvent(new Event('painted'));
}

// The first painting: what is in sight at once, the rest in idle moments. `done` is called at the end.
function paintFirst(done) {
  ready = true;
  const waiting = surfaces.map((one) => [one, one.canvas.getBoundingClientRect().top]).sort((a, b) => a[1] - b[1]);
  const near = waiting.filter(([, top]) => top < innerHeight);
  near.forEach(([one]) => paint(one));
  const rest = waiting.slice(near.length).map(([one]) => one);
  const some = () => {
    const end = performance.now() + 12;
    while (rest.length && performance.now() < end) {
      const one = rest.shift();
      if (one.canvas.isConnected && one.width === 0) paint(one);
    }
    if (rest.length) setTimeout(some, 4);
    else {
      document.dispatchEvent(new Event('painted'));
      done();
    }
  };
  setTimeout(some, 30);
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
