// The page of one run, which asks its server for news while it is live.

function buildWatch() {
  document.getElementById('top').append(element('h1', {}, data.runs[0].title || 'A training'), element('p', { class: 'state', id: 'state', role: 'status' }), element('progress', { id: 'progress', max: 1, 'aria-label': 'epochs done' }));
  showState();
}

function showState(lost = false) {
  const [run] = data.runs;
  const done = run.epochs.length;
  const state = document.getElementById('state');
  const last = run.steps.at(-1)?.epoch;
  const words = run.metrics ? `Finished. The weights of epoch ${run.metrics.best_epoch} were scored.`
    : data.training ? `Training: ${done} of ${run.planned_epochs} epochs are done${last > done ? `, in epoch ${last}` : ''}.` : `Not running: ${done} of ${run.planned_epochs} epochs are done. sectrain --resume goes on.`;
  state.textContent = lost ? 'The server does not answer; this is what it said last. ' + words : words;
  state.className = 'state' + (lost ? ' lost' : '');
  state.dataset.epochs = done;
  state.dataset.state = lost ? 'lost' : run.metrics ? 'finished' : data.training ? 'training' : 'stopped';
  document.getElementById('progress').value = run.metrics ? 1 : done / run.planned_epochs;
}

function buildLayers() {
  if (!data.runs[0].states.length && !data.live) return;
  const host = section('layers', 'Inside the network', 'By layer, at the end of each epoch. A gradient that vanishes or explodes, gates that are all open or all closed, and channels whose batch norm lets nothing through a ReLU say that training goes wrong.', 'Layers');
  const states = () => data.runs[0].states;
  const largest = () => {
    const norms = states().at(-1)?.gradient_norms ?? {};
    return Object.keys(norms).sort((a, b) => norms[b] - norms[a]).slice(0, 6);
  };
  const figures = [
    lineChart({ title: 'Largest gradient norms by layer', xName: 'epoch', whole: true, logarithmic: true, lines: () => largest().map((name, i) => ({ name, colour: runColours[i], points: states().map((one) => ({ x: one.epoch, y: one.gradient_norms?.[name] })) })) }),
    lineChart({ title: 'Gates, share that is open', xName: 'epoch', whole: true, digits: 3, yRange: { min: 0, max: 1 }, lines: () => [['mean', 'mean', 'q'], ['lowest gate', 'lowest', 'below'], ['highest gate', 'highest', 'above']].map(([name, key, colour]) => ({ name, colour, points: states().map((one) => ({ x: one.epoch, y: one.gates?.[key] })) })) }),
    lineChart({ title: 'Channels that let nothing through', xName: 'epoch', whole: true, digits: 0, lines: () => [{ name: 'dead channels', colour: 'above', points: states().map((one) => ({ x: one.epoch, y: one.dead_channels && sum(Object.values(one.dead_channels)) })) }] }),
    lineChart({ title: 'Time that the training waits for batches', xName: 'epoch', whole: true, digits: 3, lines: () => [{ name: 'share of the time of steps', colour: 'below', points: states().map((one) => ({ x: one.epoch, y: one.loader_wait })) }] }),
  ];
  host.append(element('div', { class: 'charts' }, figures.map((one) => one.figure)), numbers(() => {
    const last = states().at(-1);
    return { head: ['layer', 'gradient norm', 'dead channels'], rows: Object.entries(last?.gradient_norms ?? {}).map(([name, norm]) => [name, norm.toPrecision(3), last.dead_channels?.[name] ?? '\u2013']) };
  }, 'All layers after the last epoch as a table'));
}

// Asks for news every two seconds. A body that is known already is not sent again.
function follow() {
  let tag = '';
  const ask = async () => {
    try {
      const answer = await fetch('data', { headers: tag ? { 'If-None-Match': tag } : {}, cache: 'no-store' });
      if (answer.status === 200) {
        tag = answer.headers.get('ETag') ?? '';
        take(await answer.json());
      } else if (answer.status !== 304) throw new Error(answer.statusText);
      else showState();
    } catch {
      showState(true);
    }
    setTimeout(ask, 2000);
  };
  setTimeout(ask, 500);
}

function take(fresh) {
  const scored = Boolean(data.runs[0].metrics);
  Object.assign(data, fresh);
  showState();
  if (!scored && data.runs[0].metrics) buildScores();
  updateCharts();
  for (const details of document.querySelectorAll('#layers > details.numbers')) details.refresh();
}
