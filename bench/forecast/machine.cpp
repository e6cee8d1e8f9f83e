#include "bench/forecast/machine.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

#include "bench/forecast/warp.h"
#include "engine/error.h"

namespace sec::forecast {
namespace {

// Names without the "U" of instructions on uniform registers.
const std::map<std::string_view, Handler>& handlers() {
  static const std::map<std::string_view, Handler> table = {{"MOV", h_mov},
                                                            {"IADD3", h_iadd3},
                                                            {"VIADD", h_iadd},
                                                            {"IMAD", h_imad},
                                                            {"LEA", h_lea},
                                                            {"SHF", h_shf},
                                                            {"LOP3", h_lop3},
                                                            {"ISETP", h_isetp},
                                                            {"SEL", h_sel},
                                                            {"FSEL", h_sel},
                                                            {"VIMNMX", h_minmax},
                                                            {"IMNMX", h_minmax},
                                                            {"VIADDMNMX", h_add_minmax},
                                                            {"IABS", h_iabs},
                                                            {"POPC", h_popc},
                                                            {"FLO", h_flo},
                                                            {"BREV", h_brev},
                                                            {"PRMT", h_prmt},
                                                            {"BMSK", h_bmsk},
                                                            {"SGXT", h_sgxt},
                                                            {"S2R", h_special},
                                                            {"S2UR", h_special},
                                                            {"CS2R", h_clear},
                                                            {"R2UR", h_to_uniform},
                                                            {"VOTE", h_vote},
                                                            {"P2R", h_p2r},
                                                            {"R2P", h_r2p},
                                                            {"I2F", h_i2f},
                                                            {"I2FP", h_i2f},
                                                            {"F2I", h_f2i},
                                                            {"F2FP", h_f2fp},
                                                            {"F2F", h_f2fp},
                                                            {"FADD", h_fadd},
                                                            {"FMUL", h_fmul},
                                                            {"FFMA", h_ffma},
                                                            {"FMNMX", h_fminmax},
                                                            {"FSETP", h_fsetp},
                                                            {"FCHK", h_fchk},
                                                            {"MUFU", h_mufu},
                                                            {"PLOP3", h_plop3},
                                                            {"HFMA2", h_hfma2},
                                                            {"SHFL", h_shfl},
                                                            {"LDC", h_ldc},
                                                            {"LDG", h_load_global},
                                                            {"STG", h_store_global},
                                                            {"LDGSTS", h_copy_async},
                                                            {"LDS", h_load_shared},
                                                            {"STS", h_store_shared},
                                                            {"LDL", h_load_local},
                                                            {"STL", h_store_local},
                                                            {"ATOMG", h_atomic},
                                                            {"RED", h_atomic},
                                                            {"BSSY", h_bssy},
                                                            {"BSYNC", h_bsync},
                                                            {"BREAK", h_break},
                                                            {"BMOV", h_bmov},
                                                            {"BRA", h_bra},
                                                            {"CALL", h_call},
                                                            {"RET", h_ret},
                                                            {"EXIT", h_exit},
                                                            {"BAR", h_barrier},
                                                            {"REDUX", h_redux},
                                                            {"DSETP", h_predicate_false},
                                                            {"HSETP2", h_predicate_false}};
  return table;
}

// Counted, but not computed.
bool is_counted_only(std::string_view name) {
  static constexpr std::string_view names[] = {
      "NOP",    "HMMA", "LDSM",  "LDGDEPBAR", "DEPBAR", "WARPSYNC",      "MEMBAR",
      "ERRBAR", "CCTL", "HADD2", "HMUL2",     "HMNMX2", "ENDCOLLECTIVE", "DADD",
      "DMUL",   "DFMA", "YIELD", "FRND",      "FENCE",  "STSM",          "ARRIVES"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void make_distinct(std::vector<std::uint64_t>& sectors) {
  std::sort(sectors.begin(), sectors.end());
  sectors.erase(std::unique(sectors.begin(), sectors.end()), sectors.end());
}

}  // namespace

void prepare(Kernel& kernel) {
  for (Instruction& one : kernel.code) {
    std::string_view name = one.name;
    if (is_counted_only(name)) {
      one.handler = h_nothing;
      continue;
    }
    auto found = handlers().find(name);
    if (found == handlers().end() && name.starts_with('U')) {
      found = handlers().find(name.substr(1));
    }
    if (found == handlers().end() && name == "VOTEU") {
      found = handlers().find("VOTE");
    }
    require(found != handlers().end(), "{} {}: '{}': this instruction is not known", kernel.file, kernel.name,
            one.text);
    one.handler = found->second;
    if (one.handler == h_bra && one.has("DIV")) {
      one.handler = h_bra_diverged;
    }
  }
}

BlockRun run_block(const Kernel& kernel, const RecordedLaunch& launch, std::array<unsigned, 3> index) {
  ThreadBlock block{kernel, launch, index, {}, {}, {}};
  block.run.issued.resize(kernel.code.size());
  block.shared.resize(shared_bytes);
  block.constants.resize(parameters_at + launch.parameters.size() + 16);
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::memcpy(block.constants.data() + at, &value, 4);
  };
  for (std::size_t d = 0; d < 3; ++d) {
    put(4 * d, launch.size.block[d]);
    put(12 + 4 * d, launch.size.grid[d]);
  }
  put(stack_pointer_at, local_bytes - 64);
  std::memcpy(block.constants.data() + parameters_at, launch.parameters.data(), launch.parameters.size());

  std::vector<Warp> warps;
  const unsigned count = (launch.size.threads() + lanes - 1) / lanes;
  warps.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    warps.emplace_back(block, i);
  }
  for (bool left = true; left;) {
    left = false;
    for (Warp& warp : warps) {
      warp.go_on();
    }
    for (Warp& warp : warps) {  // all threads wait at the barrier, or have exited
      warp.leave_barrier();
      left = left || !warp.done();
    }
  }
  for (const Warp& warp : warps) {
    block.run.all_issued += warp.issued();
    block.run.longest_warp = std::max(block.run.longest_warp, warp.issued());
  }
  make_distinct(block.run.loaded);
  make_distinct(block.run.stored);
  return block.run;
}

}  // namespace sec::forecast
