#include "layers/accumulate.h"

#include "engine/ranges.h"
#include "kernels/table.h"

namespace sec::layers {

void accumulate(Stream& stream, Tensor& into, const Tensor& gradient) {
  const Range range("accumulate");
  kernels::table(stream).pointwise.accumulate(stream, gradient.read(), into.write());
}

}  // namespace sec::layers
