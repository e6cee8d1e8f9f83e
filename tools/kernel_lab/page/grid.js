// The grid with the chosen block, and the block's threads with those that take part in the step.

function buildGrid(parent) {
  const box = section(parent, 'grid', 'Grid and block');
  const [gx, gy, gz] = data.grid;
  const gridCanvas = element('canvas', { role: 'img', 'aria-label': `Grid of ${gx} by ${gy} by ${gz} blocks; the page shows block ${data.chosen.join(', ')}` });
  const blockCanvas = element('canvas', { role: 'img', 'aria-label': `The block's ${threads} threads in ${warps} warps` });
  const chosen = element('figcaption');
  box.append(element('div', { class: 'pair' },
    element('figure', {}, element('figcaption', {}, element('b', {}, `${gx} \u00d7 ${gy}${gz > 1 ? ' \u00d7 ' + gz : ''} blocks`), element('span', {}, `block ${data.chosen.join(', ')} is shown`)), gridCanvas),
    element('figure', {}, chosen, blockCanvas)));
  const gridShape = () => {
    const count = gx * gy * gz, width = gridCanvas.parentElement.clientWidth;
    const across = Math.min(gy * gz > 1 ? gx : count, Math.max(1, Math.floor(width / 9)));
    return { count, across, size: Math.min(22, width / across) };
  };
  const blockShape = () => ({ size: Math.min(13, (blockCanvas.parentElement.clientWidth - 24) / 32) });
  function drawGrid() {
    const { count, across, size } = gridShape();
    const context = prepare(gridCanvas, across * size, Math.ceil(count / across) * size);
    const index = data.chosen[0] + gx * (data.chosen[1] + gy * data.chosen[2]);
    for (let i = 0; i < count; i++) {
      context.fillStyle = i === index ? palette.accent : tint(palette.soft, 0.28);
      context.fillRect(i % across * size, Math.floor(i / across) * size, size - Math.min(2, size / 5), size - Math.min(2, size / 5));
    }
  }
  function drawBlock() {
    const { size } = blockShape(), e = current();
    const context = prepare(blockCanvas, 24 + 32 * size, warps * size);
    context.font = '10px system-ui, sans-serif';
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (let warp = 0; warp < warps; warp++) {
      const isNow = e.kind === KIND.barrier || warp === e.warp;
      if (size >= 9) { context.fillStyle = isNow ? palette.ink : palette.soft; context.fillText(warp, 18, warp * size + size / 2); }
      for (let lane = 0; lane < 32 && warp * 32 + lane < threads; lane++) {
        const active = isNow && e.lanes.includes(lane);
        context.fillStyle = active ? palette[kindColour[e.kind]] : tint(palette.soft, 0.2);
        context.fillRect(24 + lane * size, warp * size, size - 1.5, size - 1.5);
        if (warp * 32 + lane === state.thread) {
          context.strokeStyle = palette.ink;
          context.lineWidth = 2;
          context.strokeRect(24 + lane * size, warp * size + 0.5, size - 1.5, size - 2);
        }
      }
    }
    chosen.replaceChildren(element('b', {}, `${threads} threads, ${plural(warps, 'warp')} of 32 lanes`), element('span', {}, `thread ${state.thread} is chosen`));
  }
  const threadAt = (x, y) => {
    const { size } = blockShape(), lane = Math.floor((x - 24) / size), warp = Math.floor(y / size);
    return lane >= 0 && lane < 32 && warp >= 0 && warp * 32 + lane < threads ? warp * 32 + lane : -1;
  };
  hover(blockCanvas, (x, y) => { const t = threadAt(x, y); return t < 0 ? '' : `thread ${t}: warp ${Math.floor(t / 32)}, lane ${t % 32}\nclick to choose it`; },
    (x, y) => { const t = threadAt(x, y); if (t >= 0) choose(t); });
  state.listeners.push((changes) => { if ('redraw' in changes) drawGrid(); drawBlock(); });
}
