// Draws a node's activations on the time axis of the ECG's window.

// x of a time in a strip of the given width, which spans the window.
const windowX = (t, width) => (t - windowStart) / (windowEnd - windowStart) * width;

// The times at which bin i of `bins` begins and ends: positions are drawn around the centre of what they see.
function binTimes(node, i, bins) {
  const L = node.shape[0];
  const first = Math.floor(i * L / bins);
  const end = Math.max(first + 1, Math.floor((i + 1) * L / bins));
  const { field } = node;
  if (!field) return [windowStart, windowEnd];
  const centre = (l) => windowStart + (field.first_ms + l * field.stride_ms + field.size_ms / 2) / 1000;
  const half = field.stride_ms / 2000;
  return [centre(first) - half, centre(end - 1) + half];
}

const isSpread = (node) => node.shape.length === 3 && node.field && node.strip;

// The window's ground, and a line at the R peak.
function drawGround(context, width, height) {
  context.fillStyle = rgb(mix(ink.card, ink.page, 0.7));
  context.fillRect(0, 0, width, height);
  if (data.record?.beat === undefined) return;
  context.fillStyle = rgb(ink.soft, 0.45);
  context.fillRect(windowX(data.record.beat, width) - 0.5, 0, 1, height);
}

function drawActivation(context, node, width, height) {
  drawGround(context, width, height);
  if (node.maps) {
    const [bins, C] = node.maps.shape;
    const list = values(node.maps);
    const most = furthest(list);
    for (let i = 0; i < bins; ++i) {
      const [from, to] = binTimes(node, i, bins);
      const x = windowX(from, width);
      const w = windowX(to, width) - x;
      if (x > width || x + w < 0) continue;
      for (let c = 0; c < C; ++c) {
        context.fillStyle = rgb(signedColour(list[i * C + c], most));
        context.fillRect(x, c * height / C, w + 0.4, height / C + 0.4);
      }
    }
  } else if (node.strip) {
    const mean = values(node.strip.mean);
    const most = furthest(mean);
    mean.forEach((value, i) => {
      const [from, to] = binTimes(node, i, mean.length);
      context.fillStyle = rgb(sequentialColour(most ? value / most : 0));
      context.fillRect(windowX(from, width), 0, windowX(to, width) - windowX(from, width) + 0.4, height);
    });
  }
}

// Marks over a strip: the unit's receptive field and the time.
function drawMarks(context, node, width, height) {
  if (state.node === node.id && node.field && node.shape.length === 3) {
    const l = positionOf(node);
    const [from, to] = fieldOf(node, l);
    context.fillStyle = rgb(ink.light, 0.9);
    const left = clamp(windowX(from, width), 0, width);
    const right = clamp(windowX(to, width), 0, width);
    context.fillRect(left, height - 2.5, Math.max(2, right - left), 2.5);
    const half = node.field.stride_ms / 2000;
    const centre = (from + to) / 2;
    context.strokeStyle = rgb(ink.ink);
    context.lineWidth = 1.5;
    context.strokeRect(windowX(centre - half, width) + 0.5, 0.75, Math.max(2, windowX(centre + half, width) - windowX(centre - half, width) - 1), height - 1.5);
  }
  if (state.time !== null && state.time >= windowStart && state.time <= windowEnd) {
    context.fillStyle = rgb(ink.accent, 0.9);
    context.fillRect(windowX(state.time, width) - 0.6, 0, 1.2, height);
  }
}

function activationText(node, x, y, width, height) {
  const t = windowStart + x / width * (windowEnd - windowStart);
  if (!isSpread(node)) return null;
  const l = positionAt(node, t);
  const mean = values(node.strip.mean);
  const bin = clamp(Math.floor(l * mean.length / node.shape[0]), 0, mean.length - 1);
  const lines = [`${node.name}, position ${l + 1} of ${node.shape[0]}`,
    `sees ${seenText(node, l)}, mean magnitude ${fixed(mean[bin], 3)}`];
  if (node.strip.min) lines.push(`from ${fixed(values(node.strip.min)[bin], 2)} to ${fixed(values(node.strip.max)[bin], 2)}`);
  if (node.maps) {
    const [bins, C] = node.maps.shape;
    const c = clamp(Math.floor(y / height * C), 0, C - 1);
    lines.push(`channel ${c}: ${fixed(values(node.maps)[clamp(Math.floor(l * bins / node.shape[0]), 0, bins - 1) * C + c], 3)}`);
  }
  return lines.join('\n');
}

// A canvas with a node's activations. Pointing at it selects the unit there.
function activationSurface(node, height, label) {
  const one = surface({
    height, label,
    base: (context, width, h) => drawActivation(context, node, width, h),
    draw: (context, width, h) => drawMarks(context, node, width, h),
    hover: (x, y, width, h) => {
      const t = windowStart + x / width * (windowEnd - windowStart);
      select({ node: node.id, position: positionAt(node, t), time: t });
      return activationText(node, x, y, width, h);
    },
  });
  return one;
}

// The signal that the network receives: one thin line per input channel, on small paper.
function drawInput(context, width, height) {
  if (!data.input) return;
  const [L, H] = data.input.values.shape;
  const list = values(data.input.values);
  context.fillStyle = rgb(ink.sheet);
  context.fillRect(0, 0, width, height);
  const thick = 0.2 / (windowEnd - windowStart) * width;
  if (thick > 3) {
    context.fillStyle = rgb(ink.thick, 0.7);
    for (let x = (Math.ceil((windowStart - beatTime()) / 0.2) * 0.2 + beatTime() - windowStart) / 0.2 * thick; x < width; x += thick) context.fillRect(x, 0, 0.8, height);
  }
  const band = height / H;
  for (let h = 0; h < H; ++h) {
    const row = Array.from({ length: L }, (_, l) => list[l * H + h]);
    const [low, high] = extent(row);
    const span = Math.max(high - low, 1e-6);
    context.strokeStyle = rgb(ink.trace);
    context.lineWidth = 1.2;
    line(context, row.map((value, l) => [(l + 0.5) / L * width, h * band + band * (0.12 + 0.76 * (high - value) / span)]));
    context.stroke();
    if (H > 4 || band < 18) continue;
    context.font = font(10.5, 500);
    context.textAlign = 'right';
    context.lineWidth = 3;
    context.strokeStyle = rgb(ink.sheet);
    context.strokeText(channelWords(h), width - 3, h * band + 11);
    context.fillStyle = rgb(ink.soft);
    context.fillText(channelWords(h), width - 3, h * band + 11);
    context.textAlign = 'left';
  }
}
