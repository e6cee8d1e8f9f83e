// What one block of a launch did, step by step, as the recorder saw it (recorder.h).
// A step is a request of a warp: its lanes' accesses from one place in the source, side by side as a GPU makes them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sec::lab {

enum class Kind : std::uint8_t {
  global_load,
  global_store,
  shared_load,
  shared_store,
  copy,          // cp.async begins: `at` in shared memory, `from` in global memory
  copy_source,   // what a cp.async reads: counted as a load, but no step, since `copy` names it
  copy_arrives,  // the wait for a cp.async has ended
  barrier,       // of the whole block
  collective,    // of a warp, such as a shuffle
  product,       // mma.sync of a warp
};

// A tensor in global memory, or a shared array of the block.
struct Array {
  std::string name;
  bool is_shared = false;
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
  unsigned element = 4;             // bytes
  std::vector<std::int64_t> shape;  // (N, L, H, C), (K, Ci, Co) or (C); shared arrays: empty
};

// What a word of shared memory or a register holds: an element of an array, or one of these.
//   code = (array * 2 + pair) * 2^24 + index; `pair`: two 2-byte elements, index and index + 1
constexpr std::int64_t computed = -1;
constexpr std::int64_t zero = -2;
constexpr std::int64_t code_of(std::int64_t array, bool pair, std::int64_t index) {
  return (array * 2 + (pair ? 1 : 0)) * (1 << 24) + index;
}

struct Event {
  Kind kind = Kind::barrier;
  unsigned warp = 0;        // barriers: 0
  std::uint32_t lanes = 0;  // one bit per lane that takes part
  std::uint32_t place = 0;  // index of Trace::places
  unsigned bytes = 0;       // per lane
  int array = -1;           // index of Trace::arrays
  int from_array = -1;      // copy: the source's
  // One entry per lane that takes part: byte offsets in the arrays. `from` is -1 where a copy writes zeros.
  std::vector<std::int64_t> at, from;
  std::vector<std::int64_t>
      content;  // codes of the words that the lanes store in shared memory, lane after lane
  unsigned sectors = 0, least_sectors = 0;  // of global memory, as bench/traffic/counters.h counts them
  unsigned passes = 0, least_passes = 0;    // of shared memory
  std::string name;                         // barriers, collectives and products
  int a = -1, b = -1;                       // products: indices of Trace::fragments
  std::vector<float> d;                     // products: the sums, (32 lanes, 4)
};

// Requests of one kind of memory, loads or stores.
struct Counts {
  std::uint64_t requests = 0, bytes = 0;
  std::uint64_t sectors = 0, least_sectors = 0;  // global memory
  std::uint64_t block_sectors = 0;               // global memory: each sector once per block
  std::uint64_t passes = 0, least_passes = 0;    // shared memory
};
struct Totals {
  Counts loads, stores, shared_loads, shared_stores;
  std::uint64_t tensor_operations = 0;
};

struct Launch {
  std::string kernel, file;
  std::array<unsigned, 3> grid{}, block{};
  std::size_t shared_bytes = 0;  // of the first block that uses shared memory
};

// A place in the source, innermost first: the line of the access, then the lines that called it, up to the kernel's.
struct Frame {
  std::string function, file;
  int line = 0;
};

struct Trace {
  int launch = -1;                  // index of `launches`; -1: no kernel of the name was launched
  std::array<unsigned, 3> block{};  // the block that `events` describes
  std::vector<Launch> launches;     // all of them, in order
  std::vector<Array> arrays;
  std::vector<std::vector<std::uintptr_t>> places;  // return addresses, innermost first (frames.h)
  std::vector<Event> events;
  // Operands of products: codes per lane and register. bf16 has two per register, `halves` in all.
  std::vector<std::vector<std::int64_t>> fragments;
  Totals block_totals, launch_totals;
};

}  // namespace sec::lab
