// The kernels that compute each node, and where they stand under the roofline of a device.

function buildKernels() {
  const all = nodes.flatMap((node) => (node.kernels ?? []).map((kernel) => ({ ...kernel, node })));
  if (!all.length) return;
  const devices = [...new Set(all.map((kernel) => kernel.device))];
  let device = devices[0];
  const host = section('kernels', 'The kernels',
    'A kernel is the piece of code that computes a node on a device.' + (data.roofline?.length ? ' The roofline is the fastest that a device can be: on the slope memory is the limit, on the flat part arithmetic.' : ''), 'Kernels');
  const body = element('div');
  const lay = () => {
    surfaces.filter((one) => one.ofKernels).forEach(forget);
    body.replaceChildren(...kernelParts(all.filter((kernel) => kernel.device === device), device));
    surfaces.filter((one) => one.ofKernels).forEach(paint);
  };
  host.append(devices.length > 1 ? element('div', { class: 'tools' }, choice('device', devices.map((name) => [name, name]), device, (name) => {
    device = name;
    lay();
  })) : '', body);
  lay();
}

const timeOf = (kernel) => kernel.ms ?? kernel.bound_ms ?? null;
const milliseconds = (ms) => ms === null || ms === undefined ? '\u2013' : ms < 0.001 ? `${fixed(1e6 * ms, 0)}${thin}ns` : ms < 0.1 ? `${fixed(1000 * ms, ms < 0.01 ? 1 : 0)}${thin}\u00b5s` : `${fixed(ms, 2)}${thin}ms`;

function kernelParts(list, device) {
  const byName = new Map();
  for (const kernel of list) {
    const known = byName.get(kernel.name) ?? { ...kernel, launches: 0, total: 0, bytesSum: 0, flopsSum: 0, timed: true };
    ++known.launches;
    known.total += timeOf(kernel) ?? 0;
    known.timed &&= timeOf(kernel) !== null;
    known.measured = kernel.ms !== null && kernel.ms !== undefined;
    known.bytesSum += kernel.bytes ?? 0;
    known.flopsSum += kernel.flops ?? 0;
    byName.set(kernel.name, known);
  }
  const rows = [...byName.values()].sort((a, b) => b.total - a.total);
  const measured = rows.some((row) => row.measured);
  const parts = [];
  const roof = (data.roofline ?? []).find((one) => one.device === device);
  if (roof && list.some((kernel) => kernel.flops > 0 && kernel.bytes > 0)) parts.push(rooflineFigure(list, roof));
  parts.push(element('p', { class: 'note' }, measured ? 'Times are measured for this input.' : rows.some((row) => row.timed && row.total > 0) ? 'No time was measured on this device. The least time is what the data sheet allows for this input.' : 'No time was measured on this device.'));
  const words = { memory: 'memory', issue: 'instructions', tensor: 'tensor cores' };
  parts.push(table(['kernel', 'source', 'nodes', measured ? 'time' : 'least time', 'bytes', 'flops', 'limited by'], rows.map((row) =>
    [row.name, row.source ?? '\u2013', row.launches, row.timed ? milliseconds(row.total) : '\u2013', byteText(row.bytesSum), countText(row.flopsSum), words[row.bound] ?? row.bound ?? '\u2013'])));
  if (device === 'cuda') parts.push(...forecastParts());
  parts.push(numbers(() => ({
    head: ['node', 'kernel', 'time', 'bytes', 'flops'],
    rows: list.map((kernel) => [kernel.node.name, kernel.name, milliseconds(timeOf(kernel)), byteText(kernel.bytes), countText(kernel.flops)]),
  }), 'Every node with its kernel as a table'));
  return parts;
}

// What bench_forecast predicts for the kernels that do these operations in a training step of a given shape.
function forecastParts() {
  const { forecast } = data;
  const rows = Object.entries(forecast?.operations ?? {}).flatMap(([operation, kernels]) => kernels.map((kernel) => ({ operation, ...kernel }))).sort((a, b) => b.ms - a.ms);
  if (!rows.length) return [];
  const words = { memory: 'memory', issue: 'instructions', tensor: 'tensor cores' };
  const [batch, leads, length] = forecast.shape;
  return [element('h3', {}, 'Forecast of a training step'),
    element('p', { class: 'note', id: 'forecast' }, `Predicted from the machine code, not measured: the kernels of SE-ECGNet that do these operations in one training step of ${batch} recordings with ${leads} leads and ${length} samples, in ${forecast.precision} on an ${forecast.device} (${forecast.source}). Operations without a row have no forecast.`),
    table(['kernel', 'operation', 'launches', 'forecast', 'limited by'], rows.map((row) => [row.name, row.operation, row.launches, milliseconds(row.ms), words[row.bound]]))];
}

