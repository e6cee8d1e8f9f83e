// The bar that moves through time: buttons, slider, choice of a warp, and the kinds of all steps as a strip of colours.

const kindColour = { [KIND.global_load]: 'below', [KIND.global_store]: 'q', [KIND.shared_load]: 'light', [KIND.shared_store]: 's',
  [KIND.copy]: 'f', [KIND.copy_arrives]: 'f', [KIND.barrier]: 'ink', [KIND.collective]: 'n', [KIND.product]: 'accent' };
const kindWords = { [KIND.global_load]: 'load from global memory', [KIND.global_store]: 'store to global memory', [KIND.shared_load]: 'load from shared memory',
  [KIND.shared_store]: 'store to shared memory', [KIND.copy]: 'cp.async begins', [KIND.copy_arrives]: 'cp.async has arrived', [KIND.barrier]: 'barrier',
  [KIND.collective]: 'shuffle', [KIND.product]: 'product on tensor cores' };

function buildPlayer() {
  const nav = document.getElementById('player');
  const button = (label, text, run) => element('button', { type: 'button', 'aria-label': label, title: label, onclick: run }, text);
  let timer = 0;
  const play = button('Play (space)', 'Play', () => toggle());
  function toggle() {
    if (timer) { clearInterval(timer); timer = 0; play.textContent = 'Play'; return; }
    if (state.position === walk.length - 1) moveTo(0);
    play.textContent = 'Pause';
    timer = setInterval(() => { if (state.position >= walk.length - 1) toggle(); else moveTo(state.position + 1); }, 160);
  }
  const slider = element('input', { type: 'range', id: 'time', min: 0, 'aria-label': 'Step', oninput: () => moveTo(+slider.value) });
  const strip = element('canvas', { class: 'strip', 'aria-hidden': 'true' });
  const where = element('output', { for: 'time' });
  const select = element('select', { id: 'warp', onchange: () => show({ warp: +select.value, ...(+select.value >= 0 && { thread: +select.value * 32 + state.thread % 32 }) }) },
    element('option', { value: -1 }, 'all warps'), Array.from({ length: warps }, (_, w) => element('option', { value: w }, 'warp ' + w)));
  nav.append(
    element('div', { class: 'buttons' }, button('Back to the previous line (shift + left)', '\u00ab', () => nextLine(-1)), button('One step back (left)', '\u2039', () => moveTo(state.position - 1)),
      play, button('One step on (right)', '\u203a', () => moveTo(state.position + 1)), button('On to the next line (shift + right)', '\u00bb', () => nextLine(1)),
      button('On to the next barrier (b)', 'Barrier', () => nextBarrier(1))),
    element('div', { class: 'time' }, slider, strip), element('div', { class: 'where' }, where, element('label', { class: 'choice' }, select)));

  function drawStrip() {
    const width = strip.parentElement.clientWidth - 16;
    const context = prepare(strip, width, 8);
    const wide = width / walk.length;
    walk.forEach((index, i) => { context.fillStyle = palette[kindColour[events[index].kind]]; context.fillRect(i * wide, 0, Math.max(wide - (wide > 4 ? 1 : 0), 0.6), 8); });
  }
  state.listeners.push((changes) => {
    slider.max = walk.length - 1;
    slider.value = state.position;
    slider.setAttribute('aria-valuetext', `step ${state.position + 1} of ${walk.length}, ${kindWords[current().kind]}`);
    where.textContent = `Step ${state.position + 1} of ${walk.length}`;
    select.value = state.warp;
    if ('warp' in changes || 'redraw' in changes) drawStrip();
  });

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || ['SELECT', 'SUMMARY', 'TEXTAREA'].includes(event.target.tagName)) return;
    if (event.key === ' ' && event.target.tagName === 'BUTTON') return;
    const keys = { ArrowRight: () => (event.shiftKey ? nextLine(1) : moveTo(state.position + 1)), ArrowLeft: () => (event.shiftKey ? nextLine(-1) : moveTo(state.position - 1)),
      Home: () => moveTo(0), End: () => moveTo(walk.length - 1), b: () => nextBarrier(1), B: () => nextBarrier(-1), ' ': toggle,
      t: () => choose((state.thread + 1) % threads), T: () => choose((state.thread + threads - 1) % threads),
      w: () => choose((state.thread + 32) % threads), a: () => show({ warp: state.warp < 0 ? Math.floor(state.thread / 32) : -1 }) };
    const run = keys[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}

// Chooses a thread, and its warp if the page shows a single warp.
function choose(thread) {
  show({ thread, ...(state.warp >= 0 && { warp: Math.floor(thread / 32) }) });
}
