// Makes the network's input of a beat, as present() in train/data/beat_dataset.cpp and train/data/rhythm_inputs.cpp do.

function logRatio(a, b, limit) {
  return clamp(Math.log(a / b), -limit, limit);
}
const logVariation = (v) => clamp(Math.log(v + 0.01) + 3, -2, 2);

// How much an interval is shorter than a reference, in units of the usual relative change.
const shortfall = (interval, reference, change) => clamp((1 - interval / reference) / (change + 0.03), -6, 6) / 3;
const missing = (interval, reference) => clamp(1 - interval / reference, -0.5, 0.7);

function rhythmStrip(b, kind) {
  if (kind === 'tachogram') return [...b.last, b.next].map((interval) => logRatio(interval, b.usual, 0.7));
  return [shortfall(b.rr, b.median8, b.change32) / 2, shortfall(b.rr, b.usual, b.change128) / 2,
    shortfall(b.previous, b.usual, b.change128) / 2, shortfall(b.next, b.usual, b.change128) / 2,
    logRatio(b.rr, b.median8, 0.7), logRatio(b.rr, b.usual, 0.7), logRatio(b.previous, b.usual, 0.7), logRatio(b.next, b.usual, 0.7),
    logRatio(b.next, b.median8, 0.7), logVariation(b.change32) / 3, logVariation(b.change128) / 3, logVariation(b.deviation256) / 3];
}

const covariateGroups = {
  ratios: (b) => [b.median8, b.usual].flatMap((reference) => [b.rr, b.next, b.previous, b.second_previous].map((interval) => logRatio(interval, reference, 1))),
  irregularity: (b) => [b.change16, b.deviation32, b.change32, b.change128, b.deviation256].map(logVariation),
  prematurity: (b) => [shortfall(b.rr, b.median8, b.change32), shortfall(b.rr, b.usual, b.change128),
    shortfall(b.next, b.median8, b.change32), shortfall(b.previous, b.usual, b.change128)],
  regular: (b) => {
    const regularity = (change) => 1 / (1 + (change / 0.06) ** 2);
    const recent = clamp(missing(b.rr, b.median8) - 0.08, 0, 0.4) * 5;
    const usual = clamp(missing(b.rr, b.usual) - 0.1, 0, 0.4) * 5;
    const pause = clamp(b.next / b.rr - 1, 0, 1);
    const by128 = regularity(b.change128);
    const by32 = regularity(b.change32);
    return [recent * by128, usual * by128, recent * by32, usual * by32, recent * pause * by128];
  },
  hinges: (b) => {
    const recent = shortfall(b.rr, b.median8, b.change32);
    const usual = shortfall(b.rr, b.usual, b.change128);
    const previous = shortfall(b.previous, b.usual, b.change128);
    return [...[recent, usual, previous].map((v) => clamp(v, 0, 1)), ...[recent, usual].map((v) => clamp(v - 0.5, 0, 1)),
      ...[missing(b.rr, b.median8), missing(b.rr, b.usual)].flatMap((v) => [0, 0.1, 0.2, 0.3].map((threshold) => Math.max(v - threshold, 0)))];
  },
  intervals: (b) => [logRatio(b.rr, b.usual, 1), logRatio(b.next, b.usual, 1)],
};

const leastAmplitude = 0.1;  // mV

// beat: what_if.beat of the data, perhaps with changed windows (leads x L, mV) and rhythm. lost: leads whose rows are zero.
function inputRows(beat, windows, rhythm, lost = []) {
  const H = beat.channels.length;
  const L = windows.length / beat.lead_names.length;
  const x = new Float32Array(L * H);
  const templates = values(beat.templates);
  beat.channels.forEach(({ kind, lead }, h) => {
    if (kind === 'measures' || kind === 'tachogram') {
      const segments = rhythmStrip(rhythm, kind);
      for (let l = 0; l < L; ++l) x[l * H + h] = segments[Math.floor(l * segments.length / L)];
      return;
    }
    if (lost.includes(lead)) return;
    const unit = beat.normalise ? Math.max(beat.amplitudes[lead], leastAmplitude) : 1;
    for (let l = 0; l < L; ++l) {
      let value = windows[lead * L + l];
      if (kind === 'difference') value -= templates[lead * L + l];
      value /= unit;
      x[l * H + h] = beat.clip > 0 ? clamp(value, -beat.clip, beat.clip) : value;
    }
  });
  return x;
}

const covariatesOf = (beat, rhythm) => (beat.covariates ?? []).flatMap((group) => covariateGroups[group](rhythm));
