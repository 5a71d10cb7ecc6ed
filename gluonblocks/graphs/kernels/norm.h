// Batch normalization of an array by itself, (N, C) or (N, C, pixels), with an activation after it.
#pragma once
#include "moments.h"

namespace gb {

// What forward keeps for backward beside its input and output, and room to work in.
struct NormState {
  std::vector<Channel> channels;
  std::vector<Moments> moments;
  std::vector<ChannelGradient> gradients;
  std::vector<double> sums;
};

// The work is cut into blocks, each a few images of one channel (or, for (N, C), rows of all), that
// fit into the nearest cache: there a block is read twice, once for its mean and once for the squares.
struct Blocks {
  int N, C, S, images, count;  // S pixels; images in a block
  Blocks(int N, int C, int S) : N(N), C(C), S(S) {
    images = S == 1 ? std::max(1, std::min(32, 4096 / C)) : std::max(1, 1024 / S);
    count = (N + images - 1) / images;
  }
  int first(int b) const { return b * images; }
  int last(int b) const { return std::min(N, (b + 1) * images); }
};

// For each of the n floats at x (and at more places): call f(place, how many).
template <class F>
GB_INLINE void each_vector(int n, F f) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) f(i, LANES);
  if (i < n) f(i, n - i);
}
GB_INLINE V load(const float* p, int n, float rest) {
  return n == LANES ? load(p) : load_part(p, n, rest);
}
GB_INLINE void store(float* p, int n, V v) { n == LANES ? store(p, v) : store_part(p, n, v); }

// The moments of one channel in images first to last - 1.
inline Moments plane_moments(const float* x, const Blocks& k, int c, int first, int last) {
  const double n = static_cast<double>(last - first) * k.S;
  V s{};
  for (int i = first; i < last; ++i) {
    const float* p = x + (static_cast<size_t>(i) * k.C + c) * k.S;
    each_vector(k.S, [&](int j, int m) { s += load(p + j, m, 0); });
  }
  const float near = static_cast<float>(sum(s) / n);
  V d1{}, d2{};
  for (int i = first; i < last; ++i) {
    const float* p = x + (static_cast<size_t>(i) * k.C + c) * k.S;
    each_vector(k.S, [&](int j, int m) {
      const V d = load(p + j, m, near) - near;
      d1 += d;
      d2 += d * d;
    });
  }
  return Moments::of(n, near, sum(d1), sum(d2));
}

// The same of LANES channels, or the last `m`, of an array (N, C).
inline void column_moments(const float* x, const Blocks& k, int c, int m, int first, int last,
                           Moments* out) {
  const int n = last - first;
  V s{};
  for (int i = first; i < last; ++i) s += load(x + static_cast<size_t>(i) * k.C + c, m, 0);
  const V near = s / static_cast<float>(n);
  V d1{}, d2{};
  for (int i = first; i < last; ++i) {
    const V d = load(x + static_cast<size_t>(i) * k.C + c, m, 0) - near;
    d1 += d;
    d2 += d * d;
  }
  for (int j = 0; j < m; ++j) out[j] = Moments::of(n, near[j], d1[j], d2[j]);
}

// y = f(scale (x - center) + shift), by the threads of a team that runs already.
template <class A>
void apply_channels(const float* x, const std::vector<Channel>& channels, float* y, int N, int C, int S) {
  if (S == 1) {
    std::vector<float> center(C), scale(C), shift(C);
    for (int c = 0; c < C; ++c)
      center[c] = channels[c].center, scale[c] = channels[c].scale, shift[c] = channels[c].shift;
#pragma omp for schedule(static)
    for (int n = 0; n < N; ++n)
      each_vector(C, [&](int c, int m) {
        const size_t i = static_cast<size_t>(n) * C + c;
        const V d = load(x + i, m, 0) - load(&center[c], m, 0);
        store(y + i, m, A::f(d * load(&scale[c], m, 0) + load(&shift[c], m, 0)));
      });
  } else {
#pragma omp for schedule(static)
    for (int p = 0; p < N * C; ++p) {
      const Channel h = channels[p % C];
      const float *from = x + static_cast<size_t>(p) * S;
      float* to = y + static_cast<size_t>(p) * S;
      each_vector(S, [&](int j, int m) {
        store(to + j, m, A::f((load(from + j, m, 0) - h.center) * h.scale + h.shift));
      });
    }
  }
}

// By the moving averages, which stay as they are.
template <class A>
void norm_predict(const float* x, const float* gamma, const float* beta, const float* moving_mean,
                  const float* moving_var, float* y, int N, int C, int S, float eps) {
  std::vector<Channel> channels(C);
  for (int c = 0; c < C; ++c) channels[c] = Channel(moving_mean[c], moving_var[c], gamma[c], beta[c], eps);
#pragma omp parallel num_threads(threads())
  apply_channels<A>(x, channels, y, N, C, S);
}

