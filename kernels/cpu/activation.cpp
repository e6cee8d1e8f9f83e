#include "kernels/cpu/activation.h"

#include <cmath>

#include "kernels/cpu/philox_vector.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Writes the activation of `count` elements, whole rows of `channels`, to y.
// `element` is the index of the first element in the tensor.
// The mark bits of these elements are at `marks_in` and `marks_out`, which may be null.
template <bool Draws, bool Marked>
void activate(const Activation& a, const float* x, std::int64_t element, std::int64_t count,
              std::int64_t channels, float* y, const std::uint16_t* marks_in, std::uint16_t* marks_out) {
  constexpr std::int64_t drawn = 1024;
  constexpr int parts = mark_elements / width;
  static_assert(drawn % drawn_at_once == 0 && mark_elements % width == 0);
  // The test u < p in integers: u is the upper 24 bits of a random word, divided by 2^24.
  const auto threshold = static_cast<std::uint32_t>(std::ceil(static_cast<double>(a.p) * 0x1p24));
  std::uint16_t kept[drawn / mark_elements];
  std::int64_t c = 0;
  for (std::int64_t first = 0; first < count; first += drawn) {
    const std::int64_t size = std::min(drawn, count - first);
    if constexpr (Draws) {
      unsigned char bits[drawn / width * 2] = {};  // bits of the kept elements, a byte per vector
      for (std::int64_t i = 0; i < size; i += drawn_at_once) {
        const Words words = draw(a.key, static_cast<std::uint64_t>(element + first + i) / 4);
        const unsigned front = to_bits(__builtin_bit_cast(I32, (words.first >> 8U) >= threshold));
        const unsigned back = to_bits(__builtin_bit_cast(I32, (words.second >> 8U) >= threshold));
        if constexpr (width == 16) {
          kept[i / mark_elements] = static_cast<std::uint16_t>(front);
          if (i + mark_elements < size) {
            kept[i / mark_elements + 1] = static_cast<std::uint16_t>(back);
          }
        } else {
          bits[i / width] = static_cast<unsigned char>(front);
          bits[i / width + 1] = static_cast<unsigned char>(back);
        }
      }
      if constexpr (width < 16) {
        for (std::int64_t i = 0; i < size; i += mark_elements) {
          unsigned word = 0;
          for (int v = 0; v < parts; ++v) {
            word |= unsigned{bits[i / width + v]} << static_cast<unsigned>(v * width);
          }
          kept[i / mark_elements] = static_cast<std::uint16_t>(word);
        }
      }
    }
    for (std::int64_t i = 0; i < size; i += mark_elements) {
      unsigned pass = 0xffffU;
      if constexpr (Marked) {
        pass = marks_in[(first + i) / mark_elements];
      } else if constexpr (Draws) {
        pass = kept[i / mark_elements];
      }
      unsigned passed = 0;
      for (int v = 0; v < parts; ++v) {
        const std::int64_t at = first + i + v * width;
        const F32 z = (load(x + at) - load(a.centre + c + v * width)) * load(a.scale + c + v * width) +
                      load(a.shift + c + v * width);
        unsigned lane_bits = pass >> static_cast<unsigned>(v * width);
        if constexpr (!Marked) {
          lane_bits &= ~to_bits(z <= F32{});  // NaN passes, so that a broken network shows
          passed |= (lane_bits & ((1U << static_cast<unsigned>(width)) - 1U))
                    << static_cast<unsigned>(v * width);
        }
        store(y + at, keep_bits(lane_bits, z * a.keep));
      }
      if (!Marked && marks_out != nullptr) {
        marks_out[(first + i) / mark_elements] = static_cast<std::uint16_t>(passed);
      }
      c += mark_elements;
      c = c == channels ? 0 : c;
    }
  }
}

}  // namespace

const float* padded_window(const Source& source, std::int64_t sample, std::int64_t first, std::int64_t size,
                           Part own, float* buffer) {
  const std::int64_t row = source.row;
  const float* const x = source.x + sample * source.length * row;
  if (source.activation == nullptr) {
    return zero_padded(x, source.length, row, first, size, buffer);
  }
  const Activation& a = *source.activation;
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, size);
  const std::int64_t end = std::clamp<std::int64_t>(source.length - first, begin, size);
  std::fill(buffer, buffer + begin * row, 0.0F);
  std::fill(buffer + end * row, buffer + size * row, 0.0F);
  const auto run = [&](std::int64_t from, std::int64_t to, bool owned) {
    if (to <= from) {
      return;
    }
    const std::int64_t element = (sample * source.length + from) * row;
    std::uint16_t* const marks = a.marks == nullptr ? nullptr : a.marks + element / mark_elements;
    float* const y = buffer + (from - first) * row;
    const float* const in = x + from * row;
    const std::int64_t count = (to - from) * row;
    if (!a.draws) {
      activate<false, true>(a, in, element, count, source.channels, y, marks, nullptr);
    } else if (a.p > 0) {
      activate<true, false>(a, in, element, count, source.channels, y, nullptr, owned ? marks : nullptr);
    } else {
      activate<false, false>(a, in, element, count, source.channels, y, nullptr, owned ? marks : nullptr);
    }
  };
  const std::int64_t own_begin = std::clamp(own.first, first + begin, first + end);
  const std::int64_t own_end = std::clamp(own.first + own.size, own_begin, first + end);
  run(first + begin, own_begin, false);
  run(own_begin, own_end, true);
  run(own_end, first + end, false);
  return buffer;
}

}  // namespace sec::kernels::cpu::SEC_ISA
