#include "kernels/cpu/minimal_filter.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// The finite points, in order of use; the last point of a form is infinity.
// If n is even, points come in pairs a, -a.
// Their matrix rows differ in signs alone and share half of the multiplications.
// The point 3/4 has smaller rounding errors than 4, 1/4 or 3/2.
constexpr double points[] = {0, 1, -1, 2, -2, 0.5, -0.5, 0.75, -0.75};

template <int Rows, int Columns>
struct Matrix {
  static constexpr int rows = Rows;
  static constexpr int columns = Columns;
  float at[Rows][Columns] = {};
};

constexpr double power(double base, int exponent) {
  double value = 1;
  for (int i = 0; i < exponent; ++i) {
    value *= base;
  }
  return value;
}

// The (n, m) matrix whose row p is a_p^0 ... a_p^(m-1). The row of infinity is 0 ... 0 1.
template <int N, int M>
constexpr Matrix<N, M> powers() {
  Matrix<N, M> v;
  for (int p = 0; p < N - 1; ++p) {
    for (int j = 0; j < M; ++j) {
      v.at[p][j] = static_cast<float>(power(points[p], j));
    }
  }
  v.at[N - 1][M - 1] = 1;
  return v;
}

// B^T: row p has the coefficients of the product of (x - a_q) over all finite q != p.
// The row of infinity has the coefficients of the product over all finite points.
template <int N>
constexpr Matrix<N, N> input_matrix() {
  Matrix<N, N> b;
  for (int p = 0; p < N; ++p) {
    double c[N + 1] = {1};
    for (int q = 0; q < N - 1; ++q) {
      if (q != p) {
        for (int i = N; i >= 0; --i) {
          c[i] = (i > 0 ? c[i - 1] : 0) - points[q] * c[i];
        }
      }
    }
    for (int i = 0; i < N; ++i) {
      b.at[p][i] = static_cast<float>(c[i]);
    }
  }
  return b;
}

// G: the matrix of powers, with row p divided by the product of (a_p - a_q) over q != p.
template <int N, int R>
constexpr Matrix<N, R> weight_matrix() {
  Matrix<N, R> g = powers<N, R>();
  for (int p = 0; p < N - 1; ++p) {
    double product = 1;
    for (int q = 0; q < N - 1; ++q) {
      product *= q == p ? 1 : points[p] - points[q];
    }
    for (int i = 0; i < R; ++i) {
      g.at[p][i] = static_cast<float>(power(points[p], i) / product);
    }
  }
  return g;
}

template <int Rows, int Columns>
constexpr Matrix<Columns, Rows> transposed(const Matrix<Rows, Columns>& m) {
  Matrix<Columns, Rows> t;
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Columns; ++c) {
      t.at[c][r] = m.at[r][c];
    }
  }
  return t;
}

template <int M, int R, Transform Which>
constexpr auto matrix_of() {
  constexpr int n = M + R - 1;
  if constexpr (Which == Transform::input) {
    return input_matrix<n>();
  } else if constexpr (Which == Transform::weights) {
    return weight_matrix<n, R>();
  } else if constexpr (Which == Transform::output) {
    return transposed(powers<n, M>());
  } else if constexpr (Which == Transform::gradient) {
    return powers<n, M>();
  } else {
    return transposed(weight_matrix<n, R>());
  }
}

// True if rows r and r + 1 are equal except for signs.
template <int Rows, int Columns>
constexpr bool paired(const Matrix<Rows, Columns>& m, int r) {
  if (r % 2 == 0 || r + 1 >= Rows - 1) {
    return false;  // pairs begin at odd rows; the last row is infinity
  }
  for (int c = 0; c < Columns; ++c) {
    if (m.at[r][c] != m.at[r + 1][c] && m.at[r][c] != -m.at[r + 1][c]) {
      return false;
    }
  }
  return true;
}

// y = M x for a matrix whose rows are points. Loop bounds and coefficients are compile-time constants.
// Zeros and ones therefore cost no multiplications.
template <int M, int R, Transform Which, int Rows, int Columns>
[[gnu::always_inline]] inline void multiply_by_rows(const F32* x, F32* y) {
  static constexpr Matrix<Rows, Columns> m = matrix_of<M, R, Which>();
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    if (r > 0 && paired(m, r - 1)) {
      continue;  // row r was computed with row r - 1
    }
    const bool pair = paired(m, r);
    F32 same = {};
    F32 opposite = {};
#pragma GCC unroll 16
    for (int i = 0; i < Columns; ++i) {
      if (m.at[r][i] == 0) {
        continue;
      }
      if (pair && m.at[r][i] != m.at[r + 1][i]) {
        opposite += m.at[r][i] * x[i];
      } else {
        same += m.at[r][i] * x[i];
      }
    }
    y[r] = pair ? same + opposite : same;
    if (pair) {
      y[r + 1] = same - opposite;
    }
  }
}

