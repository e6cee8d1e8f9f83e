// Turns the nodes into rows of a drawing: one row per block or per operation, in lanes; the scales' lanes stand side by side.

// The block of a node: its name up to the last part that is a number. The mean over time after the last block is a row itself.
// A layer used a second time has a "#" in its name and belongs to the block that reads it.
function blockOf(node) {
  if (node.block) return node.block;
  if (node.name.includes('#')) {
    const reader = nodes.find((other) => other.inputs.includes(node.id));
    if (reader) return blockOf(reader);
  }
  if (node.op === 'global_average_pool' && !/\.se\d*\.mean$/.test(node.name)) return node.name;
  const parts = node.name.split('.');
  for (let i = parts.length - 1; i >= 0; --i) if (/^\d+$/.test(parts[i])) return parts.slice(0, i + 1).join('.');
  if (node.group === 'head') return nodes.findLast((other) => other.group === 'head').name;
  return node.group === 'stem' ? nodes.find((other) => other.group === 'stem').name : parts[0];
}

const operationWords = {
  'input': 'input', 'covariates': 'covariates', 'conv': 'convolution', 'batch_norm': 'batch norm', 'relu': 'ReLU', 'sigmoid': 'sigmoid',
  'pre-activation': 'BN, ReLU, convolution', 'excite': 'gates', 'gate': 'channels times gates', 'add': 'sum', 'residual': 'gates and shortcut, sum',
  'global_average_pool': 'mean over time', 'max_pool': 'maximum', 'average_pool': 'mean', 'pool': 'mean over time', 'view': 'view', 'concat': 'features side by side',
  'split': 'part', 'linear': 'linear', 'lstm': 'LSTM', 'last_states': 'last states', 'cast': 'cast', 'batch norm': 'batch norm, ReLU', 'sum': 'sum',
};

const operationSentences = {
  'input': 'The numbers that the network receives, one row for each lead or rhythm strip.',
  'covariates': 'Inputs beside the signal, which go directly to the decision.',
  'conv': 'Slides small filters along time. The output is large where the input resembles the filter.',
  'batch_norm': 'Brings every channel to a common size.',
  'relu': 'Replaces negative values by zero.',
  'pre-activation': 'Brings every channel to a common size, replaces negative values by zero, then slides filters along time.',
  'excite': 'One factor between 0 and 1 for each channel, computed from the means of all channels. It turns channels up or down for this input.',
  'gate': 'Multiplies each channel by its gate.',
  'add': 'Adds the shortcut, which carries the input past the block.',
  'residual': 'Multiplies each channel by its gate and adds the shortcut, which carries the input past the block.',
  'global_average_pool': 'Averages each channel over time. From here on nothing tells when something happened.',
  'pool': 'Averages each channel over time. From here on nothing tells when something happened.',
  'max_pool': 'Keeps the largest of neighbouring values.',
  'average_pool': 'Averages neighbouring values.',
  'view': 'The same numbers, seen in another shape: the channels of all leads become channels of one.',
  'concat': 'Puts features side by side.',
  'linear': 'Weighs all features and adds them up to one score (logit) for each class.',
  'lstm': 'Reads the sequence step by step and carries a memory along.',
  'last_states': 'Keeps what the memory holds at the end.',
};

function rowTitle(block, group) {
  let match;
  if (block === 'input') return 'Input';
  if (block === 'conv1' && group === 'stem') return 'Stem';
  if ((match = /^block1\.(\d+)$/.exec(block))) return `Trunk ${+match[1] + 1}`;
  if ((match = /^block2_list\.\d+\.(\d+)$/.exec(block))) return `Lead by lead, ${+match[1] + 1}`;
  if ((match = /^block3_list\.\d+\.(\d+)$/.exec(block))) return `All leads, ${+match[1] + 1}`;
  if (/^pool(\.|$)/.test(block) || /\.mean$/.test(block)) return 'Mean over time';
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
    row.out = row.nodes.findLast((node) => node.op !== 'view') ?? row.nodes.at(-1);
    const part = row.out.name.slice(row.block.length + 1);
    row.title = everyOperation && part ? part : rowTitle(row.block, row.group);
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
