// Squeeze-and-excite gates as heat maps. Channels are sorted by what the gate opens for the chosen class against the others.

function gateDifference(gate, chosen) {  // usual gate for the class minus the mean usual gate of the others; null without reference
  const own = gate.usual?.[className(chosen)];
  const others = data.model.classes.filter((name, i) => i !== chosen && gate.usual?.[name]).map((name) => values(gate.usual[name]));
  if (!own || !others.length) return null;
  return Array.from(values(own), (value, c) => value - sum(others.map((list) => list[c])) / others.length);
}

function buildGates() {
  const { gates, result } = data;
  if (!gates?.length) return;
  let chosen = result?.chosen ?? 0;
  const known = gates.some((gate) => gateDifference(gate, chosen));
  const host = section('gates', 'The gates',
    'Each block ends with gates, one for each channel: 0 is closed, 1 is open. The upper line of a row shows the gates for this ' + (data.model.task === 'beats' ? 'beat' : 'recording') +
    (known ? '; the lower line shows how much further a gate usually opens for this class (red) or for the others (blue). Channels are sorted by that difference.' : ', sorted from open to closed.'), 'Gates');
  const grid = element('div', { class: 'gates' });
  const table = numbers(() => ({
    head: ['gate', 'channel', 'this beat', 'opens for ' + className(chosen)],
    rows: gates.flatMap((gate) => {
      const difference = gateDifference(gate, chosen);
      return gateOrder(gate, chosen).slice(0, 3).map((c) => [gate.name, c, percent(values(gate.values)[c]), difference ? signed(difference[c], 3) : '\u2013']);
    }),
  }), 'The three foremost channels of each gate as a table');
  const lay = () => {
    grid.replaceChildren();
    surfaces.filter((one) => one.ofGates).forEach(forget);
    const most = Math.max(...gates.map((gate) => furthest(gateDifference(gate, chosen) ?? [0])));
    const groups = new Map();
    for (const gate of gates) {
      const group = nodes[gate.node]?.group ?? 'gates';
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(gate);
    }
    for (const [group, list] of groups) {
      grid.append(element('div', { class: 'gate-group' }, element('h3', {}, laneTitle(group) || group[0].toUpperCase() + group.slice(1)),
        list.map((gate) => gateRow(gate, chosen, most))));
    }
    table.refresh();
    surfaces.filter((one) => one.ofGates).forEach(paint);
  };
  if (known) host.append(element('div', { class: 'tools' }, choice('sorted for class', data.model.classes.map((name, i) => [i, name]), chosen, (i) => {
    chosen = +i;
    lay();
  })));
  host.append(element('p', { class: 'legends' }, legend('closed', 'open', 'grey'), known ? legend('opens for the others', 'opens for this class') : ''), grid, table);
  lay();
}

function gateOrder(gate, chosen) {
  const key = gateDifference(gate, chosen) ?? values(gate.values);
  return Array.from(key, (_, c) => c).sort((a, b) => key[b] - key[a]);
}

function gateRow(gate, chosen, most) {
  const list = values(gate.values);
  const difference = gateDifference(gate, chosen);
  const order = gateOrder(gate, chosen);
  const C = list.length;
  const one = surface({
    height: difference ? 22 : 14, label: `Gates ${gate.name}, ${C} channels, mean ${percent(sum([...list]) / C)}`,
    draw: (context, width, height) => {
      const upper = difference ? 13 : height;
      order.forEach((c, i) => {
        context.fillStyle = rgb(sequentialColour(list[c]));
        context.fillRect(i / C * width, 0, width / C + 0.3, upper);
        if (!difference) return;
        context.fillStyle = rgb(signedColour(difference[c], most));
        context.fillRect(i / C * width, upper + 1, width / C + 0.3, height - upper - 1);
      });
    },
    hover: (x, y, width) => {
      const c = order[clamp(Math.floor(x / width * C), 0, C - 1)];
      select({ node: gate.node, position: null });
      return `${gate.name}, channel ${c}\nthis beat: open ${percent(list[c])}` + (difference ? `\nfor ${className(chosen)} against the others: ${signed(100 * difference[c], 1)} points` : '');
    },
  });
  one.ofGates = true;
  const name = rowTitle(blockOf(nodes[gate.node] ?? gate), nodes[gate.node]?.group);
  const which = /se(\d)$/.exec(gate.name)?.[1];
  return element('div', { class: 'gate' }, element('span', {}, name + (which ? ` (${which})` : '')), one.canvas);
}