// Both axes are logarithms: flops per byte to the right, flops per second upward.
function rooflineFigure(list, roof) {
  const points = list.filter((kernel) => kernel.flops > 0 && kernel.bytes > 0).map((kernel) => {
    const intensity = kernel.flops / kernel.bytes;
    const most = Math.min(roof.flops_per_s, intensity * roof.bytes_per_s);
    const ms = timeOf(kernel);
    return { kernel, intensity, speed: ms > 0 ? kernel.flops / ms * 1000 : most, measured: kernel.ms > 0 };
  });
  const lows = points.map((p) => p.intensity);
  const x0 = Math.floor(Math.log10(Math.min(...lows)) - 0.2);
  const x1 = Math.ceil(Math.log10(Math.max(...lows, roof.flops_per_s / roof.bytes_per_s)) + 0.3);
  const y1 = Math.ceil(Math.log10(roof.flops_per_s) + 0.1);
  const y0 = Math.floor(Math.log10(Math.min(...points.map((p) => p.speed))) - 0.2);
  const place = (width, height) => ({
    x: (v) => 58 + (Math.log10(v) - x0) / (x1 - x0) * (width - 70),
    y: (v) => 20 + (y1 - Math.log10(v)) / (y1 - y0) * (height - 58),
  });
  const one = surface({
    height: 260, label: `Roofline of ${roof.name} with ${points.length} kernels`,
    draw: (context, width, height) => {
      const { x, y } = place(width, height);
      context.font = font(11);
      for (let p = y0; p <= y1; ++p) {
        context.fillStyle = rgb(ink.line);
        context.fillRect(58, y(10 ** p) - 0.5, width - 70, 1);
        context.fillStyle = rgb(ink.soft);
        context.textAlign = 'right';
        context.fillText(countText(10 ** p).replace(thin, '\u2009'), 52, y(10 ** p) + 4);
      }
      context.textAlign = 'center';
      for (let p = x0; p <= x1; ++p) context.fillText(powerText(p), x(10 ** p), height - 22);
      context.fillText('flops per byte', (58 + width) / 2, height - 4);
      context.textAlign = 'left';
      context.fillText('flops per second', 2, 11);
      const ridge = roof.flops_per_s / roof.bytes_per_s;
      context.strokeStyle = rgb(ink.ink);
      context.lineWidth = 1.6;
      context.save();
      context.beginPath();
      context.rect(58, 16, width - 70, height - 50);
      context.clip();
      line(context, [[x(10 ** x0), y(10 ** x0 * roof.bytes_per_s)], [x(ridge), y(roof.flops_per_s)], [x(10 ** x1), y(roof.flops_per_s)]]);
      context.stroke();
      for (const p of points) {
        const chosen = p.kernel.node.id === state.node;
        context.beginPath();
        context.arc(x(p.intensity), y(p.speed), chosen ? 6 : 3.4, 0, 2 * Math.PI);
        context.fillStyle = rgb(chosen ? ink.accent : ink.below, 0.8);
        context.strokeStyle = rgb(chosen ? ink.accent : ink.below);
        if (p.measured || chosen) context.fill();
        else context.stroke();
      }
      context.restore();
      context.fillStyle = rgb(ink.ink);
      context.textAlign = 'right';
      context.font = font(12, 600);
      context.fillText(roof.name, width - 14, y(roof.flops_per_s) - 6);
    },
    hover: (mx, my, width, height) => {
      const { x, y } = place(width, height);
      let best = null;
      let least = 14;
      for (const p of points) {
        const d = Math.hypot(x(p.intensity) - mx, y(p.speed) - my);
        if (d < least) [best, least] = [p, d];
      }
      if (!best) return null;
      select({ node: best.kernel.node.id, position: null });
      return `${best.kernel.node.name}\n${best.kernel.name}\n${countText(best.speed)}flop/s, ${fixed(best.intensity, 1)} flops per byte${best.measured ? '' : ' (bound, not measured)'}`;
    },
  });
  one.ofKernels = true;
  return one.canvas;
}
