#include "io/signal/fourier_resample.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "engine/error.h"

namespace sec::io {
namespace {

using Complex = std::complex<double>;
using Spectrum = std::vector<Complex>;

// exp(-2 pi i * index / count) for each index from 0 to count - 1.
Spectrum roots_of_unity(std::size_t count) {
  Spectrum roots(count);
  for (std::size_t i = 0; i < count; ++i) {
    roots[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count));
  }
  return roots;
}

std::size_t smallest_factor(std::size_t n) {
  for (std::size_t factor = 2; factor * factor <= n; ++factor) {
    if (n % factor == 0) {
      return factor;
    }
  }
  return n;
}

// The discrete Fourier transform of the n values x[0], x[stride], ... into out[0, n) (Cooley & Tukey 1965).
// It has one recursion level per prime factor of n, and n * (sum of the factors) multiplications in all.
// `roots` are the roots of unity of the whole transform, whose length n divides.
void transform(const Complex* x, std::size_t n, std::size_t stride, const Spectrum& roots, Complex* out) {
  if (n == 1) {
    out[0] = x[0];
    return;
  }
  const std::size_t radix = smallest_factor(n);
  const std::size_t part = n / radix;
  for (std::size_t r = 0; r < radix; ++r) {
    transform(x + r * stride, part, stride * radix, roots, out + r * part);
  }
  const std::size_t step = roots.size() / n;  // roots[step] is exp(-2 pi i / n)
  std::vector<Complex> column(radix);
  for (std::size_t k = 0; k < part; ++k) {
    for (std::size_t r = 0; r < radix; ++r) {
      column[r] = out[r * part + k];
    }
    for (std::size_t q = 0; q < radix; ++q) {
      const std::size_t bin = q * part + k;
      Complex sum = column[0];
      for (std::size_t r = 1; r < radix; ++r) {
        sum += column[r] * roots[r * bin % n * step];
      }
      out[bin] = sum;
    }
  }
}

Spectrum transformed(const Spectrum& x) {
  Spectrum out(x.size());
  transform(x.data(), x.size(), 1, roots_of_unity(x.size()), out.data());
  return out;
}

}  // namespace

std::vector<float> fourier_resample(std::span<const float> signal, std::int64_t count) {
  require(!signal.empty() && count > 0, "fourier_resample: {} samples to {}, expected lengths above 0",
          signal.size(), count);
  const auto n = signal.size();
  const auto m = static_cast<std::size_t>(count);
  const Spectrum before = transformed({signal.begin(), signal.end()});

  // Copies the bins from frequency 0 to the lower Nyquist frequency, and their mirror images.
  // If the shorter length is even, its Nyquist bin stands for two:
  // truncation adds both, zero-padding halves the bin.
  const std::size_t shorter = std::min(n, m);
  Spectrum after(m);
  for (std::size_t k = 0; k <= (shorter - 1) / 2; ++k) {
    after[k] = before[k];
    if (k > 0) {
      after[m - k] = before[n - k];
    }
  }
  if (shorter % 2 == 0) {
    const std::size_t nyquist = shorter / 2;
    if (m < n) {
      after[nyquist] = before[nyquist] + before[n - nyquist];
    } else if (m > n) {
      after[nyquist] = before[nyquist] / 2.0;
      after[m - nyquist] = before[nyquist] / 2.0;
    } else {
      after[nyquist] = before[nyquist];
    }
  }
  // The inverse transform is computed as the forward transform of the conjugate.
  for (Complex& bin : after) {
    bin = std::conj(bin);
  }
  const Spectrum back = transformed(after);
  std::vector<float> result(m);
  for (std::size_t i = 0; i < m; ++i) {
    result[i] = static_cast<float>(back[i].real() / static_cast<double>(n));
  }
  return result;
}

}  // namespace sec::io
