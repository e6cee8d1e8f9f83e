// The parts of the kernel table that use cuDNN or cuBLAS.
// Each function is defined in the file of the same name.
#pragma once

#include "kernels/table.h"

namespace sec::kernels::peers {

ConvKernels conv_kernels();
BatchNormKernels batch_norm_kernels();
PoolKernels pool_kernels();
LinearKernels linear_kernels();

// Device memory with undefined content, as elements of `type`; freed when the host function returns.
class TypedScratch {
 public:
  TypedScratch(const Stream& stream, std::int64_t count, DType type)
      : storage_(allocate(stream.device, static_cast<std::size_t>(count) * size_of(type))),
        span_{storage_->data, type, count} {}
  Span span() const { return span_; }
  void* data() const { return span_.data; }

 private:
  std::shared_ptr<Storage> storage_;
  Span span_;
};

// Throws Error, beginning with `what`, unless the operand has `count` elements.
inline void expect(ConstSpan operand, std::int64_t count, const char* what) {
  require(operand.count == count, "kernels cudnn: {}: expected {} elements, got {}", what, count,
          operand.count);
}

}  // namespace sec::kernels::peers
