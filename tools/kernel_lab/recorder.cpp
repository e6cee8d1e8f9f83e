#include "tools/kernel_lab/recorder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>

#include "engine/error.h"
#include "engine/simt/block.h"
#include "engine/simt/observer.h"
#include "engine/simt/steps.h"
#include "tools/kernel_lab/instrumented.h"
#include "tools/kernel_lab/requests.h"
#include "tools/kernel_lab/values.h"

namespace sec::lab {
namespace {

std::uint32_t word_at(std::uintptr_t address) {
  std::uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const void*>(address), 4);
  return word;
}

struct Thread {
  std::vector<std::uintptr_t> callers;  // return addresses of the functions that it is in, outermost first
  // The last store to shared memory, whose value is read when the thread goes on: index in its warp's log, or none.
  std::optional<std::size_t> unread_store;
};

class Recorder {
 public:
  void watch(const Watch& watch, const std::vector<Array>& arrays) {
    watch_ = watch;
    trace_ = {};
    trace_.arrays = arrays;
    trace_.block = watch.block;
    place_numbers_.clear();
    fragment_numbers_.clear();
  }

  Trace take() {
    if (!watch_.records) {
      return std::move(trace_);
    }
    require(trace_.launch >= 0, "no launch has a kernel of the name {}", watch_.kernels.front());
    const auto& grid = trace_.launches[static_cast<std::size_t>(trace_.launch)].grid;
    require(watch_.block[0] < grid[0] && watch_.block[1] < grid[1] && watch_.block[2] < grid[2],
            "--block {},{},{}: the grid of {} has {} x {} x {} blocks", watch_.block[0], watch_.block[1],
            watch_.block[2], trace_.launches[static_cast<std::size_t>(trace_.launch)].kernel, grid[0],
            grid[1], grid[2]);
    return std::move(trace_);
  }

  void begin_launch(const simt::KernelName& name) {
    const std::string_view path = name.file;
    trace_.launches.push_back({name.kernel, std::string(path.substr(path.rfind('/') + 1)), {}, {}, 0});
    const std::string& kernel = trace_.launches.back().kernel;
    active_ = watch_.records && trace_.launch < 0 &&
              std::any_of(watch_.kernels.begin(), watch_.kernels.end(),
                          [&](const std::string& begin) { return kernel.starts_with(begin); });
    if (active_) {
      trace_.launch = static_cast<int>(trace_.launches.size()) - 1;
    }
    begin_block();
  }

  void end_launch() { active_ = false; }

  void end_block(unsigned warps) {
    Launch& launch = trace_.launches.back();
    launch.grid = {simt::gridDim.x, simt::gridDim.y, simt::gridDim.z};
    launch.block = {simt::blockDim.x, simt::blockDim.y, simt::blockDim.z};
    if (launch.shared_bytes == 0) {
      launch.shared_bytes = simt::runner().shared_memory().bytes();
    }
    if (active_) {
      flush(0, warps);
      begin_block();
    }
  }

  bool active() const { return active_ && paused_ == 0; }
  void pause() { ++paused_; }
  void go_on() { --paused_; }

  void take_memory(const void* block, std::size_t bytes) {
    memory_[reinterpret_cast<std::uintptr_t>(block)] = bytes;
  }
  void give_back_memory(const void* block) { memory_.erase(reinterpret_cast<std::uintptr_t>(block)); }

  // ---- the running thread ----

  void entry(const void* caller) { running().callers.push_back(reinterpret_cast<std::uintptr_t>(caller)); }
  void exit() {
    if (!running().callers.empty()) {
      running().callers.pop_back();
    }
  }

