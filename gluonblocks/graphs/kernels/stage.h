// Convolution, batch normalization, activation and max-pooling as one operator, for few channels.
//
// The lanes of a vector are images: LANES images of a batch are computed at once, and each step is
// the same for all of them. So no kernel, map or number of channels is special. An array in lanes has
// one vector for each pixel, (C, H, W), and where a pixel has neighbours outside a border of zeros.
#pragma once
#include "moments.h"

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

inline void correlate_all(const V* x, const float* weight, V* y, int IC, int OC, int KH, int KW, int H,
                          int W, int bh, int bw) {
  for (int o = 0, n; o < OC; o += n) {
    n = part(OC - o, MAX_OUT);
    V* to = y + static_cast<size_t>(o) * H * W;
    (n == 1 ? correlate_some<1> : n == 2 ? correlate_some<2> : n == 3 ? correlate_some<3>
     : n == 4 ? correlate_some<4> : n == 5 ? correlate_some<5> : correlate_some<6>)(
        x, weight + o, to, IC, OC, KH, KW, H, W, bh, bw);
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

template <int OUT>
void weight_gradient_some(int n, const V* x, const V* dy, V* dw, int H, int W, int WX, int WG,
                          size_t plane, size_t taps) {
  (n == 1 ? weight_gradient<OUT, 1> : n == 2 ? weight_gradient<OUT, 2>
   : n == 3 ? weight_gradient<OUT, 3> : n == 4 ? weight_gradient<OUT, 4>
   : weight_gradient<OUT, 5>)(x, dy, dw, H, W, WX, WG, plane, taps);
}

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
          (n == 1 ? weight_gradient_some<1> : n == 2 ? weight_gradient_some<2>
           : n == 3 ? weight_gradient_some<3> : weight_gradient_some<4>)(
              m, x + (static_cast<size_t>(c) * g.HB() + i) * g.WB() + j,
              dy + o * plane + bh * WG + bw,
              dw + static_cast<size_t>(o) * g.taps() + (c * g.KH + i) * g.KW + j, g.HO(), g.WO(),
              g.WB(), WG, plane, g.taps());
        }
  }
}

// What forward keeps for backward, and room to work in.
struct StageState {
  Buffer map, top, pooled;  // the convolution's output; of it what was pooled; the stage's output
  Buffer room, gradient;
  std::vector<Channel> channels;
  std::vector<Moments> moments;
};

// The moments of one channel's map in the first `images` lanes.
inline Moments map_moments(const V* y, int size, int images) {
  I lane;
  for (int i = 0; i < LANES; ++i) lane[i] = i;
  const I there = lane < images;
  V s{}, d1{}, d2{};
  for (int i = 0; i < size; ++i) s += y[i];  // 0 in the other lanes
  const double n = static_cast<double>(images) * size;
  const float near = static_cast<float>(sum(there ? s : V{}) / n);
  for (int i = 0; i < size; ++i) {
    const V d = there ? y[i] - near : V{};
    d1 += d;
    d2 += d * d;
  }
  return Moments::of(n, near, sum(d1), sum(d2));
}

// The maximum z of a window at y, whose rows are of `row` vectors, the first of equal ones, and where
// it is: z = scale (y - center) + shift is compared as it is rounded.
GB_INLINE V window_maximum(const V* y, int row, const Shape& g, const Channel& h, V* top, I* index) {
  *top = y[0];
  *index = I{};
  V best = (y[0] - h.center) * h.scale + h.shift;
  for (int i = 0; i < g.QH; ++i)
    for (int j = 0; j < g.QW; ++j) {
      const V v = y[i * row + j], z = (v - h.center) * h.scale + h.shift;
      const I more = z > best;
      best = more ? z : best;
      *top = more ? v : *top;
      *index = more ? I{} + (i * g.QW + j) : *index;
    }
  return best;
}

