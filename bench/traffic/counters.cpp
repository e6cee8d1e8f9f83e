#include "bench/traffic/counters.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "bench/traffic/counted_access.h"
#include "bench/traffic/instructions.h"
#include "engine/error.h"
#include "engine/simt/block.h"
#include "engine/simt/observer.h"

namespace sec::simt {
namespace {

constexpr std::uintptr_t sector_bytes = 32;
constexpr std::uintptr_t page_bytes = 4096;

// The accesses to one 32-byte sector of global memory. `read` and `written` have one bit per byte.
struct Sector {
  std::uint32_t launch = 0;   // the launch that the other fields describe
  std::uint32_t read_by = 0;  // the last block that read the sector
  std::uint32_t written_by = 0;
  std::uint32_t read = 0;
  std::uint32_t written = 0;
};

struct Memory {
  std::uintptr_t begin;
  std::vector<Sector> sectors;
};

// The memory blocks of the device's arena. Each block begins at a page boundary and shares no page,
// so a page number identifies a block.
class Memories {
 public:
  void add(const void* block, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto begin = reinterpret_cast<std::uintptr_t>(block);
    require(begin % page_bytes == 0, "counters: memory is expected to begin at a page");
    const auto memory = std::make_shared<Memory>(
        Memory{begin, std::vector<Sector>((bytes + sector_bytes - 1) / sector_bytes)});
    for (std::uintptr_t page = begin; page < begin + bytes; page += page_bytes) {
      pages_[page / page_bytes] = memory;
    }
    cache_ = {};
  }
  void remove(const void* block) {
    const std::lock_guard lock(mutex_);
    const auto begin = reinterpret_cast<std::uintptr_t>(block) / page_bytes;
    const auto memory = pages_.at(begin);
    const std::size_t bytes = memory->sectors.size() * sector_bytes;
    for (std::uintptr_t page = begin; page * page_bytes < memory->begin + bytes; ++page) {
      pages_.erase(page);
    }
    cache_ = {};
  }
  // Null if the address is in no block. Only one thread runs kernels at a time.
  Memory* at(std::uintptr_t address) {
    const std::uintptr_t page = address / page_bytes;
    Cached& entry = cache_[page % cache_.size()];
    if (entry.page != page) {
      const std::lock_guard lock(mutex_);
      const auto found = pages_.find(page);
      entry = {page, found == pages_.end() ? nullptr : found->second.get()};
    }
    return entry.memory;
  }

 private:
  struct Cached {
    std::uintptr_t page = 0;
    Memory* memory = nullptr;
  };
  std::mutex mutex_;
  std::unordered_map<std::uintptr_t, std::shared_ptr<Memory>> pages_;
  std::array<Cached, 1024> cache_;
};

// Accesses by the lanes of a warp from one place in the program.
struct Request {
  std::uint32_t lanes = 0;
  std::array<std::uint8_t, warp_size> bytes;
  std::array<std::uintptr_t, warp_size> address;
};

// Place: an instruction that accesses one kind of memory.
// Pending: a warp's accesses from this place since its lanes last met.
struct Place {
  bool is_shared;
  bool is_store;
};
struct Pending {
  std::array<std::uint32_t, warp_size> count{};  // number of accesses of each lane
  std::vector<Request> requests;
  std::size_t used = 0;
};
struct WarpLog {
  std::vector<Pending> at;            // indexed by place
  std::vector<std::uint32_t> places;  // places with pending requests
};

class Recorder {
 public:
  Memories memories;
  int paused = 0;

  void begin_launch(const KernelName& name) {
    Kernel& kernel = kernel_of(name);
    counts_ = &kernel.counts;
    runs_ = &kernel.runs;
    ++counts_->launches;
    ++launch_;
    block_ = 1;
  }
  void end_launch() {
    for (Runs& entry : run_cache_) {
      add_runs(entry);
      entry = {};
    }
  }
  void end_block(unsigned warps) {
    for (unsigned w = 0; w < warps; ++w) {
      flush(w);
    }
    ++block_;
  }