  void access(const void* place, std::uintptr_t address, std::size_t bytes, bool is_store) {
    simt::BlockRunner& block = simt::runner();
    const simt::Fiber& fiber = *block.current().fiber;
    if (address - reinterpret_cast<std::uintptr_t>(fiber.stack) < fiber.stack_bytes) {
      return;
    }
    const bool is_shared = block.in_shared_memory(reinterpret_cast<const void*>(address));
    if (!is_shared && !in_global_memory(address)) {
      return;  // a kernel argument or an index, which a GPU keeps in registers
    }
    const Kind kind = is_shared ? (is_store ? Kind::shared_store : Kind::shared_load)
                                : (is_store ? Kind::global_store : Kind::global_load);
    constexpr std::size_t widest = 16;  // bytes that one instruction can access
    for (std::size_t done = 0; done < bytes; done += widest) {
      add({kind,
           lane(),
           place_of(static_cast<const char*>(place) + done),
           address + done,
           static_cast<unsigned>(std::min(widest, bytes - done)),
           0,
           {}});
    }
  }

  void async_copy(const void* place, const simt::AsyncCopy& copy) {
    const std::uint32_t number = place_of(place);
    const auto to = reinterpret_cast<std::uintptr_t>(copy.to);
    const auto from = reinterpret_cast<std::uintptr_t>(copy.from);
    Access access{
        Kind::copy, lane(), number, to, static_cast<unsigned>(copy.bytes), copy.source_bytes > 0 ? from : 0,
        {}};
    look_at_block();
    if (watched_) {
      for (int byte = 0; byte < copy.bytes; byte += 2) {
        const std::int64_t code =
            byte < copy.source_bytes ? half_code(from + static_cast<unsigned>(byte)) : zero;
        values_.put(to + static_cast<unsigned>(byte), code);
        if (byte % 4 == 0) {
          access.content.push_back(code);
        } else {
          mark_pair(access.content.back(), code);
        }
      }
    }
    add(std::move(access));
    if (copy.source_bytes > 0) {
      add({Kind::copy_source, lane(), number, from, static_cast<unsigned>(copy.source_bytes), 0, {}});
    }
  }

  void copy_arrived(const simt::AsyncCopy& copy) {
    const Thread& thread = running();
    add({Kind::copy_arrives,
         lane(),
         place_of_callers(thread),
         reinterpret_cast<std::uintptr_t>(copy.to),
         static_cast<unsigned>(copy.bytes),
         0,
         {}});
  }

  // ---- the threads meet ----

  void flush(unsigned first, unsigned count) {
    for (unsigned warp = first; warp < first + count; ++warp) {
      for (unsigned i = 0; i < simt::warp_size; ++i) {
        settle(warp * simt::warp_size + i, logs_[warp]);
      }
      for (const Request& request : requests_of(logs_[warp])) {
        count_request(request, warp);
      }
      logs_[warp].clear();
    }
  }

  void block_met(const char* name) {
    look_at_block();
    if (watched_) {
      Event event;
      event.kind = Kind::barrier;
      event.lanes = ~0U;
      event.place = place_of_callers(running());
      event.name = name;
      emit(std::move(event));
    }
  }

  void lanes_met(const char* name, unsigned warp, simt::Complete complete,
                 const simt::WarpOperands& operands) {
    look_at_block();
    if (!watched_) {
      return;
    }
    if (complete == simt::complete_load_matrix) {
      values_.load_matrices(warp, operands);
      return;
    }
    Event event;
    event.kind = Kind::collective;
    event.warp = warp;
    event.lanes = operands.mask;
    event.place = place_of_callers(running());
    event.name = name;
    const bool bf16 = complete == simt::complete_mma_m16n8k16_bf16;
    if (bf16 || complete == simt::complete_mma_m16n8k8_tf32) {
      event.kind = Kind::product;
      std::vector<std::int64_t> a;
      std::vector<std::int64_t> b;
      for (unsigned l = 0; l < simt::warp_size; ++l) {
        const auto& mma = *static_cast<const simt::Mma*>(operands.lane[l]);
        const unsigned thread = warp * simt::warp_size + l;
        values_.append_operand(thread, {mma.a, 4}, bf16, a);
        values_.append_operand(thread, {mma.b, 2}, bf16, b);
        event.d.insert(event.d.end(), mma.d, mma.d + 4);
      }
      event.a = fragment(std::move(a));
      event.b = fragment(std::move(b));
    }
    emit(std::move(event));
  }

