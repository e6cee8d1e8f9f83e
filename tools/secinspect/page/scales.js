// What each scale, the covariates and the bias add to the score of each class.

function buildScales() {
  const { scales, result } = data;
  if (!scales?.length || !result) return;
  const host = section('scales', 'What each scale adds',
    'The decision is a sum. Every scale adds to the score (logit) of every class or takes from it; the class with the largest sum wins.', 'Scales');
  const words = (name) => /^\d+$/.test(name) ? `${name} taps` : name;
  const most = Math.max(furthest(scales.flatMap((one) => one.logit)), furthest(result.logits));
  const offsets = data.model.logit_offsets;
  const head = element('tr', {}, element('td', {}), data.model.classes.map((name, i) => element('th', { scope: 'col', class: i === result.chosen ? 'chosen' : '' }, name)));
  const row = (name, list, kind = '') => element('tr', { class: kind }, element('th', { scope: 'row' }, name), list.map((value) => element('td', {}, signedBar(value, most))));
  host.append(element('div', { class: 'wide' }, element('table', { class: 'sums' }, element('thead', {}, head), element('tbody', {},
    scales.map((one) => row(words(one.name), one.logit)), row('logit', result.logits, 'total'),
    offsets?.some((x) => x !== 0) ? row('offset for the decision', offsets) : null,
    element('tr', { class: 'total' }, element('th', { scope: 'row' }, 'probability'), result.probabilities.map((p) => element('td', {}, chanceText(p))))))));
}