// x (N, IC, H, W), weight (OC, IC, KH, KW), bias (OC,) or null -> out (N, OC, HP, WP)
// The bias is left out of the map, for the mean takes it away again: it enters the moving mean.
template <class A>
void stage_forward(const Shape& g, const float* x, const float* weight, const float* bias,
                   const float* gamma, const float* beta, float* moving_mean, float* moving_var,
                   float* out, float eps, float momentum, StageState* state) {
  const int T = threads(), G = g.groups();
  const size_t size = static_cast<size_t>(g.OC) * g.map(), small = g.OC * g.pooled();
  const size_t room = static_cast<size_t>(g.IC) * g.HB() * g.WB();
  V* const map = state->map.of(G * size);
  V* const top = state->top.of(G * small);
  V* const pooled = state->pooled.of(G * small);
  V* const rooms = state->room.of(T * room);
  std::vector<Moments>& moments = state->moments;
  moments.resize(static_cast<size_t>(G) * g.OC);
  state->channels.resize(g.OC);
  std::vector<float> weights(static_cast<size_t>(g.taps()) * g.OC);  // (IC, KH, KW, OC)
  for (int o = 0; o < g.OC; ++o)
    for (int t = 0; t < g.taps(); ++t) weights[t * g.OC + o] = weight[o * g.taps() + t];
#pragma omp parallel num_threads(T)
  {
    V* const lanes = rooms + omp_get_thread_num() * room;
    if (g.PH || g.PW) std::fill(lanes, lanes + room, V{});
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      to_lanes(x + static_cast<size_t>(n) * LANES * g.IC * g.H * g.W, g.images(n), g.IC, g.H, g.W,
               g.PH, g.PW, lanes);
      V* const y = map + n * size;
      correlate_all(lanes, weights.data(), y, g.IC, g.OC, g.KH, g.KW, g.HO(), g.WO(), g.PH, g.PW);
      for (int o = 0; o < g.OC; ++o)
        moments[static_cast<size_t>(n) * g.OC + o] = map_moments(y + o * g.map(), g.map(), g.images(n));
    }
#pragma omp for schedule(static)
    for (int o = 0; o < g.OC; ++o) {
      Moments m;
      for (int n = 0; n < G; ++n) m.add(moments[static_cast<size_t>(n) * g.OC + o]);
      const float b = bias ? bias[o] : 0;
      m.squares += b - b;  // a bias that is no number, or infinite, leaves no numbers in the map
      state->channels[o] = Channel(m, gamma[o], beta[o], eps);
      move(&moving_mean[o], &moving_var[o], m, m.mean + b, momentum);
    }
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      for (int o = 0; o < g.OC; ++o) {
        const Channel h = state->channels[o];
        const V* const y = map + n * size + static_cast<size_t>(o) * g.map();
        size_t k = n * small + static_cast<size_t>(o) * g.pooled();
        for (int i = 0; i < g.HP(); ++i)
          for (int j = 0; j < g.WP(); ++j, ++k) {
            I index;
            pooled[k] = A::f(window_maximum(y + i * g.SH * g.WO() + j * g.SW, g.WO(), g, h, &top[k],
                                            &index));
          }
      }
      from_lanes(pooled + n * small, g.images(n), small, out + static_cast<size_t>(n) * LANES * small);
    }
  }
}

