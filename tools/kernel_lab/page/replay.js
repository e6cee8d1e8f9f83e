// What shared memory holds at a step, and which elements the block and a thread touch at all.

// Codes of the words of each shared array, and whether a copy to them is on its way.
const memory = { step: -1, words: {}, flying: {} };
function resetMemory() {
  memory.step = -1;
  for (const array of arrays) if (array.shared) {
    memory.words[array.id] = new Float64Array(Math.ceil(array.bytes / 4)).fill(UNWRITTEN);
    memory.flying[array.id] = new Uint8Array(Math.ceil(array.bytes / 4));
  }
}
function replayTo(step) {
  if (step < memory.step) resetMemory();
  while (memory.step < step) {
    const e = events[++memory.step];
    if (e.kind !== KIND.shared_store && e.kind !== KIND.copy && e.kind !== KIND.copy_arrives) continue;
    const words = memory.words[e.array], flying = memory.flying[e.array];
    if (!words) continue;
    e.at.forEach((offset, i) => {
      for (let w = 0; w < Math.ceil(e.bytes / 4); w++) {
        const word = Math.floor(offset / 4) + w;
        flying[word] = e.kind === KIND.copy ? 1 : 0;
        if (e.kind !== KIND.copy_arrives) words[word] = e.content.length ? e.content[i][w] ?? COMPUTED : COMPUTED;
      }
    });
  }
}

// Calls visit(array, element, lane, isStore) for the elements of global memory that a step touches.
function visitGlobal(e, visit) {
  const id = e.kind === KIND.copy ? e.fromArray : e.array;
  if (id < 0 || arrays[id].shared || e.kind === KIND.copy_arrives) return;
  const array = arrays[id], places_ = e.kind === KIND.copy ? e.from : e.at;
  const count = Math.max(1, Math.floor(e.bytes / array.element));
  places_.forEach((offset, i) => {
    if (offset < 0) return;
    for (let n = 0; n < count; n++) {
      const index = Math.floor(offset / array.element) + n;
      if (index >= 0 && index < array.count) visit(array, index, e.lanes[i], e.kind === KIND.global_store);
    }
  });
}

// Per array of global memory: the first step that touches an element (-1: none), and whether the chosen thread does.
const touched = {};
function findTouched() {
  for (const array of arrays) if (!array.shared) touched[array.id] = { first: new Int32Array(array.count).fill(-1), thread: new Uint8Array(array.count) };
  for (const e of events) visitGlobal(e, (array, index) => { const first = touched[array.id].first; if (first[index] < 0) first[index] = e.index; });
}
function findTouchedByThread() {
  for (const id in touched) touched[id].thread.fill(0);
  const warp = Math.floor(state.thread / 32), lane = state.thread % 32;
  for (const e of events) if (e.warp === warp) visitGlobal(e, (array, index, of) => { if (of === lane) touched[array.id].thread[index] = 1; });
}

// The elements that a step handles in shared memory or in registers: codes, with repetitions.
function handled(e) {
  if (e.kind === KIND.product) return fragments[e.a].concat(fragments[e.b]);
  if (!touchesShared(e) || e.kind === KIND.copy) return [];
  const words = memory.words[e.array], codes = [];
  for (const offset of e.at) for (let w = 0; w < Math.max(1, e.bytes / 4); w++) codes.push(words[Math.floor(offset / 4) + w]);
  return codes;
}

// Banks of a request to shared memory, group by group: memory serves as many lanes at a time as ask for 128 bytes.
// Returns for each word that is touched: {word, lanes, rivals}. rivals: different words of its bank in the same group.
function bankUse(e) {
  const together = Math.min(32, Math.floor(128 / Math.max(4, e.bytes)));
  const found = new Map();
  for (let first = 0; first < 32; first += together) {
    const banks = Array.from({ length: 32 }, () => new Set());
    const mine = [];
    e.at.forEach((offset, i) => {
      const lane = e.lanes[i];
      if (lane < first || lane >= first + together) return;
      for (let word = Math.floor(offset / 4); word * 4 < offset + e.bytes; word++) { banks[word % 32].add(word); mine.push([word, lane]); }
    });
    for (const [word, lane] of mine) {
      const entry = found.get(word) || { word, lanes: [], rivals: 1 };
      entry.lanes.push(lane);
      entry.rivals = Math.max(entry.rivals, banks[word % 32].size);
      found.set(word, entry);
    }
  }
  return found;
}
const touchesShared = (e) => e.array >= 0 && arrays[e.array].shared;
