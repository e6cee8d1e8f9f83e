#include "bench/forecast/warp.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "engine/error.h"

namespace sec::forecast {

void Warp::go_on() {
  for (;;) {
    Group* next = nullptr;
    for (Group& group : groups_) {
      if (group.state == Group::State::ready && (next == nullptr || group.pc < next->pc)) {
        next = &group;
      }
    }
    if (next == nullptr) {
      break;
    }
    Group group = *next;
    groups_.erase(groups_.begin() + (next - groups_.data()));
    while (group.mask != 0 && group.state == Group::State::ready) {
      step(group);
    }
    if (group.mask != 0) {
      groups_.push_back(group);
    }
    join_groups();
  }
  for (const Group& group : groups_) {
    require(group.state == Group::State::at_barrier, "{} {}: threads of a warp wait for each other",
            block_.kernel.file, block_.kernel.name);
  }
}

void Warp::join_groups() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].state != Group::State::at_sync) {
      continue;
    }
    const Group first = groups_[i];
    const std::uint32_t wanted = convergence_[static_cast<std::size_t>(first.sync)]
                                             [static_cast<std::size_t>(std::countr_zero(first.mask))] &
                                 live_;
    std::uint32_t arrived = 0;
    const auto waits = [&](const Group& group) {
      return group.state == Group::State::at_sync && group.sync == first.sync && group.pc == first.pc;
    };
    for (const Group& group : groups_) {
      arrived |= waits(group) ? group.mask : 0;
    }
    if ((wanted & ~arrived) == 0) {
      std::uint32_t joined = 0;
      std::erase_if(groups_, [&](const Group& group) {
        const bool joins = waits(group) && (group.mask & ~wanted) == 0;
        joined |= joins ? group.mask : 0;
        return joins;
      });
      groups_.push_back({joined, first.pc + 1, Group::State::ready, 0});
      i = static_cast<std::size_t>(-1);  // starts again
    }
  }
}

void Warp::access_global(const Instruction& one, const Operand& operand, std::uint32_t mask, bool stores) {
  const unsigned width = width_of(one);
  std::vector<std::uint64_t>& sectors = stores ? block_.run.stored : block_.run.loaded;
  forecast::Block arena;
  std::uint64_t last = 0;
  for (std::size_t l = 0; l < lanes; ++l) {
    if ((mask >> l & 1U) == 0) {
      continue;
    }
    const std::uint64_t at = address(operand, l);
    if (!arena.holds(at)) {
      arena = block_of(at);
    }
    if (!arena.holds(at) || !arena.holds(at + width - 1)) {
      block_.fail_at(one, "accesses memory outside the arena");
    }
    (stores ? block_.run.stored_bytes : block_.run.loaded_bytes) += width;
    if (at / 32 != last) {
      last = at / 32;
      sectors.push_back(last);
    }
  }
}

void Warp::step(Group& group) {
  if (group.pc >= block_.kernel.code.size()) {
    fail("{} {}: runs past its last instruction", block_.kernel.file, block_.kernel.name);
  }
  const Instruction& one = block_.kernel.code[group.pc];
  ++block_.run.issued[group.pc];
  if (++issued_ > most_issued) {
    block_.fail_at(one, "the block does not end");
  }
  const std::uint32_t mask = group.mask & holds(one.guard);
  switch (one.handler) {
    case h_bra: {
      std::uint32_t taken = mask;
      for (const Operand& operand : one.operands) {
        taken &= is_predicate(operand) ? holds(operand) : all_lanes;
      }
      ++group.pc;
      branch(group, taken, one.target);
      return;
    }
    case h_call:
      ++group.pc;
      branch(group, mask, one.target);
      return;
    case h_ret: {
      const Lanes to = raw(one, one.operands[0], mask);
      std::uint32_t left = mask;
      ++group.pc;
      while (left != 0) {
        const std::uint32_t target = to[static_cast<std::size_t>(std::countr_zero(left))];
        const std::uint32_t same = left & each_bit([&](std::size_t l) { return to[l] == target; });
        left &= ~same;
        branch(group, same, target / 16);
      }
      return;
    }
    case h_exit:
      live_ &= ~mask;
      group.mask &= ~mask;
      ++group.pc;
      return;
    case h_bssy:
      for (std::size_t l = 0; l < lanes; ++l) {
        if ((mask >> l & 1U) != 0) {
          convergence_[static_cast<std::size_t>(one.operands[0].index)][l] = group.mask;
        }
      }
      break;
    case h_bsync:
      if (mask != 0) {
        if (mask != group.mask) {
          groups_.push_back({group.mask & ~mask, group.pc + 1, Group::State::ready, 0});
          group.mask = mask;
        }
        group.state = Group::State::at_sync;
        group.sync = one.operands[0].index;
        return;
      }
      break;
    case h_break: {
      const auto barrier = static_cast<std::size_t>(one.operands.back().index);
      std::uint32_t leaves = mask;
      for (const Operand& operand : one.operands) {
        leaves &= is_predicate(operand) ? holds(operand) : all_lanes;
      }
      for (auto& waits_for : convergence_[barrier]) {
        waits_for &= ~leaves;
      }
      break;
    }
    case h_barrier:
      if (mask != 0) {
        group.state = Group::State::at_barrier;
      }
      break;
    case h_bra_diverged:
    case h_nothing:
      break;
    default:
      if (is_integer(one.handler)) {
        compute_integer(one, mask);
      } else if (is_transfer(one.handler)) {
        transfer(one, mask);
      } else {
        compute_real(one, mask);
      }
  }
  ++group.pc;
}

}  // namespace sec::forecast
