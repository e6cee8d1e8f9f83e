// The scores of finished runs: confusion, reliability, patients.

function buildScores() {
  const finished = data.runs.map((run, r) => [run, r]).filter(([run]) => run.metrics);
  if (!finished.length) return;
  const host = section('scores', 'Scores', 'Of the examples that were scored once, at the end.', 'Scores');
  for (const [run, r] of finished) {
    const { metrics } = run;
    if (several()) host.append(element('h3', {}, `${letter(r)} ${run.name}`));
    const parts = [...(metrics.evaluations ?? []).slice(0, 2).map(confusionPart), ...(metrics.multi_label ?? []).slice(0, 1).map(labelPart)];
    if (metrics.calibration) parts.push(...Object.entries(metrics.calibration).slice(0, 1).map(([name, one]) => reliabilityPart(name, one)));
    host.append(element('div', { class: 'halves' }, parts));
    if (!several() && run.task === 'beats' && metrics.by_patient && Object.keys(metrics.by_patient).length) host.append(element('h3', {}, 'By patient'), patientPart(metrics.by_patient));
  }
}

function confusionPart(one) {
  const { classes, rows_true_columns_predicted: rows } = one.confusion;
  const body = rows.map((row, truth) => {
    const all = sum(row);
    const range = one.f1_interval_95?.classes?.[classes[truth]];
    return element('tr', {}, element('th', { scope: 'row' }, classes[truth]), row.map((count, predicted) => element('td', { class: !count ? '' : truth === predicted ? 'hit' : count > 0.05 * all ? 'miss' : '' }, String(count))),
      element('td', {}, fixed(one.classes[classes[truth]].F1, 3)), element('td', {}, range && range[0] !== null ? `${fixed(range[0], 3)} to ${fixed(range[1], 3)}` : '\u2013'));
  });
  return element('div', {}, element('h3', {}, `${one.name}: macro F1 ${fixed(one.macro_f1, 4)}, accuracy ${fixed(one.accuracy, 4)}`),
    element('div', { class: 'wide' }, element('table', { class: 'matrix' }, element('thead', {}, element('tr', {}, ['true \\ read', ...classes, 'F1', '95 % interval'].map((text) => element('th', { scope: 'col' }, text)))), element('tbody', {}, body))));
}

function labelPart(one) {
  return element('div', {}, element('h3', {}, `${one.name}: macro AUC ${fixed(one.macro_auc, 4)}, macro F1 ${fixed(one.macro_f1, 4)}`),
    table(['class', 'recordings', 'stated', 'F1', 'AUC', '95 % interval'], Object.entries(one.classes).map(([name, c]) => [name, c.recordings, c.stated, fixed(c.F1, 3), fixed(c.AUC, 3),
      c.AUC_interval_95?.[0] !== null ? `${fixed(c.AUC_interval_95[0], 3)} to ${fixed(c.AUC_interval_95[1], 3)}` : '\u2013'])));
}

function reliabilityPart(name, one) {
  const points = (bins) => (bins ?? []).filter((bin) => bin.beats > 0).map((bin) => ({ x: bin.confidence, y: bin.accuracy }));
  const unit = { min: 0, max: 1 };
  return lineChart({ title: `Reliability, ${name}: calibration error ${fixed(one.ece, 4)}`, xName: 'probability of the decision', digits: 3, xRange: unit, yRange: unit, lines: () => [
    { name: 'share that was right', colour: 'above', points: points(one.bins) },
    ...(one.tempered ? [{ name: `at temperature ${fixed(one.temperature, 2)}`, colour: 'q', points: points(one.tempered.bins) }] : []),
    { name: 'well calibrated', colour: 'soft', dashed: true, points: [{ x: 0, y: 0 }, { x: 1, y: 1 }] }] }).figure;
}

function patientPart(patients) {
  const rows = Object.entries(patients).map(([name, one]) => [name, sum(one.confusion.rows_true_columns_predicted.flat()), one.accuracy, one.macro_f1]).sort((a, b) => a[2] - b[2]);
  return table(['patient', 'beats', 'accuracy', 'macro F1'], rows.map(([name, beats, accuracy, f1]) => [name, beats, fixed(accuracy, 4), fixed(f1, 4)]));
}
