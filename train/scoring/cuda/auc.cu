// The sort and the pair counts of the AUC on the GPU. Thrust does both: they are not performance-critical.
#include <thrust/binary_search.h>
#include <thrust/execution_policy.h>
#include <thrust/sort.h>
#include <thrust/transform_reduce.h>

#include <map>

#include "engine/tensor.h"
#include "train/scoring/auc.h"

namespace sec::train::cuda {
namespace {

// Allocates Thrust's temporary memory in the engine's arena.
class ArenaAllocator {
 public:
  using value_type = char;

  char* allocate(std::ptrdiff_t bytes) {
    std::shared_ptr<Storage> storage = sec::allocate(Device::cuda, static_cast<std::size_t>(bytes));
    char* const memory = static_cast<char*>(storage->data);
    blocks_[memory] = std::move(storage);
    return memory;
  }
  void deallocate(char* memory, std::size_t) { blocks_.erase(memory); }

 private:
  std::map<char*, std::shared_ptr<Storage>> blocks_;
};

struct PairsWon {
  const float* begin;  // sorted
  const float* end;

  __device__ std::int64_t operator()(float score) const {
    return (thrust::lower_bound(thrust::seq, begin, end, score) - begin) +
           (thrust::upper_bound(thrust::seq, begin, end, score) - begin);
  }
};

}  // namespace

std::int64_t twice_pairs_won(Stream& stream, std::span<const float> positives,
                             std::span<const float> negatives) {
  const Tensor scores = Tensor::from(stream, {std::ssize(positives)}, positives);
  Tensor others = Tensor::from(stream, {std::ssize(negatives)}, negatives);
  const auto* const score = scores.read().as<float>("AUC");
  auto* const other = others.write().as<float>("AUC");
  ArenaAllocator arena;
  const auto on_stream = thrust::cuda::par(arena).on(static_cast<cudaStream_t>(stream.native));
  thrust::sort(on_stream, other, other + negatives.size());
  return thrust::transform_reduce(on_stream, score, score + positives.size(),
                                  PairsWon{other, other + negatives.size()}, std::int64_t{0},
                                  thrust::plus<std::int64_t>());
}

}  // namespace sec::train::cuda
