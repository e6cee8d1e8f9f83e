// The head of the page: what the model says of this beat or recording, and why, in plain words.

const intervalWords = { rr: 'this RR', next: 'next RR', previous: 'previous RR', mean10: 'mean of 10', mean32: 'mean of 32', mean: 'mean so far' };

// A measure of input.rhythm in words: "rr/mean32" is "this RR / mean of 32".
function measureWords(name) {
  if (name === 'tscore32') return 'this RR among the last 32';
  const variation = /^(change|deviation)(\d+)$/.exec(name);
  if (variation) return `${variation[1] === 'change' ? 'change from RR to RR' : 'spread of RR'}, ${variation[2]} beats`;
  const known = /^(.*?)(\w+)\/(\w+)$/.exec(name);
  return known ? `${known[1]}${intervalWords[known[2]] ?? known[2]} / ${intervalWords[known[3]] ?? known[3]}` : name;
}

const isRhythmChannel = (name) => name === 'rhythm';

// The lead (index into the record's leads) that an input channel shows; -1 for rhythm channels.
function leadOfChannel(h) {
  const described = data.what_if?.beat?.channels?.[h];
  if (described) return described.kind === 'signal' || described.kind === 'difference' ? described.lead : -1;
  const name = data.input.channels[h];
  if (isRhythmChannel(name)) return -1;
  const numbered = /^lead(\d+)/.exec(name);
  if (numbered) return numbered[1] - 1;
  return data.record?.leads.findIndex((lead) => lead.name === name) ?? -1;
}

function channelWords(h) {
  const name = data.input.channels[h];
  if (name === 'rhythm') return 'rhythm measures';
  const lead = data.record?.leads[leadOfChannel(h)]?.name;
  if (/-difference$/.test(name)) return `${lead ?? name} minus the usual beat`;
  return lead ?? name;
}

// Shares of the attribution of a class by source: [[words, share]...], largest first.
function attributionShares(chosen) {
  const picture = (data.attribution ?? []).find((one) => one.class === chosen && one.method === 'integrated gradients');
  if (!picture || !data.input) return null;
  const [L, H] = picture.values.shape;
  const list = values(picture.values);
  const totals = new Map();
  const add = (name, value) => totals.set(name, (totals.get(name) ?? 0) + value);
  for (let h = 0; h < H; ++h) {
    const lead = leadOfChannel(h);
    const name = lead < 0 ? 'the rhythm' : /-difference$/.test(data.input.channels[h])
      ? `how ${data.record?.leads[lead]?.name ?? 'lead ' + (lead + 1)} differs from the usual beat` : `the shape in ${data.record?.leads[lead]?.name ?? 'lead ' + (lead + 1)}`;
    for (let l = 0; l < L; ++l) add(name, list[l * H + h]);
  }
  for (const value of picture.covariates ?? []) add('the rhythm', typeof value === 'number' ? value : value.value);
  const total = sum([...totals.values()].map((x) => Math.max(x, 0)));
  if (!(total > 0)) return null;
  return [...totals].map(([name, value]) => [name, Math.max(value, 0) / total]).sort((a, b) => b[1] - a[1]);
}

function plainWords() {
  const { chosen, probabilities, reference } = data.result;
  const name = className(chosen);
  const what = data.model.task === 'beats' ? 'this beat' : 'this recording';
  const sentences = [];
  sentences.push(`The network calls ${what} ${name}${classWord(name) === name ? '' : ', ' + classWord(name)}, with a probability of ${probabilities[chosen] > 0.995 ? chanceText(probabilities[chosen]) : percent(probabilities[chosen])}.`);
  const rhythm = data.what_if?.beat?.rhythm ?? data.rhythm;
  if (rhythm) {
    const change = rhythm.rr / rhythm.mean32 - 1;
    const pause = rhythm.next / rhythm.mean32 - 1;
    sentences.push(Math.abs(change) < 0.08
      ? `It comes on time: ${secondsText(rhythm.rr)} after the beat before, as the beats before it do.`
      : `It comes ${change < 0 ? 'early' : 'late'}: ${secondsText(rhythm.rr)} after the beat before, where ${secondsText(rhythm.mean32)} were usual (${signed(100 * change, 0)}${thin}%)` +
        (Math.abs(pause) < 0.08 ? '.' : `; the next beat follows after ${pause > 0 ? 'a longer pause' : 'a shorter time'}, ${secondsText(rhythm.next)}.`));
  }
  const shares = attributionShares(chosen)?.filter(([, share]) => share >= 0.05);
  if (shares?.length) {
    const parts = shares.map(([words, share]) => `${words} (${percent(share)})`);
    sentences.push(`What speaks for ${name}: ${parts.length > 1 ? parts.slice(0, -1).join(', ') + ' and ' + parts.at(-1) : parts[0]}.`);
  }
  if (reference) {
    sentences.push(reference === name ? `The recording's annotation agrees: ${reference}.` : `The recording's annotation says ${reference}.`);
  }
  return sentences.join(' ');
}

function probabilityRows(probabilities, before = null) {
  const winner = probabilities.indexOf(Math.max(...probabilities));
  const rows = data.model.classes.map((name, i) => i);
  if (rows.length > 8) rows.sort((a, b) => probabilities[b] - probabilities[a]).splice(8);
  return element('div', { class: 'probabilities' }, rows.map((i) => {
    const row = element('div', { class: 'probability' + (i === winner ? ' chosen' : '') },
      element('b', {}, className(i)), element('span', { class: 'word' }, classWord(className(i)) === className(i) ? '' : classWord(className(i))),
      element('span', { class: 'bar' }, element('i', { style: `--p:${probabilities[i]};--c:${rgbVariable(i)}` }),
        before ? element('u', { style: `--p:${before[i]}` }) : null),
      element('output', {}, chanceText(probabilities[i])));
    return row;
  }));
}

const rgbVariable = (i) => ({ N: 'var(--n)', S: 'var(--s)', V: 'var(--v)', F: 'var(--f)', Q: 'var(--q)' }[className(i)] ?? 'var(--ink)');

function buildVerdict() {
  const { model, record, result } = data;
  const top = document.getElementById('top');
  const facts = [model.name, `${countText(model.parameters)} parameters`, `${countText(model.macs)} multiply-adds`,
    `${model.length} samples at ${fixed(model.rate, 0)}${thin}Hz`];
  if (record) {
    const where = model.task === 'beats' && record.beat !== undefined ? `beat at ${clockText(record.beat)}` : `from ${clockText(record.window[0])}`;
    top.append(element('p', { class: 'meta' }, [record.title, where].filter(Boolean).map((text) => element('span', {}, text))));
  }
  if (result) {
    const name = className(result.chosen);
    top.append(element('div', { class: 'verdict' },
      element('div', {},
        element('h1', {}, model.task === 'beats' ? 'Why is this beat called ' : 'Why is this recording called ',
          element('em', { style: `--c:${rgbVariable(result.chosen)}` }, name), '?'),
        element('p', { class: 'plain' }, plainWords())),
      probabilityRows(result.probabilities)));
  } else {
    top.append(element('h1', {}, model.name));
  }
  top.append(element('p', { class: 'meta' }, facts.map((text) => element('span', {}, text))));
}
