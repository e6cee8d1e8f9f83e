// The current step in words.

const laneWords = (e) => (e.lanes.length === 32 ? 'all 32 lanes' : e.lanes.length === 1 ? `lane ${e.lanes[0]} alone` : `${e.lanes.length} of 32 lanes`);
const bytesWords = (e) => `${e.lanes.length} \u00d7 ${e.bytes} = ${plural(e.lanes.length * e.bytes, 'byte')}`;

// Elements of one array in words: a single one, a run, or the first and the last.
function elementsWords(e) {
  const seen = new Set();
  let array = null;
  visitGlobal(e, (of, index) => { array = of; seen.add(index); });
  return array ? rangeWords(array, seen) : '';
}
function handledWords(e) {
  const codes = new Set(handled(e));
  const of = new Map();
  for (const code of codes) if (code >= 0) for (let i = 0; i <= (codeIsPair(code) ? 1 : 0); i++) {
    const array = codeArray(code);
    of.set(array, (of.get(array) || new Set()).add(codeIndex(code) + i));
  }
  const parts = [...of].map(([array, seen]) => rangeWords(array, seen));
  if (codes.has(ZERO)) parts.push('zeros');
  if (codes.has(COMPUTED)) parts.push('computed numbers');
  return parts.join(' and ');
}
function rangeWords(array, seen) {
  const all = [...seen].sort((a, b) => a - b);
  if (all.length === 1) return elementText(array, all[0]);
  const inARow = all[all.length - 1] - all[0] === all.length - 1;
  return `${elementText(array, all[0])} ${inARow ? 'to' : '\u2026'} ${elementText(array, all[all.length - 1])}`;
}

const arrayWords = (name) => (name === 'DYN_SHARED' ? 'shared memory' : `${name} in shared memory`);

function sentence(e) {
  const warp = `Warp ${e.warp}`, array = e.array >= 0 ? arrays[e.array].name : '';
  switch (e.kind) {
    case KIND.global_load: return `${warp} loads ${elementsWords(e)} from global memory.`;
    case KIND.global_store: return `${warp} stores ${elementsWords(e)} to global memory.`;
    case KIND.shared_load: return places[e.place].intrinsic === 'ldmatrix'
      ? `${warp} calls ldmatrix: each lane names one row of 16 bytes in ${arrayWords(array)}, and receives its part of four 8 \u00d7 8 matrices.` : `${warp} loads ${handledWords(e)} from ${arrayWords(array)}.`;
    case KIND.shared_store: return `${warp} stores ${handledWords(e)} to ${arrayWords(array)}.`;
    case KIND.copy: return e.fromArray < 0 ? `${warp} starts to fill a part of ${arrayWords(array)} with zeros: these rows are outside of the tensor.`
      : `${warp} starts a copy (cp.async) of ${elementsWords(e)} to ${arrayWords(array)}. It goes on without waiting.`;
    case KIND.copy_arrives: return `${warp} has waited: its copy to ${arrayWords(array)} has arrived.`;
    case KIND.barrier: return `All ${threads} threads of the block have reached the barrier. What they have stored is now visible to all.`;
    case KIND.product: return `${warp} multiplies two matrices on tensor cores (${e.name}) and adds the product to its sums.`;
    default: return `The lanes of warp ${e.warp} exchange registers (${e.name}).`;
  }
}

function verdict(e) {
  if (e.kind === KIND.global_load || e.kind === KIND.global_store) {
    return e.sectors > e.least ? [`${plural(e.sectors, 'sector')} of 32 bytes move; ${e.least} would be enough if the lanes' bytes were contiguous`, 'warn']
      : [`${plural(e.sectors, 'sector')} of 32 bytes ${e.sectors === 1 ? 'moves' : 'move'}, the fewest possible`, ''];
  }
  if (e.passes) {
    return e.passes > e.leastPasses ? [`${e.passes} passes instead of ${e.leastPasses}: lanes need different words of one bank`, 'warn']
      : [`${e.passes === 1 ? '1 pass' : e.passes + ' passes'}, without bank conflicts`, ''];
  }
  return null;
}

function buildNow(parent) {
  const text = element('p', { class: 'plain', 'aria-live': 'polite' });
  const facts = element('p', { class: 'meta' });
  const kind = element('b', { class: 'kind' });
  const box = element('section', { id: 'now', 'aria-labelledby': 'now-title' }, element('h2', { id: 'now-title' }, 'Now'), text, facts);
  parent.append(box);
  state.listeners.push(() => {
    const e = current();
    text.textContent = sentence(e);
    kind.textContent = kindWords[e.kind];
    kind.style.setProperty('--c', `var(--${kindColour[e.kind]})`);
    const check = verdict(e);
    facts.replaceChildren(kind, ...[e.kind === KIND.barrier ? null : laneWords(e), e.bytes ? bytesWords(e) : null]
      .filter(Boolean).map((words) => element('span', {}, words)), check ? element('span', { class: check[1] }, check[0]) : '');
  });
}
