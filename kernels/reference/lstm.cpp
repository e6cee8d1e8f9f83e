#include <cmath>

#include "kernels/reference/reference.h"

namespace sec::kernels::reference {
namespace {

double sigmoid_of(double x) {
  return 1 / (1 + std::exp(-x));
}

// Returns the rows of the (N, T) matrix that hold sequence n's time steps, in the order of the recurrence.
std::vector<std::int64_t> order_of(const LstmShape& s, std::int64_t n) {
  std::vector<std::int64_t> order;
  for (std::int64_t step = 0; step < s.steps; ++step) {
    order.push_back(n * s.steps + (s.reverse ? s.steps - 1 - step : step));
  }
  return order;
}

}  // namespace

Lstm lstm_forward(const LstmShape& s, const Values& projected, const Values& w, const Values& bias) {
  const std::int64_t hid = s.hidden;
  const auto count = static_cast<std::size_t>(s.n * s.steps * hid);
  Lstm r{Values(4 * count), Values(count), Values(count)};
  for (std::int64_t n = 0; n < s.n; ++n) {
    Values h(static_cast<std::size_t>(hid), 0.0);
    Values c = h;
    for (const std::int64_t row : order_of(s, n)) {
      Values parts(bias);
      for (std::int64_t column = 0; column < 4 * hid; ++column) {
        parts[column] += projected[row * 4 * hid + column];
        for (std::int64_t j = 0; j < hid; ++j) {
          parts[column] += h[j] * w[j * 4 * hid + column];
        }
      }
      for (std::int64_t u = 0; u < hid; ++u) {
        double* const gate = &r.gates[row * 4 * hid + u];
        gate[0] = sigmoid_of(parts[u]);
        gate[hid] = sigmoid_of(parts[hid + u]);
        gate[2 * hid] = std::tanh(parts[2 * hid + u]);
        gate[3 * hid] = sigmoid_of(parts[3 * hid + u]);
        c[u] = gate[hid] * c[u] + gate[0] * gate[2 * hid];
        h[u] = gate[3 * hid] * std::tanh(c[u]);
        r.cells[row * hid + u] = c[u];
        r.y[row * hid + u] = h[u];
      }
    }
  }
  return r;
}

// The chain rule, applied to the time steps in reverse order.
Values lstm_backward(const LstmShape& s, const Values& projected, const Values& w, const Values& bias,
                     const Values& gy) {
  const std::int64_t hid = s.hidden;
  const Lstm r = lstm_forward(s, projected, w, bias);
  Values gprojected(projected.size());
  for (std::int64_t n = 0; n < s.n; ++n) {
    const std::vector<std::int64_t> order = order_of(s, n);
    Values gh(static_cast<std::size_t>(hid), 0.0);
    Values gc = gh;
    for (std::size_t step = order.size(); step-- > 0;) {
      const std::int64_t row = order[step];
      double* const g = &gprojected[row * 4 * hid];
      for (std::int64_t u = 0; u < hid; ++u) {
        const double* const gate = &r.gates[row * 4 * hid + u];
        const double level = std::tanh(r.cells[row * hid + u]);
        const double old = step > 0 ? r.cells[order[step - 1] * hid + u] : 0.0;
        const double dh = gy[row * hid + u] + gh[u];
        const double dc = gc[u] + dh * gate[3 * hid] * (1 - level * level);
        g[u] = dc * gate[2 * hid] * gate[0] * (1 - gate[0]);
        g[hid + u] = dc * old * gate[hid] * (1 - gate[hid]);
        g[2 * hid + u] = dc * gate[0] * (1 - gate[2 * hid] * gate[2 * hid]);
        g[3 * hid + u] = dh * level * gate[3 * hid] * (1 - gate[3 * hid]);
        gc[u] = dc * gate[hid];
      }
      for (std::int64_t j = 0; j < hid; ++j) {
        gh[j] = 0;
        for (std::int64_t column = 0; column < 4 * hid; ++column) {
          gh[j] += g[column] * w[j * 4 * hid + column];
        }
      }
    }
  }
  return gprojected;
}

}  // namespace sec::kernels::reference
