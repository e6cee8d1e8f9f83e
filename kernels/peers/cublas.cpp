#include "kernels/peers/cublas.h"

#include <cuda_runtime_api.h>

#include <limits>

namespace sec::kernels::peers {
namespace {

struct Cublas {
  Library library{
      "kernels cudnn",
      fmt::format("libcublas.so.{}", CUDART_VERSION / 1000)};  // cuBLAS has the toolkit's major version
  decltype(::cublasGetStatusString)* status_text =
      library.function<decltype(::cublasGetStatusString)>("cublasGetStatusString");
  decltype(::cublasCreate_v2)* create = library.function<decltype(::cublasCreate_v2)>("cublasCreate_v2");
  decltype(::cublasSetStream_v2)* set_stream =
      library.function<decltype(::cublasSetStream_v2)>("cublasSetStream_v2");
  // The type of the C function, which the header overloads for C++.
  using GemmEx = cublasStatus_t(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                                const void*, const void*, cudaDataType, int, const void*, cudaDataType, int,
                                const void*, void*, cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t);
  GemmEx* gemm = library.function<GemmEx>("cublasGemmEx");
};

const Cublas& cublas() {
  static const Cublas functions;
  return functions;
}

void check(cublasStatus_t status, const char* call, const std::string& operands) {
  require(status == CUBLAS_STATUS_SUCCESS, "kernels cudnn: {}: {} ({})", call, cublas().status_text(status),
          operands);
}

cublasHandle_t handle_on(const Stream& stream) {
  // The handle is never destroyed: when the last thread ends, the driver may already be unloaded.
  thread_local const cublasHandle_t handle = [] {
    cublasHandle_t created = nullptr;
    check(cublas().create(&created), "cublasCreate", "no operands");
    return created;
  }();
  check(cublas().set_stream(handle, static_cast<cudaStream_t>(stream.native)), "cublasSetStream",
        "no operands");
  return handle;
}

cudaDataType type_of(DType type) {
  require(type == DType::f32 || type == DType::bf16,
          "kernels cudnn: cublasGemmEx: expected f32 or bf16, got {}", name_of(type));
  return type == DType::f32 ? CUDA_R_32F : CUDA_R_16BF;
}

}  // namespace

void load_cublas() {
  cublas();
}

void gemm(Stream& stream, const Gemm& s, ConstSpan a, ConstSpan b, Span c) {
  const auto operands = fmt::format("{}{} ({}, {}) times {}{} ({}, {}) into {}", name_of(a.type),
                                    s.transpose_a ? " transposed" : "", s.rows, s.inner, name_of(b.type),
                                    s.transpose_b ? " transposed" : "", s.inner, s.columns, name_of(c.type));
  const auto to_int = [&](std::int64_t extent) {
    require(extent > 0 && extent <= std::numeric_limits<int>::max(),
            "kernels cudnn: cublasGemmEx: an extent is out of range ({})", operands);
    return static_cast<int>(extent);
  };
  const int rows = to_int(s.rows);
  const int columns = to_int(s.columns);
  const int inner = to_int(s.inner);
  const float alpha = 1;
  // cuBLAS is column-major, so it sees the transposes of our matrices: C^T = B^T A^T.
  check(cublas().gemm(handle_on(stream), s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                      s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, columns, rows, inner, &alpha, b.data,
                      type_of(b.type), s.transpose_b ? inner : columns, a.data, type_of(a.type),
                      s.transpose_a ? rows : inner, &s.beta, c.data, type_of(c.type), columns,
                      CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx", operands);
}

}  // namespace sec::kernels::peers
