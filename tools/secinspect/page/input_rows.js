// Makes the network's input of a beat, as present() in train/data/beat_dataset.cpp and train/data/rhythm_inputs.cpp do.

// A measure of input.rhythm: "A/B", or the t-score of the interval among the last 32.
function measureOf(b, name) {
  if (name === 'tscore32') return clamp((b.rr - b.mean32) / (b.spread32 + 0.02 * b.mean32), -4, 4) / 4;
  const [interval, reference] = name.split('/');
  return clamp(Math.log(b[interval] / b[reference]), -1, 1);
}

const irregularities = ['change16', 'deviation32', 'change32', 'change128', 'deviation256'];

const covariateGroups = {
  irregularity: (b) => irregularities.map((name) => clamp(Math.log(b[name] + 0.01) + 3, -2, 2)),
  rhythm: (b, measures) => measures.map((name) => measureOf(b, name)),
  intervals: (b) => ['rr/mean', 'next/mean'].map((name) => measureOf(b, name)),
};

const leastAmplitude = 0.1;  // mV

// beat: what_if.beat of the data, perhaps with changed windows (leads x L, mV) and rhythm. lost: leads whose rows are zero.
function inputRows(beat, windows, rhythm, lost = []) {
  const H = beat.channels.length;
  const L = windows.length / beat.lead_names.length;
  const x = new Float32Array(L * H);
  const templates = values(beat.templates);
  beat.channels.forEach(({ kind, lead }, h) => {
    if (kind === 'rhythm') {
      const segments = beat.measures.map((name) => measureOf(rhythm, name));
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

const covariatesOf = (beat, rhythm) => (beat.covariates ?? []).flatMap((group) => covariateGroups[group](rhythm, beat.measures));
