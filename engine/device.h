// Where tensors live and kernels run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sec {

enum class Device : std::uint8_t {
  cpu,   // vectorised host code
  cuda,  // an NVIDIA GPU
  simt,  // runs the CUDA kernels' source code on the host, for study and tests
};

std::string_view name_of(Device device);

// Empty if this build can use the device on this machine; otherwise one line with the reason.
std::string why_unavailable(Device device);

// Parses "cpu", "cuda", "simt" or "auto". "auto" means cuda if a GPU is present, otherwise cpu.
// Throws Error for any other text and for an unavailable device.
Device parse_device(std::string_view text);

// An in-order queue of work on one device. On cpu and simt, work is done when the call returns.
struct Stream {
  Device device = Device::cpu;
  void* native = nullptr;  // the cudaStream_t on cuda
  // Whether convolutions may round f32 operands to TF32 (10-bit mantissa) in order to use tensor cores.
  // If false, convolutions compute in f32 throughout.
  bool tf32 = false;
};

}  // namespace sec
