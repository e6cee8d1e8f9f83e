// The step, the warp and the thread that the page shows. They are kept in the address: #step=12&thread=37&warp=all.

const state = { step: 0, thread: data.thread, warp: Math.floor(data.thread / 32), listeners: [] };

// The steps that one walks through: those of the chosen warp and the barriers, or all (warp -1).
let walk = [];
function makeWalk() {
  walk = events.filter((e) => state.warp < 0 || e.warp === state.warp || e.kind === KIND.barrier).map((e) => e.index);
}
// The position in the walk of a step, or of the last one before it.
function positionOf(step) {
  let low = 0, high = walk.length - 1;
  while (low < high) { const middle = (low + high + 1) >> 1; if (walk[middle] <= step) low = middle; else high = middle - 1; }
  return low;
}

function show(changes) {
  Object.assign(state, changes);
  if ('warp' in changes) makeWalk();
  state.position = positionOf(state.step);
  state.step = walk[state.position];
  replayTo(state.step);
  const warp = state.warp < 0 ? 'all' : state.warp;
  history.replaceState(null, '', `#step=${state.step}&thread=${state.thread}&warp=${warp}`);
  for (const listener of state.listeners) listener(changes);
}

function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const whole = (name, least, most, otherwise) => {
    const text = wanted.get(name);
    return text !== null && /^\d+$/.test(text) && +text >= least && +text < most ? +text : otherwise;
  };
  const thread = whole('thread', 0, threads, state.thread);
  const warp = wanted.get('warp') === 'all' ? -1 : whole('warp', 0, warps, Math.floor(thread / 32));
  return { thread, warp, step: whole('step', 0, events.length, state.step) };
}

const moveTo = (position) => show({ step: walk[Math.max(0, Math.min(walk.length - 1, position))] });
const current = () => events[state.step];

// The next step in a direction that `wanted` accepts; the last one if there is none.
function seek(direction, wanted) {
  let position = state.position;
  do position += direction; while (position > 0 && position < walk.length - 1 && !wanted(events[walk[position]]));
  moveTo(position);
}
const lineOf = (e) => places[e.place].main.line;
const nextLine = (direction) => { const line = lineOf(current()); seek(direction, (e) => lineOf(e) !== line); };
const nextBarrier = (direction) => seek(direction, (e) => e.kind === KIND.barrier);
