// Every operation of the contracts as plain loops in double precision; tests compare the kernels with them.
// Nothing here is fast, and nothing shares code with a kernel. Functions return what kernels write.
// Layouts and formulas are those of the contract headers.
#pragma once

#include <vector>

#include "kernels/table.h"

namespace sec::kernels::reference {

using Values = std::vector<double>;
using Integers = std::vector<std::int32_t>;

// conv.h
Values conv_forward(const ConvShape& s, const Values& x, const Values& w, const Values& bias);
Values conv_dgrad(const ConvShape& s, const Values& gy, const Values& w);
struct ConvWgrad {
  Values gw, gbias;
};
ConvWgrad conv_wgrad(const ConvShape& s, const Values& x, const Values& gy);

// linear.h
Values linear_forward(const LinearShape& s, const Values& x, const Values& w, const Values& bias);
Values linear_dgrad(const LinearShape& s, const Values& gy, const Values& w);
ConvWgrad linear_wgrad(const LinearShape& s, const Values& x, const Values& gy);

// excite.h
struct ExciteValues {
  Values w1, b1, w2, b2;
};
Values excite_forward(const ExciteShape& s, const Values& means, const ExciteValues& weights);
struct ExciteBackward {
  Values gmeans;
  ExciteValues gradients;
};
ExciteBackward excite_backward(const ExciteShape& s, const Values& means, const ExciteValues& weights,
                               const Values& gfactors);

// lstm.h
struct Lstm {
  Values gates, cells, y;
};
Lstm lstm_forward(const LstmShape& s, const Values& projected, const Values& w, const Values& bias);
Values lstm_backward(const LstmShape& s, const Values& projected, const Values& w, const Values& bias,
                     const Values& gy);

// batch_norm.h
struct Statistics {
  Values mean, variance;
};
Statistics batch_norm_statistics(const BatchNormShape& s, const Values& x);
Statistics batch_norm_update_running(const BatchNormShape& s, double momentum, const Statistics& batch,
                                     const Statistics& running);
Values batch_norm_apply(const BatchNormShape& s, double epsilon, const Values& x,
                        const Statistics& statistics, const Values& gamma, const Values& beta);
struct BatchNormGradients {
  Values gx, ggamma, gbeta;
};
// The gradient of batch_norm through the statistics of x.
BatchNormGradients batch_norm_backward(const BatchNormShape& s, double epsilon, const Values& x,
                                       const Values& gy, const Values& gamma);

// pointwise.h
Values relu(const Values& x);
Values relu_backward(const Values& x, const Values& gy);
Values sigmoid(const Values& x);
Values sigmoid_backward(const Values& x,
                        const Values& gy);  // x is the input of the sigmoid
Values gate(const GateShape& s, const Values& x, const Values& factor);
struct GateGradients {
  Values gx, ggate;
};
GateGradients gate_backward(const GateShape& s, const Values& x, const Values& factor, const Values& gy);
Values dropout(double p, const RandomKey& key, const Values& x);

// pool.h
struct MaxPool {
  Values y;
  Integers position;
};
MaxPool max_pool(const PoolShape& s, const Values& x);
Values max_pool_backward(const PoolShape& s, const Values& gy, const Integers& position);
Values average_pool(const PoolShape& s, const Values& x);
Values average_pool_backward(const PoolShape& s, const Values& gy);
Values global_average(const GlobalPoolShape& s, const Values& x);
Values global_average_backward(const GlobalPoolShape& s, const Values& gy);

// loss.h
struct Loss {
  double loss = 0;
  Values glogits;
};
Loss softmax_cross_entropy(const LossShape& s, double smoothing, const Values& logits, const Integers& labels,
                           const Values& class_weights);
Loss bce_with_logits(const LossShape& s, const Values& logits, const Values& targets,
                     const Values& positive_weights);
Loss focal(const LossShape& s, double alpha, double gamma, const Values& logits, const Values& targets);

// optimizer.h: parameters and moments are changed in place; `step` counts from 0.
void adam(const AdamOptions& options, double rate, std::int64_t step, const Values& gradient,
          Values& parameters, Values& first_moment, Values& second_moment);
void sgd(const SgdOptions& options, double rate, const Values& gradient, Values& parameters,
         Values& velocity);

}  // namespace sec::kernels::reference
