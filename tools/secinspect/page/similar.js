// Beats that look alike to the network, and its most confident mistakes.

function beatPicture(list, colour) {
  return surface({
    height: 70, draw: (context, width, height) => {
      context.fillStyle = rgb(ink.sheet);
      context.fillRect(0, 0, width, height);
      const [low, high] = extent(list);
      context.strokeStyle = rgb(colour());
      context.lineWidth = 1.4;
      context.lineJoin = 'round';
      line(context, Array.from(list, (v, i) => [(i + 0.5) / list.length * width, height * (0.1 + 0.8 * (high - v) / Math.max(high - low, 1e-6))]));
      context.stroke();
    },
  });
}

function beatGallery(beats, words) {
  return element('div', { class: 'gallery' }, beats.map((beat) => {
    const one = beatPicture(values(beat.lead), () => ink.trace);
    one.canvas.setAttribute('role', 'img');
    one.canvas.removeAttribute('aria-hidden');
    one.canvas.setAttribute('aria-label', words(beat).join(', '));
    return element('figure', {}, one.canvas, element('figcaption', {}, words(beat).map((text, i) => i ? element('span', {}, text) : element('b', {}, text))));
  }));
}

function buildSimilar() {
  const { neighbours, mistakes } = data;
  if (neighbours?.length) {
    const own = data.neighbours_from === 'recording';
    const host = section('similar', own ? 'The nearest beats of this recording' : 'The nearest training beats',
      `The network turns each beat into a list of features. These beats of ${own ? 'the same recording' : 'the training records'} have the features nearest to those of this one.`, 'Neighbours');
    host.append(beatGallery(neighbours, (beat) => [beat.class + (beat.predicted && beat.predicted !== beat.class ? `, called ${beat.predicted}` : ''), `distance ${fixed(beat.distance, 2)}`, beat.label].filter(Boolean)),
      numbers(() => ({ head: ['class', 'called', 'distance'], rows: neighbours.map((beat) => [beat.class, beat.predicted ?? '\u2013', fixed(beat.distance, 3)]) })));
  }
  if (mistakes?.length) {
    const host = section('mistakes', 'The most confident mistakes', 'Beats of the validation records that the network calls wrongly with the highest probability.', 'Mistakes');
    host.append(beatGallery(mistakes, (beat) => [`${beat.class}, called ${beat.predicted}`, percent(beat.probability), beat.label].filter(Boolean)),
      numbers(() => ({ head: ['class', 'called', 'probability'], rows: mistakes.map((beat) => [beat.class, beat.predicted, percent(beat.probability, 1)]) })));
  }
}
