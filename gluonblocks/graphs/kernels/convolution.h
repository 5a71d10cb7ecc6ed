// Convolution of few channels and its gradients, on images in lanes.
//
// The lanes of a vector are images: LANES images of a batch are computed at once, and each step is
// the same for all of them. So no kernel, map or number of channels is special. An array in lanes has
// one vector for each pixel, (C, H, W), and where a pixel has neighbours outside a border of zeros.
#pragma once
#include "lanes.h"

namespace gb {

struct Shape {
  int N, IC, H, W, OC;         // images, channels and size of the input, channels of the output
  int KH, KW, PH, PW;          // the convolution's kernel and padding; its stride is 1
  int QH, QW, SH, SW;          // the pooling's window and stride; no padding
  int HB() const { return H + 2 * PH; }  // the input with its border
  int WB() const { return W + 2 * PW; }
  int HO() const { return HB() - KH + 1; }
  int WO() const { return WB() - KW + 1; }
  int HP() const { return (HO() - QH) / SH + 1; }
  int WP() const { return (WO() - QW) / SW + 1; }
  int map() const { return HO() * WO(); }
  int pooled() const { return HP() * WP(); }
  int taps() const { return IC * KH * KW; }
  int groups() const { return (N + LANES - 1) / LANES; }
  int images(int group) const { return std::min(LANES, N - group * LANES); }
};

// `images` arrays (C, H, W) -> lanes with a border of `bh` and `bw`, which is left as it is. Lanes
// without an image are 0.
inline void to_lanes(const float* from, int images, int C, int H, int W, int bh, int bw, V* to) {
  const size_t size = static_cast<size_t>(C) * H * W;
  int c = 0, h = 0, w = 0;
  for (size_t i = 0; i < size; i += LANES) {
    const int n = static_cast<int>(std::min<size_t>(LANES, size - i));
    V v[LANES];
    for (int j = 0; j < LANES; ++j)
      v[j] = j >= images ? V{} : n == LANES ? load(from + j * size + i)
                                            : load_part(from + j * size + i, n, 0);
    transpose(v);
    for (int j = 0; j < n; ++j) {
      to[(static_cast<size_t>(c) * (H + 2 * bh) + h + bh) * (W + 2 * bw) + w + bw] = v[j];
      if (++w == W) {
        w = 0;
        if (++h == H) h = 0, ++c;
      }
    }
  }
}

// Lanes without a border -> `images` arrays of `size` numbers.
inline void from_lanes(const V* from, int images, size_t size, float* to) {
  for (size_t i = 0; i < size; i += LANES) {
    const int n = static_cast<int>(std::min<size_t>(LANES, size - i));
    V v[LANES];
    for (int j = 0; j < LANES; ++j) v[j] = j < n ? from[i + j] : V{};
    transpose(v);
    for (int j = 0; j < images; ++j) {
      if (n == LANES) store(to + j * size + i, v[j]);
      else store_part(to + j * size + i, n, v[j]);
    }
  }
}

constexpr int TILE = 4;                               // pixels of a row that are computed together
constexpr int MAX_OUT = REGISTERS == 32 ? 6 : 2;      // with as many channels: sums stay in registers
constexpr int MAX_OUT_W = REGISTERS == 32 ? 4 : 3;    // the same for the weights' gradient,
constexpr int MAX_TAPS = REGISTERS == 32 ? 5 : 3;     // with as many taps of a row

// Cross-correlation: y[o, h, w] = sum over c, i, j of weight[c, i, j, o] x[c, h + i, w + j]
// x is (IC, H + KH - 1, W + KW - 1), `bh` and `bw` of that a border of zeros; y is (.., H, W). Computes
// OUT channels of y, from `weight` on, whose rows are of OC numbers.
template <int OUT, int PIXELS>
void correlate(const V* x, const float* weight, V* y, int IC, int OC, int KH, int KW, int H, int W,
               int bh, int bw) {
  const int HX = H + KH - 1, WX = W + KW - 1;
  for (int h = 0; h < H; ++h)
    for (int tile = 0; tile < W; tile += PIXELS) {
      const int w = std::min(tile, W - PIXELS);  // the last may overlap the one before
      // Rows and columns of nothing but border give nothing.
      const int i0 = std::max(0, bh - h), i1 = std::min(KH, HX - bh - h);
      const int j0 = std::max(0, bw - w - PIXELS + 1), j1 = std::min(KW, WX - bw - w);
      V s[OUT][PIXELS] = {};
      for (int c = 0; c < IC; ++c)
        for (int i = i0; i < i1; ++i)
          for (int j = j0; j < j1; ++j) {
            const V* p = x + (static_cast<size_t>(c) * HX + h + i) * WX + w + j;
            const float* q = weight + (static_cast<size_t>(c * KH + i) * KW + j) * OC;
#pragma GCC unroll 8
            for (int o = 0; o < OUT; ++o)
#pragma GCC unroll 8
              for (int k = 0; k < PIXELS; ++k) s[o][k] += q[o] * p[k];
          }
      for (int o = 0; o < OUT; ++o)
        for (int k = 0; k < PIXELS; ++k) y[(static_cast<size_t>(o) * H + h) * W + w + k] = s[o][k];
    }
}

template <int OUT>
void correlate_some(const V* x, const float* weight, V* y, int IC, int OC, int KH, int KW, int H,
                    int W, int bh, int bw) {
  if (W >= TILE) correlate<OUT, TILE>(x, weight, y, IC, OC, KH, KW, H, W, bh, bw);
  else correlate<OUT, 1>(x, weight, y, IC, OC, KH, KW, H, W, bh, bw);
}

// How many of `left` channels to take at once: as even parts as there are, of `most` or fewer.
inline int part(int left, int most) {
  const int parts = (left + most - 1) / most;
  return (left + parts - 1) / parts;
}

// Calls correlate_some for `n` channels, of OUT or fewer.
template <int OUT>
struct CorrelateUpTo {
  template <class... Args>
  static void run(int n, Args... args) {
    n == OUT ? correlate_some<OUT>(args...) : CorrelateUpTo<OUT - 1>::run(n, args...);
  }
};
template <>
struct CorrelateUpTo<0> {
  template <class... Args>
  static void run(int, Args...) {}
};

inline void correlate_all(const V* x, const float* weight, V* y, int IC, int OC, int KH, int KW, int H,
                          int W, int bh, int bw) {
  for (int o = 0, n; o < OC; o += n) {
    n = part(OC - o, MAX_OUT);
    CorrelateUpTo<MAX_OUT>::run(n, x, weight + o, y + static_cast<size_t>(o) * H * W, IC, OC, KH, KW, H,
                                W, bh, bw);
  }
}

// The gradient of some weights: dw[o, c, i, j] += sum over h, w of dy[o, h, w] x[c, h + i, w + j], for
// OUT channels o and TAPS taps j of one row of a kernel. dy has rows of WG vectors and planes of
// `plane`, x rows of WX.
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

// Calls weight_gradient for `n` channels, of OUT or fewer, and `m` taps, of TAPS or fewer.
template <int OUT, int TAPS>
struct GradientUpTo {
  template <class... Args>
  static void run(int n, int m, Args... args) {
    if (n != OUT) GradientUpTo<OUT - 1, TAPS>::run(n, m, args...);
    else if (m != TAPS) GradientUpTo<OUT, TAPS - 1>::run(n, m, args...);
    else weight_gradient<OUT, TAPS>(args...);
  }
};
template <int TAPS>
struct GradientUpTo<0, TAPS> {
  template <class... Args>
  static void run(int, int, Args...) {}
};
template <int OUT>
struct GradientUpTo<OUT, 0> {
  template <class... Args>
  static void run(int, int, Args...) {}
};

// Of all weights (OC, IC, KH, KW), from x with its border and dy with one of `bh` and `bw`.
inline void weight_gradients(const Shape& g, const V* x, const V* dy, V* dw, int bh, int bw) {
  const int WG = g.WO() + 2 * bw;
  const size_t plane = static_cast<size_t>(g.HO() + 2 * bh) * WG;
  for (int o = 0, n; o < g.OC; o += n) {
    n = part(g.OC - o, MAX_OUT_W);
    for (int c = 0; c < g.IC; ++c)
      for (int i = 0; i < g.KH; ++i)
        for (int j = 0, m; j < g.KW; j += m) {
          m = part(g.KW - j, MAX_TAPS);
          GradientUpTo<MAX_OUT_W, MAX_TAPS>::run(
              n, m, x + (static_cast<size_t>(c) * g.HB() + i) * g.WB() + j, dy + o * plane + bh * WG + bw,
              dw + static_cast<size_t>(o) * g.taps() + (c * g.KH + i) * g.KW + j, g.HO(), g.WO(), g.WB(),
              WG, plane, static_cast<size_t>(g.taps()));
        }
  }
}

}  // namespace gb