  void access(const void* place, std::uintptr_t address, unsigned bytes, bool is_store, bool is_shared) {
    const unsigned thread = runner().current().number;
    const std::uint32_t id = id_of(reinterpret_cast<std::uintptr_t>(place), is_store, is_shared);
    WarpLog& log = warps_[thread / warp_size];
    if (log.at.size() <= id) {
      log.at.resize(id + 1);
    }
    Pending& pending = log.at[id];
    if (pending.used == 0) {
      log.places.push_back(id);
    }
    const unsigned lane = thread % warp_size;
    const std::size_t number = pending.count[lane]++;
    if (number == pending.used) {
      if (++pending.used > pending.requests.size()) {
        pending.requests.emplace_back();
      }
      pending.requests[number].lanes = 0;
    }
    Request& request = pending.requests[number];
    request.lanes |= 1U << lane;
    request.bytes[lane] = static_cast<std::uint8_t>(bytes);
    request.address[lane] = address;
  }

  void flush(unsigned warp) {
    WarpLog& log = warps_[warp];
    for (const std::uint32_t id : log.places) {
      const Place& place = places_[id];
      Pending& pending = log.at[id];
      for (std::size_t i = 0; i < pending.used; ++i) {
        if (place.is_shared) {
          count_shared(pending.requests[i], place.is_store ? counts_->shared_stores : counts_->shared_loads);
        } else {
          count_global(pending.requests[i], place.is_store);
        }
      }
      pending.used = 0;
      pending.count.fill(0);
    }
    log.places.clear();
  }

  void run(const void* place) {
    const auto key = reinterpret_cast<std::uintptr_t>(place);
    Runs& entry = run_cache_[(key ^ key >> 12) % run_cache_.size()];
    if (entry.place != key) [[unlikely]] {
      add_runs(entry);
      entry = {key, 0};
    }
    ++entry.count;
  }

  void tensor_product(unsigned operations) { counts_->tensor_operations += operations; }

  std::vector<KernelCounts> take() {
    std::vector<KernelCounts> result;
    read_operations();
    for (const auto& kernel : all_) {
      result.push_back(kernel->counts);
      for (const auto& [place, count] : kernel->runs) {
        result.back().operations += count * operations_.at(place);
      }
    }
    all_.clear();
    by_name_.clear();
    return result;
  }

 private:
  struct Kernel {
    KernelCounts counts;
    std::unordered_map<std::uintptr_t, std::uint64_t> runs;  // executions per place, by all threads
  };

  Kernel& kernel_of(const KernelName& name) {
    const std::string_view path = name.file;
    const std::string_view file = path.substr(path.rfind('/') + 1);
    const auto [entry, is_new] = by_name_.try_emplace({std::string(file), name.kernel}, nullptr);
    if (is_new) {
      all_.push_back(std::make_unique<Kernel>());
      entry->second = all_.back().get();
      entry->second->counts.file = file;
      entry->second->counts.kernel = name.kernel;
    }
    return *entry->second;
  }

  // A basic block's address and how often it was executed.
  struct Runs {
    std::uintptr_t place = 0;
    std::uint64_t count = 0;
  };
  void add_runs(const Runs& runs) {
    if (runs.count > 0) {
      (*runs_)[runs.place] += runs.count;
    }
  }

  // Reads the operation counts of basic blocks that are new since the last call.
  void read_operations() {
    std::vector<std::uintptr_t> places;
    for (const auto& kernel : all_) {
      for (const auto& [place, count] : kernel->runs) {
        if (!operations_.contains(place)) {
          places.push_back(place);
        }
      }
    }
    operations_.merge(float_operations(places));
  }