  void tensor_product(unsigned operations) {
    trace_.launch_totals.tensor_operations += operations;
    if (watched_) {
      trace_.block_totals.tensor_operations += operations;
    }
  }

 private:
  void begin_block() {
    watched_ = false;
    for (Thread& thread : threads_) {
      thread = {};
    }
    for (auto& log : logs_) {
      log.clear();
    }
    block_sectors_ = {};
    values_.clear();
    knows_block_ = false;
  }

  // Whether the running block is the one to describe. blockIdx is known when its first thread runs.
  void look_at_block() {
    if (!knows_block_) {
      knows_block_ = true;
      const auto& b = watch_.block;
      watched_ = simt::blockIdx.x == b[0] && simt::blockIdx.y == b[1] && simt::blockIdx.z == b[2];
    }
  }

  static unsigned number() { return simt::runner().current().number; }
  static unsigned lane() { return number() % simt::warp_size; }
  Thread& running() { return threads_[number()]; }

  bool in_global_memory(std::uintptr_t address) const {
    const auto after = memory_.upper_bound(address);
    return after != memory_.begin() && address < std::prev(after)->first + std::prev(after)->second;
  }

  // ---- places ----

  std::uint32_t place_of(const void* innermost) {
    std::vector<std::uintptr_t> stack{reinterpret_cast<std::uintptr_t>(innermost)};
    const auto& callers = running().callers;
    stack.insert(stack.end(), callers.rbegin(), callers.rend());
    return number_of(std::move(stack));
  }
  std::uint32_t place_of_callers(const Thread& thread) {
    return number_of({thread.callers.rbegin(), thread.callers.rend()});
  }
  std::uint32_t number_of(std::vector<std::uintptr_t> stack) {
    std::uint64_t hash = 1469598103934665603U;
    for (const std::uintptr_t address : stack) {
      hash = (hash ^ address) * 1099511628211U;
    }
    const auto [entry, is_new] =
        place_numbers_.try_emplace(hash, static_cast<std::uint32_t>(trace_.places.size()));
    if (is_new) {
      trace_.places.push_back(std::move(stack));
    }
    return entry->second;
  }

  // ---- arrays ----

  int array_of(std::uintptr_t address) {
    for (std::size_t i = 0; i < trace_.arrays.size(); ++i) {
      const Array& array = trace_.arrays[i];
      if (address - array.begin < array.bytes) {
        return static_cast<int>(i);
      }
    }
    for (const auto& array : simt::runner().shared_memory().arrays()) {
      const auto begin = reinterpret_cast<std::uintptr_t>(array.data);
      if (address - begin < array.bytes) {
        trace_.arrays.push_back({array.name, true, begin, array.bytes, 4, {}});
        return static_cast<int>(trace_.arrays.size()) - 1;
      }
    }
    const auto after = memory_.upper_bound(address);
    if (after == memory_.begin()) {
      return -1;  // between shared arrays
    }
    Array scratch{watch_.scratch,           false, std::prev(after)->first,
                  std::prev(after)->second, 4,     watch_.scratch_shape};
    std::int64_t count = 1;
    for (const std::int64_t extent : scratch.shape) {
      count *= extent;
    }
    if (watch_.scratch.find("bf16") != std::string::npos) {
      scratch.element = 2;
    }
    if (!scratch.shape.empty()) {
      scratch.bytes = static_cast<std::size_t>(count) * scratch.element;
    }
    trace_.arrays.push_back(scratch);
    return static_cast<int>(trace_.arrays.size()) - 1;
  }

  // The code of the element of a tensor that holds the 2 bytes at `address`.
  std::int64_t half_code(std::uintptr_t address) {
    const int array = array_of(address);
    if (array < 0) {
      return computed;
    }
    const Array& a = trace_.arrays[static_cast<std::size_t>(array)];
    return code_of(array, false, static_cast<std::int64_t>((address - a.begin) / a.element));
  }
  // Makes the code of a word's first half that of the word, if the second half is the next element.
  static void mark_pair(std::int64_t& code, std::int64_t second) {
    if (code >= 0 && second == code + 1) {
      code += code_of(0, true, 0);
    }
  }

