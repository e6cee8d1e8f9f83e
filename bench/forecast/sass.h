// Machine code of kernels as nvdisasm prints it ("SASS"), read from the files that `tools/gpu_code --sass` writes.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sec::forecast {

// A modifier of an instruction, such as U32 in IMAD.WIDE.U32, by its name. Those that matter here have a bit each.
class Modifier {
 public:
  static constexpr std::string_view names[] = {
      "128", "16",   "16816", "1688",  "32",    "64",  "8",   "ALL", "B1", "B2", "B3",   "BFLY", "CEIL",
      "DIV", "DOWN", "EQ",    "EX",    "FLOOR", "HI",  "IDX", "L",   "OR", "RP", "S16",  "S32",  "S64",
      "S8",  "SH",   "SX32",  "TRUNC", "U16",   "U32", "U64", "U8",  "UP", "W",  "WIDE", "X",    "XOR"};
  static constexpr std::uint64_t bit_of(std::string_view name) {  // 0 for other names
    for (std::size_t i = 0; i < std::size(names); ++i) {
      if (names[i] == name) {
        return std::uint64_t{1} << i;
      }
    }
    return 0;
  }
  consteval Modifier(const char* name)
      : bit(bit_of(name)) {  // NOLINT(google-explicit-constructor): for has("U32")
    if (bit == 0) {
      throw "this modifier has no bit";
    }
  }
  std::uint64_t bit;
};

// One operand, such as -R5, !P0, 0x10, c[0x0][R3+0x210], desc[UR6][R2.64+0x8], SR_TID.X or B0.
struct Operand {
  enum class Kind : std::uint8_t {
    reg,
    uniform,
    predicate,
    uniform_predicate,
    number,
    constant,
    address,
    barrier,
    name
  };
  Kind kind = Kind::name;
  bool negated = false;    // -x, or ! of a predicate
  bool inverted = false;   // ~x
  bool absolute = false;   // |x|
  bool wide = false;       // R2.64: two registers
  int index = 0;           // number of the register, predicate or barrier
  std::uint32_t bits = 0;  // of a number: as an integer, or as f32
  // Addresses and constants: the sum of a register times a scale, a uniform register and an offset.
  int base = -1, uniform_base = -1;  // register numbers, -1: none
  int scale = 1;
  bool uniform_wide = false;
  std::int64_t offset = 0;
  int bank = 0;      // of a constant: c[bank][...]
  std::string name;  // SR_TID.X; the label of a branch
};

struct Instruction {
  Operand guard;     // the predicate of @P0 or @!UP1; PT without one
  std::string name;  // the operation without its modifiers: IMAD of IMAD.WIDE.U32
  std::vector<std::string> modifiers;
  std::uint64_t modifier_bits = 0;
  std::vector<Operand> operands;
  std::uint64_t target = 0;  // of a branch or call: index of the instruction
  std::string text;
  int handler = -1;  // set by the machine that executes it

  bool has(Modifier modifier) const { return (modifier_bits & modifier.bit) != 0; }
};

struct Kernel {
  std::string file;  // conv_tensor.cu
  std::string name;  // conv_tensor<bf16, 64, Dgrad, true>
  std::vector<Instruction> code;
};

// A loop: the instructions from the target of a backward branch to the branch.
struct Loop {
  std::size_t begin, end;  // indices of the first instruction and of the branch
};

// Loops in order of their first instruction. Branches back to one instruction form one loop.
std::vector<Loop> loops_of(const Kernel& kernel);

// The kernels of a file. Throws Error, naming the file and the line, where a line is not understood.
std::vector<Kernel> read_sass(const std::string& path);
std::vector<Kernel> parse_sass(const std::string& text, const std::string& place);

}  // namespace sec::forecast