// dx may be null, as nobody asks for the gradient of images.
template <class A>
void stage_backward(const Shape& g, const float* dout, const float* x, const float* weight, float* dx,
                    float* dweight, float* dbias, float* dgamma, float* dbeta, StageState* state) {
  const int T = threads(), G = g.groups();
  const size_t size = static_cast<size_t>(g.OC) * g.map(), small = g.OC * g.pooled();
  const size_t weights = static_cast<size_t>(g.OC) * g.taps();
  // The gradient of x is a correlation of dy with the kernel turned round, and with a border that
  // leaves x's size.
  const int bh = dx ? g.KH - 1 - g.PH : 0, bw = dx ? g.KW - 1 - g.PW : 0;
  const int WG = g.WO() + 2 * bw;
  const size_t plane = static_cast<size_t>(g.HO() + 2 * bh) * WG;
  const size_t in = static_cast<size_t>(g.IC) * g.HB() * g.WB();
  const size_t room = in + g.OC * plane + (dx ? static_cast<size_t>(g.IC) * g.H * g.W : 0) + weights;
  const V *const map = state->map.of(0), *const top = state->top.of(0);
  const V* const pooled = state->pooled.of(0);
  V* const dz = state->gradient.of(G * small);
  V* const rooms = state->room.of(T * room);
  std::vector<double> sums(static_cast<size_t>(G) * 2 * g.OC);
  std::vector<ChannelGradient> gradients(g.OC);
  std::vector<float> turned(dx ? weights : 0);  // (OC, KH, KW, IC)
  for (size_t i = 0; i < turned.size(); ++i) {
    const int kernel = g.KH * g.KW, c = i % g.IC, t = i / g.IC % kernel, o = i / g.IC / kernel;
    turned[i] = weight[(o * g.IC + c) * kernel + kernel - 1 - t];
  }
#pragma omp parallel num_threads(T)
  {
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      V* const d = dz + n * small;
      to_lanes(dout + static_cast<size_t>(n) * LANES * small, g.images(n), g.OC, g.HP(), g.WP(), 0, 0, d);
      for (int o = 0; o < g.OC; ++o) {
        const float center = state->channels[o].center;
        V s{}, q{};
        for (int i = o * g.pooled(); i < (o + 1) * g.pooled(); ++i) {
          d[i] *= A::slope(pooled[n * small + i]);
          s += d[i];
          q += d[i] * (top[n * small + i] - center);
        }
        sums[(n * 2 + 0) * g.OC + o] = sum(s), sums[(n * 2 + 1) * g.OC + o] = sum(q);
      }
    }
#pragma omp for schedule(static)
    for (int o = 0; o < g.OC; ++o) {
      double s = 0, q = 0;
      for (int n = 0; n < G; ++n) s += sums[(n * 2 + 0) * g.OC + o], q += sums[(n * 2 + 1) * g.OC + o];
      const ChannelGradient& h = gradients[o] = ChannelGradient(
          state->channels[o], static_cast<double>(g.N) * g.map(), s, q);
      dgamma[o] = h.dgamma, dbeta[o] = h.dbeta;
      if (dbias) dbias[o] = 0 * h.dbeta;  // whatever it is, the mean takes it away
    }
    V* const lanes = rooms + omp_get_thread_num() * room;
    V *const dy = lanes + in, *const dw = dy + g.OC * plane, *const dlanes = dw + weights;
    std::fill(lanes, dlanes, V{});
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      for (int o = 0; o < g.OC; ++o) {
        const Channel h = state->channels[o];
        const ChannelGradient k = gradients[o];
        const V* const y = map + n * size + static_cast<size_t>(o) * g.map();
        V* const to = dy + o * plane + bh * WG + bw;
        for (int i = 0; i < g.HO(); ++i)
          for (int j = 0; j < g.WO(); ++j)
            to[i * WG + j] = (y[i * g.WO() + j] - h.center) * k.slope + k.constant;
        const V* d = dz + n * small + static_cast<size_t>(o) * g.pooled();
        for (int i = 0; i < g.HP(); ++i)
          for (int j = 0; j < g.WP(); ++j, ++d) {  // each to the one that was the maximum
            V highest;
            I index;
            window_maximum(y + i * g.SH * g.WO() + j * g.SW, g.WO(), g, h, &highest, &index);
            const V share = *d * h.scale;
            V* const window = to + i * g.SH * WG + j * g.SW;
            for (int a = 0; a < g.QH; ++a)
              for (int b = 0; b < g.QW; ++b)
                window[a * WG + b] += index == a * g.QW + b ? share : V{};
          }
      }
      to_lanes(x + static_cast<size_t>(n) * LANES * g.IC * g.H * g.W, g.images(n), g.IC, g.H, g.W,
               g.PH, g.PW, lanes);
      weight_gradients(g, lanes, dy, dw, bh, bw);
      if (dx) {
        correlate_all(dy, turned.data(), dlanes, g.OC, g.IC, g.KH, g.KW, g.H, g.W, bh, bw);
        from_lanes(dlanes, g.images(n), static_cast<size_t>(g.IC) * g.H * g.W,
                   dx + static_cast<size_t>(n) * LANES * g.IC * g.H * g.W);
      }
    }
#pragma omp for schedule(static)
    for (int i = 0; i < static_cast<int>(weights); ++i) {
      double s = 0;
      for (int t = 0; t < omp_get_num_threads(); ++t) s += sum(rooms[t * room + in + g.OC * plane + i]);
      dweight[i] = static_cast<float>(s);
    }
  }
}

}  // namespace gb
