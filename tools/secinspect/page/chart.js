// A line chart with direct labels: curves {name, x, y, colour, dash}, axes with few round marks, numbers on hover.

function roundMarks(low, high, count) {
  const span = high - low || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw - 1e-12);
  const marks = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * span; v += step) marks.push(Math.abs(v) < step / 1e6 ? 0 : v);
  return { marks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function chart({ height = 180, label, curves, xName, yName, xText, yText, xRange, yRange, hoverText }) {
  const range = (list, given) => given ?? extent(list.flatMap((l) => [...l]));
  const measure = document.createElement('canvas').getContext('2d');
  const frame = (width, h) => {
    measure.font = font(12, 600);
    const right = 14 + Math.max(0, ...curves().map((c) => measure.measureText(c.name).width));
    const [x0, x1] = range(curves().map((c) => c.x), xRange);
    let [y0, y1] = range(curves().map((c) => c.y), yRange);
    if (y1 === y0) y1 = y0 + 1;
    const pad = yRange ? 0 : 0.06 * (y1 - y0);
    y0 -= pad;
    y1 += pad;
    const box = { left: 44, right: width - right, top: 18, bottom: h - 34 };
    return {
      box, x0, x1, y0, y1,
      x: (v) => box.left + (v - x0) / (x1 - x0 || 1) * (box.right - box.left),
      y: (v) => box.bottom - (v - y0) / (y1 - y0) * (box.bottom - box.top),
    };
  };
  return surface({
    height, label,
    draw: (context, width, h) => {
      const f = frame(width, h);
      context.font = font(11);
      const yMarks = roundMarks(f.y0, f.y1, 4);
      context.textAlign = 'right';
      for (const v of yMarks.marks) {
        context.fillStyle = rgb(ink.line);
        context.fillRect(f.box.left, f.y(v) - 0.5, f.box.right - f.box.left, 1);
        context.fillStyle = rgb(ink.soft);
        context.fillText(yText ? yText(v) : fixed(v, yMarks.digits), f.box.left - 6, f.y(v) + 4);
      }
      context.textAlign = 'center';
      const xMarks = roundMarks(f.x0, f.x1, Math.max(2, Math.floor((f.box.right - f.box.left) / 70)));
      for (const v of xMarks.marks) context.fillText(xText ? xText(v) : fixed(v, xMarks.digits), f.x(v), f.box.bottom + 15);
      context.fillText(xName, (f.box.left + f.box.right) / 2, h - 4);
      context.textAlign = 'left';
      context.fillText(yName, 2, 11);
      context.save();
      context.beginPath();
      context.rect(f.box.left - 1, f.box.top - 6, f.box.right - f.box.left + 3, f.box.bottom - f.box.top + 8);
      context.clip();
      for (const curve of curves()) {
        context.strokeStyle = rgb(curve.colour());
        context.lineWidth = curve.width ?? 1.8;
        context.setLineDash(curve.dash ?? []);
        line(context, Array.from(curve.x, (v, i) => [f.x(v), f.y(curve.y[i])]));
        context.stroke();
      }
      context.restore();
      context.setLineDash([]);
      const end = (curve) => f.y(curve.y[curve.y.length - 1]);
      const named = curves().filter((c) => c.name).sort((a, b) => end(a) - end(b));
      const places = named.map((curve) => clamp(end(curve) + 4, f.box.top, f.box.bottom));
      for (let i = 1; i < places.length; ++i) places[i] = Math.max(places[i], places[i - 1] + 13);
      for (let i = places.length; i-- > 0;) places[i] = Math.min(places[i], f.box.bottom - 13 * (places.length - 1 - i));
      context.font = font(12, 600);
      named.forEach((curve, i) => {
        context.fillStyle = rgb(curve.colour());
        context.fillText(curve.name, f.box.right + 8, places[i]);
      });
    },
    hover: (x, y, width, h) => {
      const f = frame(width, h);
      const v = f.x0 + (x - f.box.left) / (f.box.right - f.box.left) * (f.x1 - f.x0);
      if (hoverText) return hoverText(v);
      const lines = curves().filter((c) => c.name).map((c) => {
        let best = 0;
        for (let i = 0; i < c.x.length; ++i) if (Math.abs(c.x[i] - v) < Math.abs(c.x[best] - v)) best = i;
        return [c, best];
      });
      if (!lines.length) return null;
      const at = lines[0][0].x[lines[0][1]];
      return `${xName}: ${xText ? xText(at) : fixed(at, 2)}\n` + lines.map(([c, i]) => `${c.name}  ${yText ? yText(c.y[i]) : fixed(c.y[i], 3)}`).join('\n');
    },
  });
}
