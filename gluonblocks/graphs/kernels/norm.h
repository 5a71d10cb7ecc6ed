// Batch normalization of rows, (N, C), followed by an activation.
#pragma once
#include "moments.h"

namespace gb {

// Values that the forward pass stores for the backward pass, and workspace.
struct NormState {
  std::vector<Channel> channels;
  std::vector<Moments> moments;
  std::vector<double> sums;
};

// The rows are divided into blocks. For each vector of channels, the values of a block are read twice, once for
// the means and once for the squares. Blocks are small enough for these values to fit into the L1 cache.
struct Blocks {
  static constexpr int ROWS = 32;
  int N, count;
  explicit Blocks(int N) : N(N), count((N + ROWS - 1) / ROWS) {}
  int first(int b) const { return b * ROWS; }
  int last(int b) const { return std::min(N, (b + 1) * ROWS); }
};

// The moments of the m channels that begin at x, over the rows `first` to `last` - 1. A row has C channels.
inline void column_moments(const float* x, size_t C, int m, int first, int last, Moments* out) {
  const int n = last - first;
  V s{};
  for (int i = first; i < last; ++i) s += load(x + i * C, m);
  const V near = s / static_cast<float>(n);
  V d1{}, d2{};
  for (int i = first; i < last; ++i) {
    const V d = load(x + i * C, m) - near;
    d1 += d;
    d2 += d * d;
  }
  for (int j = 0; j < m; ++j) out[j] = Moments::of(n, near[j], d1[j], d2[j]);
}

// y = f(scale (x - center) + shift). Call this function in a parallel region, whose threads share the rows.
template <Activation kind>
void apply_channels(const float* x, const std::vector<Channel>& channels, float* y, int N) {
  const size_t C = channels.size();
  std::vector<float> center(C), scale(C), shift(C);
  for (size_t c = 0; c < C; ++c)
    center[c] = channels[c].center, scale[c] = channels[c].scale, shift[c] = channels[c].shift;
#pragma omp for schedule(static)
  for (int n = 0; n < N; ++n)
    each_vector(C, [&](size_t c, int m) {
      const size_t i = n * C + c;
      const V z = (load(x + i, m) - load(&center[c], m)) * load(&scale[c], m) + load(&shift[c], m);
      store(y + i, m, activate(kind, z));
    });
}

// Normalizes with the moving averages, which do not change.
template <Activation kind>
void norm_predict(const float* x, const Norm& norm, float* y, int N, int C) {
  std::vector<Channel> channels(C);
  for (int c = 0; c < C; ++c) channels[c] = norm.by_averages(c);
#pragma omp parallel num_threads(N > 1 ? threads() : 1)
  apply_channels<kind>(x, channels, y, N);
}

// Normalizes with the batch's moments, and updates the moving averages.
template <Activation kind>
void norm_forward(const float* x, const Norm& norm, float* y, int N, size_t C, NormState* state) {
  const Blocks k(N);
  std::vector<Moments>& moments = state->moments;
  std::vector<Channel>& channels = state->channels;
  moments.resize(k.count * C);
  channels.resize(C);
#pragma omp parallel num_threads(threads())
  {
#pragma omp for schedule(static)
    for (int b = 0; b < k.count; ++b)
      each_vector(C, [&](size_t c, int m) {
        column_moments(x + c, C, m, k.first(b), k.last(b), &moments[b * C + c]);
      });
#pragma omp for schedule(static)
    for (size_t c = 0; c < C; ++c) {
      Moments m;
      for (int b = 0; b < k.count; ++b) m.add(moments[b * C + c]);
      channels[c] = norm.by_batch(c, m);
    }
    apply_channels<kind>(x, channels, y, N);
  }
}

// Computes dz = dy f'(z), and from it the gradients in ChannelGradient. If dx is not needed, it may be null.
template <Activation kind>
void norm_backward(const float* dy, const float* x, const float* y, float* dx, float* dgamma, float* dbeta,
                   int N, size_t C, NormState* state) {
  const Blocks k(N);
  const std::vector<Channel>& channels = state->channels;
  std::vector<double>& sums = state->sums;  // per block: C sums of dz, then C sums of dz (x - center)
  sums.resize(k.count * 2 * C);
  std::vector<float> center(C), scale(C), slope(C), constant(C);
  for (size_t c = 0; c < C; ++c) center[c] = channels[c].center, scale[c] = channels[c].scale;
#pragma omp parallel num_threads(threads())
  {
#pragma omp for schedule(static)
    for (int b = 0; b < k.count; ++b) {
      double* s = &sums[b * 2 * C];
      each_vector(C, [&](size_t c, int m) {
        V s1{}, s2{};
        const V near = load(&center[c], m);
        for (int n = k.first(b); n < k.last(b); ++n) {
          const size_t i = n * C + c;
          const V dz = load(dy + i, m) * derivative(kind, load(y + i, m));
          s1 += dz;
          s2 += dz * (load(x + i, m) - near);
        }
        for (int j = 0; j < m; ++j) s[c + j] = s1[j], s[C + c + j] = s2[j];
      });
    }
#pragma omp for schedule(static)
    for (size_t c = 0; c < C; ++c) {
      double s = 0, q = 0;
      for (int b = 0; b < k.count; ++b) s += sums[b * 2 * C + c], q += sums[b * 2 * C + C + c];
      const ChannelGradient g(channels[c], N, s, q);
      slope[c] = g.slope, constant[c] = g.constant;
      dgamma[c] = g.dgamma, dbeta[c] = g.dbeta;
    }
    if (dx) {
#pragma omp for schedule(static)
      for (int n = 0; n < N; ++n)
        each_vector(C, [&](size_t c, int m) {
          const size_t i = n * C + c;
          const V dz = load(dy + i, m) * derivative(kind, load(y + i, m));
          const V d = load(x + i, m) - load(&center[c], m);
          store(dx + i, m, load(&scale[c], m) * dz + load(&slope[c], m) * d + load(&constant[c], m));
        });
    }
  }
}

}  // namespace gb
