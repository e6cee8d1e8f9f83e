#include "kernels/cpu/isa.h"

#include <cstdlib>

#include "engine/error.h"

namespace sec::kernels::cpu {

namespace baseline {
Table make_table();
}
#ifdef SEC_HAS_avx2
namespace avx2 {
Table make_table();
}
#endif
#ifdef SEC_HAS_avx512
namespace avx512 {
Table make_table();
}
#endif

namespace {

struct Isa {
  std::string_view name;
  Table (*make_table)();
  bool (*present)();
};

// Each check must name the instruction sets that kernels/CMakeLists.txt enables for the compiler.
constexpr Isa isas[] = {
    {"baseline", baseline::make_table, [] { return true; }},
#ifdef SEC_HAS_avx2
    {"avx2", avx2::make_table,
     [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }},
#endif
#ifdef SEC_HAS_avx512
    {"avx512", avx512::make_table,
     [] {
       return __builtin_cpu_supports("fma") != 0 && __builtin_cpu_supports("avx512f") != 0 &&
              __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
              __builtin_cpu_supports("avx512vl") != 0;
     }},
#endif
};

const Isa& isa_named(std::string_view name) {
  for (const Isa& isa : isas) {
    if (isa.name == name) {
      require(isa.present(), "SEC_CPU_ISA: this machine cannot run '{}'", name);
      return isa;
    }
  }
  fail("SEC_CPU_ISA: unknown instruction set '{}', expected baseline, avx2 or avx512", name);
}

const Isa& chosen() {
  if (const char* wish = std::getenv("SEC_CPU_ISA"); wish != nullptr && *wish != '\0') {
    return isa_named(wish);
  }
  return isa_named(available_isas().back());
}

}  // namespace

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : isas) {
    if (isa.present()) {
      names.push_back(isa.name);
    }
  }
  return names;
}

const Table& table_of(std::string_view name) {
  static Table tables[std::size(isas)];
  static const bool filled = [] {
    for (std::size_t i = 0; i < std::size(isas); ++i) {
      if (isas[i].present()) {
        tables[i] = isas[i].make_table();
      }
    }
    return true;
  }();
  return tables[static_cast<std::size_t>(&isa_named(name) - isas) * (filled ? 1 : 0)];
}

std::string_view isa_in_use() {
  static const std::string_view name = chosen().name;
  return name;
}

bool minimal_filtering() {
  static const bool wanted = [] {
    const char* const wish = std::getenv("SEC_CPU_FILTER");
    const std::string_view name = wish == nullptr || *wish == '\0' ? "minimal" : wish;
    require(name == "minimal" || name == "direct",
            "SEC_CPU_FILTER: unknown method '{}', expected minimal or direct", name);
    return name == "minimal";
  }();
  return wanted;
}

const Table& table() {
  static const Table& instance = table_of(isa_in_use());
  return instance;
}

}  // namespace sec::kernels::cpu
