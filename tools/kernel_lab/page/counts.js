// How much is loaded and stored: by the chosen thread, by its warp, by the block, and by the whole launch; and by line.

const spaces = [['loads', 'loads from global memory'], ['stores', 'stores to global memory'], ['shared_loads', 'loads from shared memory'], ['shared_stores', 'stores to shared memory']];
function spacesOf(e) {
  switch (e.kind) {
    case KIND.global_load: return ['loads'];
    case KIND.global_store: return ['stores'];
    case KIND.shared_load: return ['shared_loads'];
    case KIND.shared_store: return ['shared_stores'];
    case KIND.copy: return e.fromArray < 0 ? ['shared_stores'] : ['shared_stores', 'loads'];
    default: return [];
  }
}

// Accesses and bytes of one thread, per space.
function countThread(thread) {
  const warp = Math.floor(thread / 32), lane = thread % 32;
  const counts = Object.fromEntries(spaces.map(([name]) => [name, { accesses: 0, bytes: 0 }]));
  for (const e of events) {
    const i = e.warp === warp ? e.lanes.indexOf(lane) : -1;
    if (i < 0) continue;
    for (const name of spacesOf(e)) {
      if (name === 'loads' && e.kind === KIND.copy && e.from[i] < 0) continue;
      counts[name].accesses++;
      counts[name].bytes += e.bytes;
    }
  }
  return counts;
}

function buildCounts(parent) {
  const box = section(parent, 'counts', 'Loads and stores, counted',
    'A warp\u2019s lanes make a request together. Global memory moves sectors of 32 bytes; shared memory serves a request in passes.');
  const holder = element('div');
  box.append(holder);
  const per = (a, b) => (b ? (a / b).toFixed(a % b ? 2 : 0) : '\u2013');
  const draw = () => {
    const mine = countThread(state.thread), warp = Math.floor(state.thread / 32);
    const ofWarp = events.filter((e) => e.warp === warp);
    holder.replaceChildren(table(['', `thread ${state.thread}`, `warp ${warp}: requests`, 'block: requests', 'bytes', 'sectors or passes', 'per request', 'fewest possible', 'whole launch: requests'],
      spaces.map(([name, words]) => {
        const block = data.counts.block[name], launch = data.counts.launch[name], isShared = name.startsWith('shared');
        const moved = isShared ? block.passes : block.sectors;
        return [words, mine[name].accesses, ofWarp.filter((e) => spacesOf(e).includes(name)).length, block.requests, block.bytes.toLocaleString('en'),
          moved ? `${moved.toLocaleString('en')} ${isShared ? 'passes' : 'sectors'}` : 0, per(moved, block.requests), per(block.least, block.requests), launch.requests];
      })));
  };
  const byLine = new Map();
  for (const e of events) if (spacesOf(e).length) {
    const key = lineOf(e) + ' ' + e.kind + ' ' + e.array;
    const row = byLine.get(key) || { line: lineOf(e), e, requests: 0, moved: 0, least: 0 };
    row.requests++;
    row.moved += e.sectors || e.passes;
    row.least += e.least || e.leastPasses;
    byLine.set(key, row);
  }
  const rows = [...byLine.values()].sort((a, b) => a.line - b.line || a.e.index - b.e.index);
  box.append(element('h3', {}, 'By line'), table(['line', 'code', 'what', 'requests', 'sectors or passes each', 'fewest'],
    rows.map((row) => [element('button', { type: 'button', onclick: () => show({ step: row.e.index, warp: state.warp < 0 ? -1 : row.e.warp, thread: row.e.warp * 32 + state.thread % 32 }) }, String(row.line)),
      element('code', {}, codeLine(0, row.line)), `${kindWords[row.e.kind]}: ${arrays[row.e.array].name}`, row.requests, element('span', { class: row.moved > row.least ? 'warn' : '' }, per(row.moved, row.requests)), per(row.least, row.requests)]), { class: 'by-line' }));
  const steps = numbers('All steps as a table', () => table(['step', 'warp', 'what', 'where', 'lanes', 'bytes', 'sectors', 'passes', 'line'],
    walk.map((index) => { const e = events[index]; return [index, e.kind === KIND.barrier ? 'all' : e.warp, e.name || kindWords[e.kind], e.array >= 0 ? arrays[e.array].name : '', e.lanes.length, e.lanes.length * e.bytes || '', e.sectors || '', e.passes || '', `${places[e.place].main.file}:${lineOf(e)}`]; })));
  box.append(steps);
  state.listeners.push((changes) => { if ('thread' in changes || 'redraw' in changes) draw(); if ('warp' in changes) steps.refresh(); });
}
