// Convolutions with few channels, and their gradients, for images stored in the lanes of SIMD vectors.
//
// Each lane of a vector belongs to one image, so each instruction processes LANES images. All lanes are
// therefore used, whatever the kernel size, the map size and the number of channels. An array in lanes has
// one vector per pixel, (C, H, W), and a border of zeros if the convolution is padded.
#pragma once
#include "lanes.h"

namespace gb {

struct Shape {
  int N, IC, H, W, OC;         // images, channels and size of the input, channels of the output
  int KH, KW, PH, PW;          // kernel and padding of the convolution; its stride is 1
  int QH, QW, SH, SW;          // window and stride of the pooling; no padding
  int HB() const { return H + 2 * PH; }  // size of the input with its border
  int WB() const { return W + 2 * PW; }
  int HO() const { return HB() - KH + 1; }
  int WO() const { return WB() - KW + 1; }
  int HP() const { return (HO() - QH) / SH + 1; }
  int WP() const { return (WO() - QW) / SW + 1; }
  size_t pixels() const { return static_cast<size_t>(IC) * H * W; }
  size_t bordered() const { return static_cast<size_t>(IC) * HB() * WB(); }
  size_t map() const { return static_cast<size_t>(HO()) * WO(); }
  size_t pooled() const { return static_cast<size_t>(HP()) * WP(); }
  size_t taps() const { return static_cast<size_t>(IC) * KH * KW; }
  int groups() const { return (N + LANES - 1) / LANES; }
  int images(int group) const { return std::min(LANES, N - group * LANES); }
};

// Copies `images` arrays (C, H, W) to lanes with a border of bh rows and bw columns. Lanes without an image
// are set to 0. The border is not written.
inline void to_lanes(const float* from, int images, int C, int H, int W, int bh, int bw, V* to) {
  const size_t size = static_cast<size_t>(C) * H * W;
  int c = 0, h = 0, w = 0;
  each_vector(size, [&](size_t i, int n) {
    V v[LANES];
    for (int j = 0; j < LANES; ++j) v[j] = j < images ? load(from + j * size + i, n) : V{};
    transpose(v);
    for (int j = 0; j < n; ++j) {
      to[(static_cast<size_t>(c) * (H + 2 * bh) + h + bh) * (W + 2 * bw) + w + bw] = v[j];
      if (++w == W) {
        w = 0;
        if (++h == H) h = 0, ++c;
      }
    }
  });
}

// Copies lanes without a border to `images` arrays of `size` floats.
inline void from_lanes(const V* from, int images, size_t size, float* to) {
  each_vector(size, [&](size_t i, int n) {
    V v[LANES];
    for (int j = 0; j < LANES; ++j) v[j] = j < n ? from[i + j] : V{};
    transpose(v);
    for (int j = 0; j < images; ++j) store(to + j * size + i, n, v[j]);
  });
}

// The sums that are computed at once must fit into the registers, which limits these counts.
constexpr int TILE = 4;                               // correlation: pixels of a row
constexpr int MAX_OUT = REGISTERS == 32 ? 6 : 2;      // correlation: output channels
constexpr int MAX_OUT_W = REGISTERS == 32 ? 4 : 3;    // gradient of the weights: output channels
constexpr int MAX_TAPS = REGISTERS == 32 ? 5 : 3;     // gradient of the weights: taps of a kernel row

// The size of the first group if `left` channels, or taps, are divided as evenly as possible into the fewest
// groups of at most `most`.
inline int part(int left, int most) {
  const int parts = (left + most - 1) / most;
  return (left + parts - 1) / parts;
}

// Calls f with n <= MOST as a compile-time constant, so that code with n sums is compiled for each n.
template <int MOST, class F>
GB_INLINE void with_constant(int n, F f) {
  if constexpr (MOST > 1)
    if (n < MOST) return with_constant<MOST - 1>(n, f);
  f(std::integral_constant<int, MOST>());
}

// Cross-correlation: y[o, h, w] = sum over c, i, j of weight[c, i, j, o] x[c, h + i, w + j]
// x is (IC, H + KH - 1, W + KW - 1), including a border of BH rows and BW columns of zeros; y is (OC, H, W).
struct Correlation {
  int IC, OC, KH, KW, H, W, BH, BW;
};

// Computes OUT channels of y, PIXELS pixels of a row at a time. `weight` points to the weights of the first
// of these channels.
template <int OUT, int PIXELS>
void correlate_some(const Correlation g, const V* x, const float* weight, V* y) {
  const int HX = g.H + g.KH - 1, WX = g.W + g.KW - 1;
  for (int h = 0; h < g.H; ++h)
    for (int tile = 0; tile < g.W; tile += PIXELS) {
      const int w = std::min(tile, g.W - PIXELS);  // the last tile may overlap the previous one
      // Skip rows and columns of the kernel that cover only the border.
      const int i0 = std::max(0, g.BH - h), i1 = std::min(g.KH, HX - g.BH - h);
      const int j0 = std::max(0, g.BW - w - PIXELS + 1), j1 = std::min(g.KW, WX - g.BW - w);
      V s[OUT][PIXELS] = {};
      for (int c = 0; c < g.IC; ++c)
        for (int i = i0; i < i1; ++i)
          for (int j = j0; j < j1; ++j) {
            const V* p = x + (static_cast<size_t>(c) * HX + h + i) * WX + w + j;
            const float* q = weight + (static_cast<size_t>(c * g.KH + i) * g.KW + j) * g.OC;
#pragma GCC unroll 8
            for (int o = 0; o < OUT; ++o)
#pragma GCC unroll 8
              for (int k = 0; k < PIXELS; ++k) s[o][k] += q[o] * p[k];
          }
      for (int o = 0; o < OUT; ++o)
        for (int k = 0; k < PIXELS; ++k) y[(static_cast<size_t>(o) * g.H + h) * g.W + w + k] = s[o][k];
    }
}

inline void correlate(const Correlation& g, const V* x, const float* weight, V* y) {
  for (int o = 0, n; o < g.OC; o += n) {
    n = part(g.OC - o, MAX_OUT);
    V* const to = y + static_cast<size_t>(o) * g.H * g.W;
    with_constant<MAX_OUT>(n, [&](auto out) {
      constexpr int OUT = decltype(out)::value;
      if (g.W >= TILE) correlate_some<OUT, TILE>(g, x, weight + o, to);
      else correlate_some<OUT, 1>(g, x, weight + o, to);
    });
  }
}

// Adds the gradient of OUT * TAPS weights: dw[o, c, i, j] += sum over h, w of dy[o, h, w] x[c, h + i, w + j]
// for OUT channels o and TAPS taps j of row i. A row of dy has WG vectors, and a row of x has WX. A channel
// of dy has `plane` vectors.
template <int OUT, int TAPS>
void weight_gradient(const V* x, const V* dy, V* dw, int H, int W, int WX, int WG, size_t plane,
                     size_t taps) {
  V s[OUT][TAPS] = {};
  for (int h = 0; h < H; ++h)
    for (int w = 0; w < W; ++w) {
      const V* p = x + static_cast<size_t>(h) * WX + w;
      const V* g = dy + static_cast<size_t>(h) * WG + w;
#pragma GCC unroll 8
      for (int o = 0; o < OUT; ++o)
#pragma GCC unroll 8
        for (int j = 0; j < TAPS; ++j) s[o][j] += g[o * plane] * p[j];
    }
  for (int o = 0; o < OUT; ++o)
    for (int j = 0; j < TAPS; ++j) dw[o * taps + j] += s[o][j];
}

// Adds the gradient of all weights (OC, IC, KH, KW). x includes its border; dy has a border of bh rows and bw
// columns.
inline void weight_gradients(const Shape& g, const V* x, const V* dy, V* dw, int bh, int bw) {
  const int WG = g.WO() + 2 * bw;
  const size_t plane = static_cast<size_t>(g.HO() + 2 * bh) * WG;
  for (int o = 0, n; o < g.OC; o += n) {
    n = part(g.OC - o, MAX_OUT_W);
    for (int c = 0; c < g.IC; ++c)
      for (int i = 0; i < g.KH; ++i)
        for (int j = 0, m; j < g.KW; j += m) {
          m = part(g.KW - j, MAX_TAPS);
          const V* const p = x + (static_cast<size_t>(c) * g.HB() + i) * g.WB() + j;
          V* const to = dw + o * g.taps() + (c * g.KH + i) * g.KW + j;
          with_constant<MAX_OUT_W>(n, [&](auto out) {
            with_constant<MAX_TAPS>(m, [&](auto taps) {
              weight_gradient<decltype(out)::value, decltype(taps)::value>(
                  p, dy + o * plane + bh * WG + bw, to, g.HO(), g.WO(), g.WB(), WG, plane, g.taps());
            });
          });
        }
  }
}

}  // namespace gb