// y = M x for a matrix whose columns are points.
template <int M, int R, Transform Which, int Rows, int Columns>
[[gnu::always_inline]] inline void multiply_by_columns(const F32* x, F32* y) {
  static constexpr Matrix<Rows, Columns> m = matrix_of<M, R, Which>();
  static constexpr Matrix<Columns, Rows> t = transposed(m);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    y[r] = F32{};
  }
#pragma GCC unroll 16
  for (int p = 0; p < Columns; ++p) {
    if (p > 0 && paired(t, p - 1)) {
      continue;
    }
    const bool pair = paired(t, p);
    const F32 sum = pair ? x[p] + x[p + 1] : x[p];
    const F32 difference = pair ? x[p] - x[p + 1] : x[p];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      if (t.at[p][r] != 0) {
        y[r] += t.at[p][r] * (pair && t.at[p][r] != t.at[p + 1][r] ? difference : sum);
      }
    }
  }
}

template <int M, int R, Transform Which, bool Whole>
void run(const Strided& s, std::int64_t count) {
  using Shape = decltype(matrix_of<M, R, Which>());
  constexpr bool by_columns = Which == Transform::output || Which == Transform::weights_back;
  for (std::int64_t e = 0; e < count; e += width) {
    F32 x[Shape::columns];
    F32 y[Shape::rows];
#pragma GCC unroll 16
    for (int i = 0; i < Shape::columns; ++i) {
      x[i] = Whole || i < s.n_in ? load(s.from + i * s.from_stride + e) : F32{};
    }
    if constexpr (by_columns) {
      multiply_by_columns<M, R, Which, Shape::rows, Shape::columns>(x, y);
    } else {
      multiply_by_rows<M, R, Which, Shape::rows, Shape::columns>(x, y);
    }
#pragma GCC unroll 16
    for (int o = 0; o < Shape::rows; ++o) {
      if (Whole || o < s.n_out) {
        float* const to = s.to + o * s.to_stride + e;
        store(to, Which == Transform::weights_back ? load(to) + y[o] : y[o]);
      }
    }
  }
}

template <int M, int R, Transform Which>
void run(const Strided& s, std::int64_t count) {
  using Shape = decltype(matrix_of<M, R, Which>());
  if (s.n_in >= Shape::columns && s.n_out >= Shape::rows) {
    run<M, R, Which, true>(s, count);
  } else {
    run<M, R, Which, false>(s, count);
  }
}

template <int M, int R>
TransformFunction function_of(Transform which) {
  switch (which) {
    case Transform::input:
      return run<M, R, Transform::input>;
    case Transform::weights:
      return run<M, R, Transform::weights>;
    case Transform::output:
      return run<M, R, Transform::output>;
    case Transform::gradient:
      return run<M, R, Transform::gradient>;
    default:
      return run<M, R, Transform::weights_back>;
  }
}

}  // namespace

MinimalForm minimal_form(std::int64_t taps, std::int64_t count) {
  if (taps > 7) {
    return {4, 4, 7, ceil_div(taps, 4)};  // form F(4, 4): a group of taps must span a whole tile
  }
  const int r = taps <= 3 ? 3 : taps == 6 ? 7 : static_cast<int>(taps);
  const auto products = [&](int m) { return ceil_div(count, m) * (m + r - 1); };
  const int m = r < 7 && products(6) < products(4) ? 6 : 4;  // 7 taps with 6 outputs would need 12 points
  return {m, r, m + r - 1, 1};
}

TransformFunction transform_function(const MinimalForm& form, Transform which) {
  switch (form.outputs * 10 + form.taps) {
    case 43:
      return function_of<4, 3>(which);
    case 44:
      return function_of<4, 4>(which);
    case 45:
      return function_of<4, 5>(which);
    case 47:
      return function_of<4, 7>(which);
    case 63:
      return function_of<6, 3>(which);
    case 64:
      return function_of<6, 4>(which);
    default:
      return function_of<6, 5>(which);
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA
