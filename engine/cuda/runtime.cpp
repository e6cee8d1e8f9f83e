// Implements the cuda device with the CUDA runtime library.
#include <cuda_profiler_api.h>
#include <cuda_runtime_api.h>

#include "engine/cuda/backend.h"
#include "engine/cuda/check.h"
#include "engine/cuda/nvtx.h"
#include "engine/cuda/staging.h"
#include "engine/error.h"

namespace sec::cuda {
namespace {

// Checks for a driver and a GPU that can run this build's kernels: sm_80 or later.
std::string probe() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    return "no NVIDIA driver";
  }
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    int runtime = 0;
    cudaRuntimeGetVersion(&runtime);
    return fmt::format("the NVIDIA driver supports CUDA {}.{}, {}.{} is needed", driver / 1000,
                       driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    return "no GPU";
  }
  if (status != cudaSuccess) {
    return fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
  }
  int major = 0;
  int minor = 0;
  if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) != cudaSuccess ||
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0) != cudaSuccess) {
    return "the GPU does not report its compute capability";
  }
  if (major < 8) {
    return fmt::format("the GPU has compute capability {}.{}, 8.0 or later is needed", major, minor);
  }
  return "";
}

cudaStream_t handle(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

}  // namespace

std::string why_unavailable() {
  static const std::string reason = [] {
    std::string found = probe();
    cudaGetLastError();  // clears the error, which the next launch would report otherwise
    if (found.empty()) {
      forward_ranges_to_nvtx();
    }
    return found;
  }();
  return reason;
}

std::string model() {
  int device = 0;
  check(cudaGetDevice(&device), "device cuda");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device), "device cuda");
  return properties.name;
}

void* allocate_memory(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, fmt::format("allocate: {} bytes on cuda", bytes));
  return memory;
}

void free_memory(void* memory) {
  cudaFree(memory);
}

std::size_t available_memory() {
  std::size_t left = 0;
  std::size_t all = 0;
  check(cudaMemGetInfo(&left, &all), "available_memory");
  return left;
}

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  if (cudaMallocHost(&memory, bytes) != cudaSuccess) {
    cudaGetLastError();  // clears the error, which the next launch would report otherwise
    return nullptr;
  }
  return memory;
}

void copy(void* stream, void* to, const void* from, std::size_t bytes, Direction direction) {
  switch (direction) {
    case Direction::on_device:
      check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, handle(stream)),
            fmt::format("copy_bytes: {} bytes within cuda", bytes));
      return;
    case Direction::to_device:
    case Direction::from_pinned:
      require(
          !is_capturing(stream),
          "copy_bytes: {} bytes from the host to cuda cannot be part of a captured graph: it would copy the "
          "values of the moment at every replay",
          bytes);
      if (direction == Direction::to_device) {
        copy_to_device(handle(stream), to, from, bytes);
      } else {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, handle(stream)),
              fmt::format("copy_bytes: {} bytes from pinned memory to cuda", bytes));
      }
      return;
    case Direction::to_host:
      require(!is_capturing(stream),
              "copy_bytes: {} bytes from cuda to the host cannot be part of a captured graph: the host would "
              "have to wait for them",
              bytes);
      copy_to_host(handle(stream), to, from, bytes);
      return;
  }
}

void zero(void* stream, void* memory, std::size_t bytes) {
  check(cudaMemsetAsync(memory, 0, bytes, handle(stream)),
        fmt::format("zero_bytes: {} bytes on cuda", bytes));
}

void* create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  return stream;
}

void destroy_stream(void* stream) {
  cudaStreamDestroy(handle(stream));
}

void synchronize(void* stream) {
  check(cudaStreamSynchronize(handle(stream)),
        "cuda: a kernel or copy failed; SEC_SYNC=1 in the environment shows which");
}

void* create_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "event");
  return event;
}

void destroy_event(void* event) {
  cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

void record(void* event, void* stream) {
  check(cudaEventRecord(static_cast<cudaEvent_t>(event), handle(stream)), "event");
}

void synchronize_event(void* event) {
  check(cudaEventSynchronize(static_cast<cudaEvent_t>(event)), "event");
}

void wait(void* stream, void* event) {
  check(cudaStreamWaitEvent(handle(stream), static_cast<cudaEvent_t>(event), 0), "event");
}

float milliseconds_between(void* begin, void* end) {
  check(cudaEventSynchronize(static_cast<cudaEvent_t>(end)), "event");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(begin), static_cast<cudaEvent_t>(end)),
        "event");
  return milliseconds;
}

bool is_capturing(void* stream) {
  if (stream == nullptr) {
    return false;  // the default stream cannot be captured
  }
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(handle(stream), &status), "stream");
  return status != cudaStreamCaptureStatusNone;
}

void begin_capture(void* stream) {
  require(stream != nullptr, "capture: the default stream cannot be captured, expected an OwnedStream");
  // Thread-local mode: a loader thread may keep copying batches on another stream.
  check(cudaStreamBeginCapture(handle(stream), cudaStreamCaptureModeThreadLocal), "capture");
}

void* end_capture(void* stream) {
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(handle(stream), &graph);
  if (status != cudaSuccess) {
    cudaGetLastError();
    fail("capture: something in the step cannot be recorded in a CUDA graph: {} ({})",
         cudaGetErrorString(status), cudaGetErrorName(status));
  }
  cudaGraphExec_t executable = nullptr;
  const cudaError_t instantiated = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(instantiated, "capture");
  return executable;
}

void cancel_capture(void* stream) {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(handle(stream), &graph) == cudaSuccess) {
    cudaGraphDestroy(graph);
  }
  cudaGetLastError();
}

void replay(void* graph, void* stream) {
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), handle(stream)), "replay of a captured graph");
}

void destroy_graph(void* graph) {
  cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph));
}

void start_profilers() {
  check(cudaProfilerStart(), "profiler");
}

void stop_profilers() {
  check(cudaProfilerStop(), "profiler");
}

}  // namespace sec::cuda