  std::uint32_t id_of(std::uintptr_t place, bool is_store, bool is_shared) {
    const std::uintptr_t key = place * 4 + (is_store ? 2 : 0) + (is_shared ? 1 : 0);
    auto& [cached_key, cached_id] = cache_[(key ^ key >> 12) % cache_.size()];
    if (cached_key != key) {
      const auto [entry, is_new] = ids_.try_emplace(key, static_cast<std::uint32_t>(places_.size()));
      if (is_new) {
        places_.push_back({is_shared, is_store});
      }
      cached_key = key;
      cached_id = entry->second;
    }
    return cached_id;
  }

  void count_global(const Request& request, bool is_store) {
    GlobalCounts& counts = is_store ? counts_->stores : counts_->loads;
    ++counts.requests;
    struct Part {
      std::uintptr_t sector;
      std::uint32_t bytes;  // one bit per byte
    };
    std::array<Part, 2 * warp_size> parts;
    std::size_t used = 0;
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      if ((request.lanes >> lane & 1U) == 0) {
        continue;
      }
      counts.bytes += request.bytes[lane];
      std::uintptr_t from = request.address[lane];
      const std::uintptr_t end = from + request.bytes[lane];
      while (from < end) {
        const std::uintptr_t sector = from / sector_bytes;
        const std::uintptr_t stop = std::min(end, (sector + 1) * sector_bytes);
        const auto mask =
            static_cast<std::uint32_t>(((std::uint64_t{1} << (stop - from)) - 1) << from % sector_bytes);
        std::size_t i = used;
        while (i > 0 && parts[i - 1].sector != sector) {
          --i;
        }
        if (i == 0) {
          parts[used++] = {sector, mask};
        } else {
          parts[i - 1].bytes |= mask;
        }
        from = stop;
      }
    }
    std::uint64_t distinct = 0;
    for (std::size_t i = 0; i < used; ++i) {
      distinct += static_cast<unsigned>(std::popcount(parts[i].bytes));
      touch(parts[i].sector, parts[i].bytes, is_store, counts);
    }
    counts.sectors += used;
    counts.least_sectors += (distinct + sector_bytes - 1) / sector_bytes;
  }

  void touch(std::uintptr_t number, std::uint32_t bytes, bool is_store, GlobalCounts& counts) {
    Memory* const memory = memories.at(number * sector_bytes);
    Sector& sector = memory->sectors[number - memory->begin / sector_bytes];
    if (sector.launch != launch_) {
      sector = {launch_, 0, 0, 0, 0};
    }
    std::uint32_t& before = is_store ? sector.written : sector.read;
    std::uint32_t& block = is_store ? sector.written_by : sector.read_by;
    counts.distinct_bytes += static_cast<unsigned>(std::popcount(bytes & ~before));
    before |= bytes;
    counts.block_sectors += block != block_;
    block = block_;
  }

  // Shared memory serves groups of lanes whose accesses fill the 32 banks.
  // A group is a whole warp for 4-byte words, half a warp for 8 bytes, a quarter for 16.
  static void count_shared(const Request& request, SharedCounts& counts) {
    ++counts.requests;
    unsigned widest = 4;
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      if ((request.lanes >> lane & 1U) != 0) {
        widest = std::max<unsigned>(widest, request.bytes[lane]);
        counts.bytes += request.bytes[lane];
      }
    }
    const unsigned group = warp_size * 4 / widest;
    for (unsigned first = 0; first < warp_size; first += group) {
      std::array<std::array<std::uintptr_t, warp_size>, 32> words;  // distinct words accessed per bank
      std::array<unsigned, 32> used{};
      for (unsigned lane = first; lane < first + group; ++lane) {
        if ((request.lanes >> lane & 1U) == 0) {
          continue;
        }
        const std::uintptr_t end = (request.address[lane] + request.bytes[lane] + 3) / 4;
        for (std::uintptr_t word = request.address[lane] / 4; word < end; ++word) {
          auto& bank = words[word % 32];
          unsigned& count = used[word % 32];
          if (std::find(bank.begin(), bank.begin() + count, word) == bank.begin() + count) {
            bank[count++] = word;
          }
        }
      }
      const unsigned passes = *std::max_element(used.begin(), used.end());
      counts.passes += passes;
      counts.least_passes += passes > 0;
    }
  }

