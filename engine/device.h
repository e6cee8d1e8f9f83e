// Where tensors live and kernels run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sec {

enum class Device : std::uint8_t {
  cpu,   // vectorised host code
  cuda,  // an NVIDIA GPU
  simt,  // the CUDA kernels' own source, run on the host for study and tests
};

std::string_view name_of(Device device);

// Empty if programs built like this one can use the device here, else one line that says why not.
std::string why_unavailable(Device device);

// "cpu", "cuda", "simt", or "auto": cuda where a GPU is present, else cpu. Throws Error for anything else,
// and for a device that is not available here.
Device parse_device(std::string_view text);

// An in-order queue of work on one device. On hosts work is done when the call returns.
struct Stream {
  Device device = Device::cpu;
  void* native = nullptr;  // the cudaStream_t on cuda
  // Whether convolutions of f32 operands may round them to TF32 (10 bits of mantissa) where tensor cores then
  // do the work. Off: f32 throughout.
  bool tf32 = false;
};

}  // namespace sec
