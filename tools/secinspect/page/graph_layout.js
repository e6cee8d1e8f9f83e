// Turns the nodes into rows of a drawing: one row per block or per operation, in lanes; the scales' lanes stand side by side.

// The block of a node: its name up to the last part that is a number.
function blockOf(node) {
  if (node.block) return node.block;
  const parts = node.name.split('.');
  for (let i = parts.length - 1; i >= 0; --i) if (/^\d+$/.test(parts[i])) return parts.slice(0, i + 1).join('.');
  return node.name;
}

const operationWords = {
  'input': 'input', 'conv': 'convolution', 'batch norm': 'batch norm, ReLU', 'relu': 'ReLU', 'pre-activation': 'BN, ReLU, convolution',
  'gate': 'squeeze-and-excite gates', 'sum': 'sum', 'residual': 'gates and shortcut, sum', 'pool': 'mean over time', 'view': 'view',
  'concat': 'features side by side', 'linear': 'linear', 'covariates': 'covariates', 'lstm': 'LSTM', 'other': '',
};

const operationSentences = {
  'input': 'The numbers that the network receives, one row per lead or rhythm strip.',
  'conv': 'Slides small filters along time. The output is large where the signal resembles the filter.',
  'batch norm': 'Brings every channel to a common size, then replaces negative values by zero (ReLU).',
  'relu': 'Replaces negative values by zero.',
  'pre-activation': 'Brings every channel to a common size, replaces negative values by zero, then slides filters along time.',
  'gate': 'One factor between 0 and 1 for each channel, computed from the means of all channels. It turns channels up or down for this input.',
  'sum': 'Adds two paths.',
  'residual': 'Multiplies each channel by its gate and adds the shortcut, which carries the input past the block.',
  'pool': 'Averages each channel over time. From here on nothing tells when something happened.',
  'view': 'The same numbers, seen in another shape.',
  'concat': 'Puts the features of all scales side by side.',
  'linear': 'Weighs all features and adds them up to one score (logit) for each class.',
  'covariates': 'Inputs beside the signal, which go directly to the decision.',
  'lstm': 'Reads the sequence step by step and carries a memory along.',
  'other': '',
};

function rowTitle(block, group) {
  let match;
  if (block === 'input') return 'Input';
  if (block === 'conv1' && group === 'stem') return 'Stem';
  if ((match = /^block1\.(\d+)$/.exec(block))) return `Trunk ${+match[1] + 1}`;
  if ((match = /^block2_list\.\d+\.(\d+)$/.exec(block))) return `Lead by lead, ${+match[1] + 1}`;
  if ((match = /^block3_list\.\d+\.(\d+)$/.exec(block))) return `All leads, ${+match[1] + 1}`;
  if (/^pool(\.|$)/.test(block) || /average_pool/.test(block)) return 'Mean over time';
  if (group === 'head' || block === 'fc') return 'Decision';
  return block;
}

// Rows of the drawing. Each has its nodes, the node whose activation it shows, and the rows that feed it.
function rowsOf(everyOperation) {
  const rows = [];
  const rowOfNode = new Map();
  const byBlock = new Map();
  for (const node of nodes) {
    const key = everyOperation ? node.id : node.group + '/' + blockOf(node);
    let row = byBlock.get(key);
    if (!row) {
      row = { key, group: node.group, block: blockOf(node), nodes: [], feeds: new Set() };
      byBlock.set(key, row);
      rows.push(row);
    }
    row.nodes.push(node);
    rowOfNode.set(node.id, row);
  }
  for (const row of rows) {
    row.out = row.nodes.at(-1);
    row.title = everyOperation ? row.out.name.split('.').slice(-1)[0] : rowTitle(row.block, row.group);
    row.everyOperation = everyOperation;
    for (const node of row.nodes) {
      for (const input of node.inputs) {
        const from = rowOfNode.get(input);
        if (from && from !== row) row.feeds.add(from);
      }
    }
  }
  return { rows, rowOfNode };
}

// Lanes in order of first use. Neighbouring lanes whose name starts with "scale" share one line of the drawing.
function lanesOf(rows) {
  const lanes = [];
  for (const row of rows) {
    let lane = lanes.find((one) => one.group === row.group);
    if (!lane) {
      lane = { group: row.group, rows: [], parallel: /^scale/.test(row.group) };
      lanes.push(lane);
    }
    lane.rows.push(row);
  }
  const lines = [];
  for (const lane of lanes) {
    const last = lines.at(-1);
    if (lane.parallel && last?.parallel) last.lanes.push(lane);
    else lines.push({ parallel: lane.parallel, lanes: [lane] });
  }
  return lines;
}