// By the batch's moments, towards which the averages move.
template <class A>
void norm_forward(const float* x, const float* gamma, const float* beta, float* moving_mean,
                  float* moving_var, float* y, int N, int C, int S, float eps, float momentum,
                  NormState* state) {
  const Blocks k(N, C, S);
  const int T = threads();
  std::vector<Moments>& moments = state->moments;
  std::vector<Channel>& channels = state->channels;
  moments.resize(static_cast<size_t>(k.count) * C);
  channels.resize(C);
#pragma omp parallel num_threads(T)
  {
    if (S == 1) {
#pragma omp for schedule(static)
      for (int b = 0; b < k.count; ++b)
        each_vector(C, [&](int c, int m) {
          column_moments(x, k, c, m, k.first(b), k.last(b), &moments[static_cast<size_t>(b) * C + c]);
        });
    } else {
#pragma omp for schedule(static)
      for (int b = 0; b < k.count; ++b)
        for (int c = 0; c < C; ++c)
          moments[static_cast<size_t>(b) * C + c] = plane_moments(x, k, c, k.first(b), k.last(b));
    }
#pragma omp for schedule(static)
    for (int c = 0; c < C; ++c) {
      Moments m;
      for (int b = 0; b < k.count; ++b) m.add(moments[static_cast<size_t>(b) * C + c]);
      channels[c] = Channel(m, gamma[c], beta[c], eps);
      move(&moving_mean[c], &moving_var[c], m, m.mean, momentum);
    }
    apply_channels<A>(x, channels, y, N, C, S);
  }
}

// dz = dy f'(z), then the gradients of ChannelGradient. dx may be null, where nobody asks for it.
template <class A>
void norm_backward(const float* dy, const float* x, const float* y, float* dx, float* dgamma,
                   float* dbeta, int N, int C, int S, NormState* state) {
  const Blocks k(N, C, S);
  const int T = threads();
  std::vector<Channel>& channels = state->channels;
  std::vector<ChannelGradient>& gradients = state->gradients;
  std::vector<double>& sums = state->sums;  // of each block: C times sum dz, C times sum dz d
  gradients.resize(C);
  sums.resize(static_cast<size_t>(k.count) * 2 * C);
  std::vector<float> center(C), scale(C), slope(C), constant(C);
  for (int c = 0; c < C; ++c) center[c] = channels[c].center, scale[c] = channels[c].scale;
#pragma omp parallel num_threads(T)
  {
#pragma omp for schedule(static)
    for (int b = 0; b < k.count; ++b) {
      double* s = &sums[static_cast<size_t>(b) * 2 * C];
      if (S == 1) {
        each_vector(C, [&](int c, int m) {
          V s1{}, s2{};
          const V near = load(&center[c], m, 0);
          for (int n = k.first(b); n < k.last(b); ++n) {
            const size_t i = static_cast<size_t>(n) * C + c;
            const V dz = load(dy + i, m, 0) * A::slope(load(y + i, m, 0));
            s1 += dz;
            s2 += dz * (load(x + i, m, 0) - near);
          }
          for (int j = 0; j < m; ++j) s[c + j] = s1[j], s[C + c + j] = s2[j];
        });
      } else {
        for (int c = 0; c < C; ++c) {
          V s1{}, s2{};
          for (int n = k.first(b); n < k.last(b); ++n) {
            const size_t i = (static_cast<size_t>(n) * C + c) * S;
            each_vector(S, [&](int j, int m) {
              const V dz = load(dy + i + j, m, 0) * A::slope(load(y + i + j, m, 0));
              s1 += dz;
              s2 += dz * (load(x + i + j, m, center[c]) - center[c]);
            });
          }
          s[c] = sum(s1), s[C + c] = sum(s2);
        }
      }
    }
#pragma omp for schedule(static)
    for (int c = 0; c < C; ++c) {
      double s = 0, q = 0;
      for (int b = 0; b < k.count; ++b) {
        s += sums[static_cast<size_t>(b) * 2 * C + c];
        q += sums[static_cast<size_t>(b) * 2 * C + C + c];
      }
      const ChannelGradient& g = gradients[c] =
          ChannelGradient(channels[c], static_cast<double>(N) * S, s, q);
      slope[c] = g.slope, constant[c] = g.constant;
      dgamma[c] = g.dgamma, dbeta[c] = g.dbeta;
    }
    if (!dx) {
    } else if (S == 1) {
#pragma omp for schedule(static)
      for (int n = 0; n < N; ++n)
        each_vector(C, [&](int c, int m) {
          const size_t i = static_cast<size_t>(n) * C + c;
          const V dz = load(dy + i, m, 0) * A::slope(load(y + i, m, 0));
          const V d = load(x + i, m, 0) - load(&center[c], m, 0);
          store(dx + i, m, load(&scale[c], m, 0) * dz + load(&slope[c], m, 0) * d +
                               load(&constant[c], m, 0));
        });
    } else {
#pragma omp for schedule(static)
      for (int p = 0; p < N * C; ++p) {
        const size_t i = static_cast<size_t>(p) * S;
        const int c = p % C;
        each_vector(S, [&](int j, int m) {
          const V dz = load(dy + i + j, m, 0) * A::slope(load(y + i + j, m, 0));
          const V d = load(x + i + j, m, 0) - center[c];
          store(dx + i + j, m, scale[c] * dz + slope[c] * d + constant[c]);
        });
      }
    }
  }
}

}  // namespace gb