  // ---- accesses, and what they move ----

  void add(Access access) {
    look_at_block();
    std::vector<Access>& log = logs_[number() / simt::warp_size];
    if (watched_) {
      settle(number(), log);
      if (access.kind == Kind::global_load) {
        hold(number(), access);
      } else if (access.kind == Kind::shared_load && access.bytes == 4) {
        values_.load_shared(number(), access.address);
      } else if (access.kind == Kind::shared_load && access.bytes == 16) {
        values_.name_row(number(), access.address);
        values_.load_to_round(number(), access.address);
      } else if (access.kind == Kind::shared_store) {
        running().unread_store = log.size();
      }
    }
    log.push_back(std::move(access));
  }

  void hold(unsigned thread, const Access& access) {
    const int array = array_of(access.address);
    if (array < 0) {
      return;
    }
    const Array& a = trace_.arrays[static_cast<std::size_t>(array)];
    const auto first = static_cast<std::int64_t>((access.address - a.begin) / a.element);
    for (unsigned i = 0; i < access.bytes / a.element; ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, reinterpret_cast<const void*>(access.address + i * a.element), a.element);
      values_.load_global(thread, a.element == 2 ? bits << 16 : bits, code_of(array, false, first + i));
    }
  }

  // Reads what the thread's last store has put into shared memory.
  void settle(unsigned number, std::vector<Access>& log) {
    Thread& thread = threads_[number];
    if (!thread.unread_store) {
      return;
    }
    Access& store = log[*thread.unread_store];
    thread.unread_store.reset();
    for (unsigned byte = 0; byte < store.bytes; byte += 4) {
      const std::uintptr_t address = store.address + byte;
      const bool in_place = values_.rounds_in_place(number, address, word_at(address));
      const std::int64_t code = in_place               ? values_.at(address)
                                : store.bytes % 4 == 0 ? values_.stored(number, word_at(address))
                                                       : computed;
      store.content.push_back(code);
      values_.put(address, code);
      values_.put(address + 2, code);
    }
  }

  int fragment(std::vector<std::int64_t> codes) {
    const auto [entry, is_new] =
        fragment_numbers_.try_emplace(codes, static_cast<int>(trace_.fragments.size()));
    if (is_new) {
      trace_.fragments.push_back(std::move(codes));
    }
    return entry->second;
  }

  // ---- requests ----

  void count_request(const Request& request, unsigned warp) {
    Event event;
    count(request, block_sectors_, trace_.launch_totals, watched_ ? &trace_.block_totals : nullptr, event);
    if (!watched_ || request.kind == Kind::copy_source) {
      return;
    }
    describe(request, warp, event);
    emit(std::move(event));
  }

  void describe(const Request& request, unsigned warp, Event& event) {
    event.kind = request.kind;
    event.warp = warp;
    event.place = request.place;
    for (const Access* access : request.lane) {
      if (access == nullptr) {
        continue;
      }
      event.lanes |= 1U << access->lane;
      event.bytes = std::max(event.bytes, access->bytes);
      if (event.array < 0) {
        event.array = array_of(access->address);
      }
      const auto offset = [&](int array, std::uintptr_t address) {
        return static_cast<std::int64_t>(
            address - (array < 0 ? 0 : trace_.arrays[static_cast<std::size_t>(array)].begin));
      };
      event.at.push_back(offset(event.array, access->address));
      if (request.kind == Kind::copy) {
        if (access->from != 0 && event.from_array < 0) {
          event.from_array = array_of(access->from);
        }
        event.from.push_back(access->from == 0 ? -1 : offset(event.from_array, access->from));
      }
      event.content.insert(event.content.end(), access->content.begin(), access->content.end());
    }
  }

