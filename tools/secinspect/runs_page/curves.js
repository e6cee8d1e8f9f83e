// Losses, scores, rate, gradients and speed of all runs, over epochs and steps.

const scoreWords = { macro_f1: 'macro F1', micro_f1: 'micro F1', macro_auc: 'macro AUC' };
const scoreKeys = { macro_f1: 'validation_macro_f1', micro_f1: 'validation_micro_f1', macro_auc: 'validation_macro_auc' };

const several = () => data.runs.length > 1;
const named = (run, words) => several() ? `${letter(run)} ${words}` : words;

// Lines of all runs. `parts`: [[words, key, dashed]...] of the lines of the log, `list` names the lines: "epochs" or "steps".
function runLines(list, xOf, parts) {
  return data.runs.flatMap((run, r) => parts.map(([words, key, dashed], i) => ({
    name: named(r, words), colour: several() ? runColour(r) : runColours[i % runColours.length], dashed: several() && dashed,
    points: run[list].map((one) => ({ x: xOf(one, run), y: one[key] })),
  })));
}

// The time at the end of each epoch, in minutes since the run began, without pauses.
function minutesOf(run) {
  let sum = 0;
  return run.epochs.map((epoch) => {
    sum += epoch.seconds ?? 0;
    return sum / 60;
  });
}

function buildCurves() {
  const host = section('curves', 'Curves', several() ? 'All runs over one another. Dashed lines are of the validation records.' : 'What the log of the run has so far.', 'Curves');
  const epoch = (one) => one.epoch;
  const step = (one) => one.step;
  const chosen = data.runs[0].choose_by;
  const figures = [
    lineChart({ title: 'Loss by epoch', xName: 'epoch', whole: true, lines: () => runLines('epochs', epoch, [['training loss', 'train_loss'], ['validation loss', 'validation_loss', true]]) }),
    lineChart({ title: `Validation ${scoreWords[chosen]} by epoch`, xName: 'epoch', whole: true, lines: () => runLines('epochs', epoch, [[scoreWords[chosen], scoreKeys[chosen]], ['accuracy', 'validation_accuracy', true]]) }),
    lineChart({ title: `Validation ${scoreWords[chosen]} by time`, xName: 'minutes', lines: () => data.runs.map((run, r) => {
      const minutes = minutesOf(run);
      return { name: named(r, scoreWords[chosen]), colour: runColour(r), points: run.epochs.map((one, i) => ({ x: minutes[i], y: one[scoreKeys[chosen]] })) };
    }) }),
    lineChart({ title: 'Loss by step', xName: 'step', whole: true, lines: () => runLines('steps', step, [['training loss of a batch', 'loss']]) }),
    lineChart({ title: 'Learning rate', xName: 'step', whole: true, digits: 7, lines: () => runLines('steps', step, [['rate', 'learning_rate']]) }),
    lineChart({ title: 'Norm of the gradient', xName: 'step', whole: true, lines: () => runLines('steps', step, [['norm', 'gradient_norm']]) }),
    lineChart({ title: 'Samples per second', xName: 'epoch', whole: true, digits: 0, lines: () => runLines('epochs', epoch, [['samples per second', 'samples_per_second']]) }),
  ];
  if (!several() && data.runs[0].classes.length) {
    figures.push(lineChart({ title: 'Validation F1 by class', xName: 'epoch', whole: true, lines: () => data.runs[0].classes.slice(0, 6).map((name, i) => ({
      name, colour: runColours[i], points: data.runs[0].epochs.map((one) => ({ x: one.epoch, y: one.validation_f1?.[name] })) })) }));
  }
  host.append(element('div', { class: 'charts' }, figures.map((one) => one.figure)));
}
