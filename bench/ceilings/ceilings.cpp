#include "bench/ceilings/ceilings.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "bench/ceilings/peak.h"
#include "engine/parallel.h"
#include "kernels/cpu/isa.h"

namespace sec {
namespace {

using Clock = std::chrono::steady_clock;

// The best rate over `slices` calls, each of which does `units` of work.
template <typename Call>
double best_rate(int slices, double units, const Call& call) {
  double best = 0;
  for (int i = 0; i < slices; ++i) {
    const Clock::time_point from = Clock::now();
    call();
    best = std::max(best, units / std::chrono::duration<double>(Clock::now() - from).count());
  }
  return best;
}

double measure_arithmetic(int threads) {
  constexpr int calls = 10;  // all slices together take about half a millisecond
  const double one = cpu_peak().multiply_add();
  return best_rate(60, one * calls * threads, [&] {
    parallel_for(threads, [&](std::int64_t) {
      for (int i = 0; i < calls; ++i) {
        cpu_peak().multiply_add();
      }
    });
  });
}

// Every thread copies a private buffer, by the C library or with streaming stores, whichever is faster.
double measure_copy(int threads, double footprint) {
  const auto each = static_cast<std::size_t>(footprint / 2 / threads) / 64 * 64;
  struct alignas(64) Line {
    char bytes[64];
  };
  struct Buffers {
    std::vector<Line> from, to;
  };
  std::vector<Buffers> buffers(static_cast<std::size_t>(threads));
  for (Buffers& b : buffers) {
    b.from.assign(each / sizeof(Line), Line{{1}});
    b.to.assign(each / sizeof(Line), Line{{0}});
  }
  const int calls = static_cast<int>(std::max(1.0, 2e6 / static_cast<double>(each)));
  const int slices = footprint >= beyond_caches ? 6 : 30;
  const double units = 2.0 * static_cast<double>(each) * calls * threads;
  const auto rate_of = [&](void (*copy)(char*, const char*, std::size_t)) {
    return best_rate(slices, units, [&] {
      parallel_for(threads, [&](std::int64_t i) {
        for (int call = 0; call < calls; ++call) {
          copy(buffers[i].to.data()->bytes, buffers[i].from.data()->bytes, each);
        }
      });
    });
  };
  return std::max(rate_of([](char* to, const char* from, std::size_t n) { std::memcpy(to, from, n); }),
                  rate_of(cpu_peak().copy));
}

}  // namespace

Peak cpu_peak() {
  [[maybe_unused]] const std::string_view isa = kernels::cpu::isa_in_use();
#ifdef SEC_HAS_avx512
  if (isa == "avx512") {
    return {avx512::multiply_add, avx512::copy};
  }
#endif
#ifdef SEC_HAS_avx2
  if (isa == "avx2") {
    return {avx2::multiply_add, avx2::copy};
  }
#endif
  return {baseline::multiply_add, baseline::copy};
}

Ceiling cpu_ceiling(int threads, double footprint) {
  static std::map<int, double> arithmetic;
  static std::map<std::pair<int, double>, double> copies;
  double rounded = 64 << 10;
  while (rounded < footprint && rounded < beyond_caches) {
    rounded *= 2;
  }
  set_threads(threads);
  if (!arithmetic.contains(threads)) {
    arithmetic[threads] = measure_arithmetic(threads);
  }
  if (!copies.contains({threads, rounded})) {
    copies[{threads, rounded}] = measure_copy(threads, rounded);
  }
  return {arithmetic[threads], copies[{threads, rounded}]};
}

}  // namespace sec
