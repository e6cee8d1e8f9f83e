// Whether scores differ by more than chance, and what differs between the recipes.

function buildRuns() {
  const top = document.getElementById('top');
  top.append(element('h1', {}, 'Trainings compared'), element('ul', { class: 'runs' }, data.runs.map((run, r) => element('li', {},
    element('span', { class: 'key', style: `--c:var(--${runColour(r)})` }, element('i', {}), letter(r)), element('b', {}, run.name),
    element('span', {}, [run.title, `epoch ${run.metrics?.best_epoch} of ${run.planned_epochs}`, run.metrics?.device].filter(Boolean).join(', '))))));
}

const letters = (runs) => runs.map(letter).join(', ');
const unknownInterval = (score) => score.interval_95[0] === null;
const verdictWords = (score) => unknownInterval(score) ? 'unknown' : score.within_chance ? 'within chance' : 'beyond chance';

function buildComparison() {
  const { comparison } = data;
  const host = section('difference', 'Is there a difference?',
    `Scores on ${comparison.examples} ${comparison.split} ${comparison.unit} of ${comparison.patients} patients, which all runs predicted. Patients are drawn anew ${comparison.resamples} times, and every run is scored on each draw. ` +
    'The bar holds 95 % of the differences; where it does not reach zero, the difference is more than chance. Runs that differ only in their seed are one recipe, whose runs are drawn, too; of a recipe with a single run, the other seeds are not known.', 'Difference');
  if (comparison.left_out) host.append(element('p', { class: 'note' }, `${comparison.left_out} others are not in all runs, or are of classes that a run lacks.`));
  for (const pair of comparison.pairs) {
    const [a, b] = [letters(pair.first), letters(pair.second)];
    const [head] = pair.scores;
    host.append(element('ul', { class: 'verdicts', 'data-second': b, 'data-verdict': verdictWords(head) }, element('li', {}, pair.same_recipe ? 'These are runs of one recipe with other seeds. ' : '', `The macro F1 of ${b} differs from that of ${a} by ${signed(head.difference, 4)}: `,
      element('em', { class: head.within_chance ? '' : 'beyond' }, verdictWords(head)), '.')));
    const known = pair.scores.filter((score) => !unknownInterval(score) && score.difference !== null);
    const most = Math.max(1e-6, ...known.flatMap((score) => [...score.interval_95.map(Math.abs), Math.abs(score.difference)]));
    const place = (value) => `${(50 + 48 * value / most).toFixed(2)}%`;
    host.append(element('div', { class: 'forest' }, known.flatMap((score) => [element('span', {}, score.score),
      element('span', { class: 'strip' + (score.within_chance ? ' chance' : ''), style: `--zero:50%;--low:${place(score.interval_95[0])};--high:${place(score.interval_95[1])};--at:${place(score.difference)}` }, element('i', {}), element('b', {})),
      element('span', { class: 'number' + (score.within_chance ? '' : ' beyond') }, signed(score.difference, 4))])),
    element('div', { class: 'wide', style: 'margin-top:14px' }, table(['score', a, b, 'difference', '95 % interval', 'p', ''], pair.scores.map((score) =>
      [score.score, fixed(score.first, 4), fixed(score.second, 4), score.difference === null ? '\u2013' : signed(score.difference, 4),
        unknownInterval(score) ? 'unknown' : `${signed(score.interval_95[0], 4)} to ${signed(score.interval_95[1], 4)}`, fixed(score.p, 3), verdictWords(score)])).firstChild));
  }
}

function buildRecipe() {
  const host = section('recipe', 'Recipes', data.recipe.length ? 'The keys in which they differ.' : 'The recipes are the same.', 'Recipes');
  if (!data.recipe.length) return;
  const list = table(['key', ...data.runs.map((_, r) => letter(r))], data.recipe.map((one) => [one.key, ...one.values]));
  list.classList.add('recipe');
  host.append(list);
}
