// What is selected: a node, a time, one position of a node; and the address that leads back here.

const state = { node: null, position: null, time: null };
const listeners = [];
const follow = (listener) => listeners.push(listener);

let told = null;  // the state that the listeners know, while they wait for the next frame

function select(change, keepAddress = false) {
  const before = { ...state };
  Object.assign(state, change);
  if (Object.keys(state).every((key) => state[key] === before[key])) return;
  if (!keepAddress) writeAddress();
  if (told) return;
  told = before;
  requestAnimationFrame(() => {
    const then = told;
    told = null;
    for (const listener of listeners) listener(state, then);
  });
}

let writing = 0;
function writeAddress() {  // at most a few times a second: browsers refuse more
  clearTimeout(writing);
  writing = setTimeout(() => {
    const parts = [];
    if (state.node !== null) parts.push('node=' + encodeURIComponent(nodes[state.node].name));
    if (state.time !== null) parts.push('t=' + state.time.toFixed(3));
    if (parts.length) history.replaceState(null, '', '#' + parts.join('&'));
  }, 200);
}

function readAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes('=')) return;
  const asked = new URLSearchParams(hash);
  const change = {};
  const name = asked.get('node');
  if (name !== null) {
    const found = nodes.find((node) => node.name === name || String(node.id) === name);
    if (found) Object.assign(change, { node: found.id, position: null });
  }
  const t = parseFloat(asked.get('t'));
  if (Number.isFinite(t)) change.time = t;
  select(change, true);
  if (change.node !== undefined) requestAnimationFrame(() => document.querySelector('.unit.chosen')?.scrollIntoView({ block: 'center' }));
}

const nodes = data.nodes ?? [];
const windowStart = data.record ? data.record.window[0] : 0;
const windowEnd = data.record ? data.record.window[1] : data.model.length / data.model.rate;

// The receptive field of position l of a node: times in s on the recording's clock, or null if the node sees everything.
// It may reach beyond the window, where the network reads zeros.
function fieldOf(node, l) {
  const { field } = node;
  if (!field) return null;
  const first = windowStart + (field.first_ms + l * field.stride_ms) / 1000;
  return [first, first + field.size_ms / 1000];
}

// The part of the receptive field inside the window.
function seen(node, l) {
  const [from, to] = fieldOf(node, l);
  return [clamp(from, windowStart, windowEnd), clamp(to, windowStart, windowEnd)];
}

function seenText(node, l) {
  const [from, to] = seen(node, l);
  return to - from > 0.999 * (windowEnd - windowStart) ? 'the whole window' : secondsText(to - from);
}

// The position of a node whose receptive field's centre is nearest to time t.
function positionAt(node, t) {
  const { field, shape } = node;
  if (!field) return 0;
  const centre = (t - windowStart) * 1000 - field.first_ms - field.size_ms / 2;
  return clamp(Math.round(centre / field.stride_ms), 0, shape[0] - 1);
}

// The selected position of a node: the one pointed at, else the one at the marked time, else at the beat.
const positionOf = (node) => state.position ?? positionAt(node, state.time ?? beatTime());

const beatTime = () => data.record?.beat ?? (windowStart + windowEnd) / 2;