  void emit(Event event) {
    require(trace_.events.size() < watch_.most_events,
            "block {},{},{} makes more than {} requests: choose a smaller --shape", watch_.block[0],
            watch_.block[1], watch_.block[2], watch_.most_events);
    trace_.events.push_back(std::move(event));
  }

  Watch watch_;
  Trace trace_;
  bool active_ = false;       // the running launch is recorded
  bool watched_ = false;      // the running block is described in events
  bool knows_block_ = false;  // `watched_` is decided
  int paused_ = 0;
  std::map<std::uintptr_t, std::size_t> memory_;  // blocks of the device's arena: begin, bytes
  std::array<Thread, simt::max_threads> threads_;
  std::array<std::vector<Access>, simt::max_threads / simt::warp_size> logs_;
  std::unordered_map<std::uint64_t, std::uint32_t> place_numbers_;  // by a hash of the return addresses
  std::map<std::vector<std::int64_t>, int> fragment_numbers_;
  Values values_;
  SectorSets block_sectors_;
};

Recorder& recorder() {
  static auto* const instance = new Recorder;  // never destroyed, as static tensors are freed later
  return *instance;
}

// Functions that the recorder calls may be the copies that were compiled with the kernels. Calls from these are ignored.
constinit bool is_inside = false;
class Inside {
 public:
  Inside() { is_inside = true; }
  ~Inside() { is_inside = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

constinit Recorder* current = nullptr;  // set while a launch runs that is recorded

}  // namespace

void watch(const Watch& watch, const std::vector<Array>& arrays) {
  recorder().watch(watch, arrays);
}
Trace take_trace() {
  return recorder().take();
}

// ---- calls from instrumented code ----

void traced_access(const void* place, const void* address, std::size_t bytes, bool is_store) {
  if (current == nullptr || is_inside || !current->active()) {
    return;
  }
  const Inside inside;
  current->access(place, reinterpret_cast<std::uintptr_t>(address), bytes, is_store);
}
void traced_entry(const void* caller) {
  if (current != nullptr && !is_inside) {
    const Inside inside;
    current->entry(caller);
  }
}
void traced_exit() {
  if (current != nullptr && !is_inside) {
    const Inside inside;
    current->exit();
  }
}

}  // namespace sec::lab

// ---- calls from the engine ----

namespace sec::simt {

using lab::current;
using lab::Inside;
using lab::recorder;

void observer::begin_launch(const KernelName& name) {
  const Inside inside;
  recorder().begin_launch(name);
  current = recorder().active() ? &recorder() : nullptr;
}
void observer::end_launch() {
  recorder().end_launch();
  current = nullptr;
}
void observer::warps_met(unsigned first, unsigned count) {
  const Inside inside;
  if (current != nullptr) {
    current->flush(first, count);
  }
}
void observer::end_block(unsigned warps) {
  const Inside inside;
  recorder().end_block(warps);
}
void observer::async_copy(const void* place, const AsyncCopy& copy) {
  const Inside inside;
  if (current != nullptr) {
    current->async_copy(place, copy);
  }
}
void observer::copy_arrived(const AsyncCopy& copy) {
  const Inside inside;
  if (current != nullptr) {
    current->copy_arrived(copy);
  }
}
void observer::block_met(const char* name, const Site& /*site*/) {
  const Inside inside;
  if (current != nullptr) {
    current->block_met(name);
  }
}
void observer::lanes_met(const char* name, const Site& /*site*/, unsigned warp, Complete complete,
                         const WarpOperands& operands) {
  const Inside inside;
  if (current != nullptr) {
    current->lanes_met(name, warp, complete, operands);
  }
}
void observer::tensor_product(unsigned operations) {
  if (current != nullptr) {
    current->tensor_product(operations);
  }
}
void observer::pause() {
  recorder().pause();
}
void observer::go_on() {
  recorder().go_on();
}
void observer::take_memory(const void* block, std::size_t bytes) {
  const Inside inside;
  recorder().take_memory(block, bytes);
}
void observer::give_back_memory(const void* block) {
  const Inside inside;
  recorder().give_back_memory(block);
}

}  // namespace sec::simt