  std::vector<std::unique_ptr<Kernel>> all_;
  std::map<std::pair<std::string, std::string>, Kernel*> by_name_;
  KernelCounts* counts_ = nullptr;  // counts of the running kernel
  std::unordered_map<std::uintptr_t, std::uint64_t>* runs_ = nullptr;
  std::uint32_t launch_ = 0;
  std::uint32_t block_ = 1;

  std::vector<Place> places_;
  std::unordered_map<std::uintptr_t, std::uint32_t> ids_;
  std::array<std::pair<std::uintptr_t, std::uint32_t>, 4096> cache_{};
  std::array<WarpLog, max_threads / warp_size> warps_;

  std::array<Runs, 4096> run_cache_;
  std::unordered_map<std::uintptr_t, unsigned> operations_;  // operations per execution of a basic block
};

Recorder& recorder() {
  static auto* const instance = new Recorder;  // never destroyed, as static tensors are freed later
  return *instance;
}

constinit thread_local Recorder* current = nullptr;  // set in a thread while it runs a launch

}  // namespace

void counted_access(const void* place, const void* address, std::size_t bytes, bool is_store) {
  Recorder* const recorder = current;
  if (recorder == nullptr || recorder->paused > 0) {
    return;
  }
  BlockRunner& block = runner();
  const Fiber& fiber = *block.current().fiber;
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (at - reinterpret_cast<std::uintptr_t>(fiber.stack) < fiber.stack_bytes) {
    return;
  }
  const bool is_shared = block.in_shared_memory(address);
  if (!is_shared && recorder->memories.at(at) == nullptr) {
    return;  // a kernel argument or an index, which a GPU keeps in registers
  }
  constexpr std::size_t widest = 16;  // bytes that one instruction can access
  for (std::size_t done = 0; done < bytes; done += widest) {
    recorder->access(static_cast<const char*>(place) + done, at + done,
                     static_cast<unsigned>(std::min(widest, bytes - done)), is_store, is_shared);
  }
}

void counted_run(const void* place) {
  if (current != nullptr && current->paused == 0) {
    current->run(place);
  }
}

std::vector<KernelCounts> take_counts() {
  return recorder().take();
}

// ---- calls from the engine ----

void observer::begin_launch(const KernelName& name) {
  current = &recorder();
  current->begin_launch(name);
}
void observer::end_launch() {
  current->end_launch();
  current = nullptr;
}
void observer::warps_met(unsigned first, unsigned count) {
  for (unsigned w = first; w < first + count; ++w) {
    current->flush(w);
  }
}
void observer::end_block(unsigned warps) {
  current->end_block(warps);
}
void observer::async_copy(const void* place, const AsyncCopy& copy) {
  current->access(place, reinterpret_cast<std::uintptr_t>(copy.to), static_cast<unsigned>(copy.bytes), true,
                  true);
  if (copy.source_bytes > 0) {
    current->access(place, reinterpret_cast<std::uintptr_t>(copy.from),
                    static_cast<unsigned>(copy.source_bytes), false, false);
  }
}
void observer::tensor_product(unsigned operations) {
  current->tensor_product(operations);
}
void observer::pause() {
  if (current != nullptr) {
    ++current->paused;
  }
}
void observer::go_on() {
  if (current != nullptr) {
    --current->paused;
  }
}
void observer::take_memory(const void* block, std::size_t bytes) {
  recorder().memories.add(block, bytes);
}
void observer::give_back_memory(const void* block) {
  recorder().memories.remove(block);
}

}  // namespace sec::simt
