// Puts the page together.

const words = {
  direct: 'One thread computes one number of the output. It goes over all taps and input channels, and reads both factors of every product from global memory itself.',
  tiled: 'A block computes a tile of the output, one number per thread. Its threads copy a piece of each operand to shared memory, wait for each other at a barrier, multiply what is there, and wait again before the next piece overwrites it. A number that is loaded once serves many threads.',
  blocked: 'A thread computes 8 \u00d7 4 numbers of the output in its registers, so that a number read from shared memory serves several products. There are two buffers: while one is multiplied, the next piece is loaded for the other.',
  tensor: 'A warp multiplies small matrices on tensor cores. cp.async brings the operands to shared memory ahead of time, each lane loads its part of the matrices into registers, and mma multiplies them.',
};
const passes = { forward: 'forward: y from x and w', dgrad: 'gradient of the input: gx from gy and w', wgrad: 'gradient of the weights: gw from x and gy' };

function buildTop() {
  const s = data.shape, top = document.getElementById('top');
  const arithmetic = data.version === 'tensor' && data.type === 'f32' ? 'f32, multiplied in TF32' : data.type;
  top.append(element('p', { class: 'meta' }, ...['convolution', `version ${data.version}`, passes[data.pass], arithmetic, 'device simt'].map((text) => element('span', {}, text))),
    element('h1', {}, data.kernel), element('p', { class: 'plain' }, words[data.version] || ''),
    element('p', { class: 'meta facts' }, ...[plural(s.n, 'sample'), plural(s.l, 'time step'), plural(s.h, 'lead'), `${s.c_in} channels to ${s.c_out}`, plural(s.k, 'tap'), `stride ${s.stride}`, `padding ${s.pad}`,
      `${plural(data.shared_bytes, 'byte')} of shared memory`, data.result.equal ? 'result equals plain loops' : 'THE RESULT IS WRONG'].map((text) => element('span', {}, text))));
}

function start() {
  readPalette();
  resetMemory();
  findTouched();
  Object.assign(state, readAddress());
  makeWalk();
  findTouchedByThread();
  buildTop();
  buildPlayer();
  const main = document.getElementById('main');
  const steps = element('div', { id: 'steps' });
  const left = element('div', { class: 'column' }), right = element('div', { class: 'column' });
  steps.append(left, right);
  main.append(steps);
  state.listeners.push((changes) => { if ('thread' in changes) findTouchedByThread(); });
  buildNow(left);
  buildSource(left);
  buildGrid(left);
  buildTensors(right);
  buildShared(right);
  buildFragments(main);
  buildCounts(main);
  main.append(element('p', { class: 'note keys' }, 'Keys: \u2190 \u2192 one step, with shift to the next line; b next barrier; space plays; Home and End; t next thread, w next warp, a all warps. ' +
    'The address keeps the step, the thread and the warp.'),
    element('p', { class: 'note' }, 'The lanes of a warp are shown side by side, as a GPU runs them. The simt device runs them one after the other; warps appear in its order. ' +
      'The kernel was compiled without optimisation: nvcc may load a value fewer times.'));
  const redraw = () => { readPalette(); show({ redraw: true, warp: state.warp, thread: state.thread }); };
  redraw();
  addEventListener('resize', redraw);
  addEventListener('hashchange', () => show(readAddress()));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  addEventListener('beforeprint', redraw);
  document.documentElement.dataset.ready = 'yes';
}
start();
