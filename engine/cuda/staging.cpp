#include "engine/cuda/staging.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include "engine/cuda/check.h"

namespace sec::cuda {
namespace {

// A ring of pinned buffers. While the GPU copies from one buffer, the host fills the next.
class Staging {
 public:
  static constexpr std::size_t size = std::size_t{4} << 20;

  struct Buffer {
    char* data = nullptr;
    cudaEvent_t done = nullptr;  // recorded after the GPU's last use of the buffer
  };

  // Returns the next buffer after the GPU has finished with it.
  Buffer& next() {
    Buffer& buffer = buffers_[turn_++ % buffers_.size()];
    if (buffer.data == nullptr) {
      void* memory = nullptr;
      check(cudaMallocHost(&memory, size), "copy_bytes: pinned memory");
      buffer.data = static_cast<char*>(memory);
      check(cudaEventCreateWithFlags(&buffer.done, cudaEventDisableTiming), "copy_bytes");
    }
    check(cudaEventSynchronize(buffer.done), "copy_bytes");
    return buffer;
  }

  std::mutex mutex;

 private:
  std::array<Buffer, 4> buffers_;
  std::size_t turn_ = 0;
};

Staging& staging() {
  static auto* const instance = new Staging;  // never destroyed: the driver may shut down first
  return *instance;
}

}  // namespace

void copy_to_device(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
  Staging& ring = staging();
  const std::lock_guard lock(ring.mutex);
  for (std::size_t at = 0; at < bytes; at += Staging::size) {
    const std::size_t part = std::min(bytes - at, Staging::size);
    Staging::Buffer& buffer = ring.next();
    std::memcpy(buffer.data, static_cast<const char*>(from) + at, part);
    check(cudaMemcpyAsync(static_cast<char*>(to) + at, buffer.data, part, cudaMemcpyHostToDevice, stream),
          "copy_bytes from the host to cuda");
    check(cudaEventRecord(buffer.done, stream), "copy_bytes");
  }
}

void copy_to_host(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
  Staging& ring = staging();
  const std::lock_guard lock(ring.mutex);
  // The GPU copies one part while the host copies the previous part out of its pinned buffer.
  Staging::Buffer* arriving = nullptr;
  std::size_t arriving_at = 0;
  std::size_t arriving_bytes = 0;
  const auto unload = [&] {
    if (arriving != nullptr) {
      check(cudaEventSynchronize(arriving->done), "copy_bytes from cuda to the host");
      std::memcpy(static_cast<char*>(to) + arriving_at, arriving->data, arriving_bytes);
    }
  };
  for (std::size_t at = 0; at < bytes; at += Staging::size) {
    const std::size_t part = std::min(bytes - at, Staging::size);
    Staging::Buffer& buffer = ring.next();
    check(cudaMemcpyAsync(buffer.data, static_cast<const char*>(from) + at, part, cudaMemcpyDeviceToHost,
                          stream),
          "copy_bytes from cuda to the host");
    check(cudaEventRecord(buffer.done, stream), "copy_bytes");
    unload();
    arriving = &buffer;
    arriving_at = at;
    arriving_bytes = part;
  }
  unload();
}

}  // namespace sec::cuda
