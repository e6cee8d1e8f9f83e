// The forward pass of SE-ECGNet in evaluation, as model/se_ecgnet.cpp computes it. Activations are (L, H, C).
// Weights are f16, activations f32, and sums are f64.

const branchTaps = [3, 5, 7];

class ForwardPass {
  constructor(network, weights) {
    this.network = network;
    this.weights = weights;
    this.cache = new Map();
  }

  weight(name) {
    if (!this.cache.has(name)) {
      const array = this.weights[name];
      if (!array) throw new Error(`The page's data lack the weights ${name}.`);
      this.cache.set(name, { shape: array.shape, list: values(array) });
    }
    return this.cache.get(name);
  }

  list(name) {
    return this.weight(name).list;
  }

  // Weights are (K, Ci, Co).
  conv(x, name, stride, pad) {
    const { shape: [K, Ci, Co], list: w } = this.weight(name + '.weight');
    const bias = this.weights[name + '.bias'] ? this.list(name + '.bias') : null;
    const { L, H } = x;
    const Lo = Math.floor((L + 2 * pad - K) / stride) + 1;
    const y = new Float32Array(Lo * H * Co);
    const sums = new Float64Array(Co);
    for (let l = 0; l < Lo; ++l) {
      for (let h = 0; h < H; ++h) {
        if (bias) sums.set(bias);
        else sums.fill(0);
        for (let k = 0; k < K; ++k) {
          const t = l * stride + k - pad;
          if (t < 0 || t >= L) continue;
          const from = (t * H + h) * Ci;
          for (let i = 0; i < Ci; ++i) {
            const value = x.list[from + i];
            if (value === 0) continue;
            const row = (k * Ci + i) * Co;
            for (let o = 0; o < Co; ++o) sums[o] += value * w[row + o];
          }
        }
        y.set(sums, (l * H + h) * Co);
      }
    }
    return { L: Lo, H, C: Co, list: y };
  }

  batchNormRelu(x, name) {
    const { C } = x;
    const gamma = this.list(name + '.weight');
    const beta = this.list(name + '.bias');
    const mean = this.list(name + '.running_mean');
    const variance = this.list(name + '.running_var');
    const factor = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + 1e-5));
    const list = new Float32Array(x.list.length);
    for (let i = 0; i < list.length; ++i) {
      const c = i % C;
      list[i] = Math.max(0, (x.list[i] - mean[c]) * factor[c] + beta[c]);
    }
    return { ...x, list };
  }

  preActivation(x, bn, conv, stride, pad) {
    return this.conv(this.batchNormRelu(x, bn), conv, stride, pad);
  }

  means(x) {  // (C)
    const result = new Float64Array(x.C);
    for (let i = 0; i < x.list.length; ++i) result[i % x.C] += x.list[i];
    return result.map((value) => value / (x.L * x.H));
  }

  linear(x, name) {  // weights are (in, out)
    const { shape: [inputs, outputs], list: w } = this.weight(name + '.weight');
    const y = Float64Array.from(this.list(name + '.bias'));
    for (let i = 0; i < inputs; ++i) for (let o = 0; o < outputs; ++o) y[o] += x[i] * w[i * outputs + o];
    return y;
  }

  gates(x, name) {
    const hidden = this.linear(this.means(x), name + '.fc1').map((value) => Math.max(0, value));
    return this.linear(hidden, name + '.fc2').map((value) => 1 / (1 + Math.exp(-value)));
  }

  // x * gates + shortcut, then ReLU if `active`.
  residual(x, gates, shortcut, active) {
    const list = new Float32Array(x.list.length);
    for (let i = 0; i < list.length; ++i) {
      const value = x.list[i] * gates[i % x.C] + shortcut.list[i];
      list[i] = active ? Math.max(0, value) : value;
    }
    return { ...x, list };
  }

  downsample(x, block, first) {
    const owner = this.network.tied ? first : block;
    return this.preActivation(x, owner + '.downsample.bn', owner + '.downsample.conv', 2, 0);
  }

  block2d(x, block, taps, stride, convs, first) {
    let y = x;
    for (let i = 1; i <= convs; ++i) y = this.preActivation(y, `${block}.bn${i}`, `${block}.conv${i}`, i === 1 ? stride : 1, (taps - 1) / 2);
    return this.residual(y, this.gates(y, block + '.se'), stride > 1 ? this.downsample(x, block, first) : x, true);
  }

  block1d(x, block, taps, first) {
    const pad = (taps - 1) / 2;
    let y = this.preActivation(x, block + '.bn1', block + '.conv1', 2, pad);
    y = this.residual(y, this.gates(y, block + '.se1'), this.downsample(x, block, first), false);
    let z = y;
    for (let i = 2; i <= 4; ++i) z = this.preActivation(z, `${block}.bn${i}`, `${block}.conv${i}`, 1, pad);
    return this.residual(z, this.gates(z, block + '.se2'), y, true);
  }

  // The logits for an input (L, H) and covariates (K).
  run(input, covariates = []) {
    const { length: L, leads: H } = this.network;
    let x = { L, H, C: 1, list: input };
    x = this.batchNormRelu(this.conv(x, 'conv1', 2, 0), 'bn1');
    for (let i = 0; i < 3; ++i) x = this.block2d(x, `block1.${i}`, 15, 2, 1, 'block1.0');
    const features = [];
    branchTaps.forEach((taps, branch) => {
      let y = x;
      for (let i = 0; i < 4; ++i) y = this.block2d(y, `block2_list.${branch}.${i}`, taps, 1, 3);
      y = { L: y.L, H: 1, C: y.H * y.C, list: y.list };
      for (let i = 0; i < 4; ++i) y = this.block1d(y, `block3_list.${branch}.${i}`, taps, `block3_list.${branch}.0`);
      features.push(...this.means(y));
    });
    features.push(...covariates);
    return this.linear(features, 'fc');
  }
}
