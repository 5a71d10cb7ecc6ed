// Convolution, batch normalization, activation and max-pooling as one operator, for few channels.
#pragma once
#include "convolution.h"
#include "moments.h"

namespace gb {

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

// The maximum z of a window at y, in a map of the convolution's output, the first of equal ones, and where
// it is: z = scale (y - center) + shift is compared as it is rounded.
GB_INLINE V window_maximum(const V* y, const Shape& g, const Channel& h, V* top, I* index) {
  *top = y[0];
  *index = I{};
  V best = (y[0] - h.center) * h.scale + h.shift;
  for (int i = 0; i < g.QH; ++i)
    for (int j = 0; j < g.QW; ++j) {
      const V v = y[i * g.WO() + j], z = (v - h.center) * h.scale + h.shift;
      const I more = z > best | z != z;  // NaN is shown
      best = more ? z : best;
      *top = more ? v : *top;
      *index = more ? I{} + (i * g.QW + j) : *index;
    }
  return best;
}

// All windows of one channel's map y; `top` is what they take of it, where that is kept.
GB_INLINE void pool(Activation kind, const Shape& g, const Channel& h, const V* y, V* top, V* pooled) {
  for (int i = 0, k = 0; i < g.HP(); ++i)
    for (int j = 0; j < g.WP(); ++j, ++k) {
      V maximum;
      I index;
      pooled[k] = activate(kind, window_maximum(y + i * g.SH * g.WO() + j * g.SW, g, h, &maximum, &index));
      if (top) top[k] = maximum;
    }
}

// weight (OC, IC, KH, KW) -> (IC, KH, KW, OC), as `correlate` reads it.
inline std::vector<float> channels_last(const Shape& g, const float* weight) {
  std::vector<float> weights(g.OC * g.taps());
  for (int o = 0; o < g.OC; ++o)
    for (size_t t = 0; t < g.taps(); ++t) weights[t * g.OC + o] = weight[o * g.taps() + t];
  return weights;
}

// The gradient of x is a correlation of dy with the kernel turned round: (OC, KH, KW, IC).
inline std::vector<float> turned_round(const Shape& g, const float* weight) {
  std::vector<float> weights(g.OC * g.taps());
  for (size_t i = 0; i < weights.size(); ++i) {
    const int kernel = g.KH * g.KW, c = i % g.IC, t = i / g.IC % kernel, o = i / g.IC / kernel;
    weights[i] = weight[(o * g.IC + c) * kernel + kernel - 1 - t];
  }
  return weights;
}

// The group n of images of x, in lanes with the convolution's border.
inline void images_to_lanes(const Shape& g, const float* x, int n, V* lanes) {
  to_lanes(x + n * LANES * g.pixels(), g.images(n), g.IC, g.H, g.W, g.PH, g.PW, lanes);
}
inline Correlation correlation(const Shape& g) {
  return {g.IC, g.OC, g.KH, g.KW, g.HO(), g.WO(), g.PH, g.PW};
}

// x (N, IC, H, W), weight (OC, IC, KH, KW), bias (OC,) or null -> out (N, OC, HP, WP), by the moving
// averages: all of a few images at a time, which stay in the nearest cache.
inline void stage_predict(Activation kind, const Shape& g, const float* x, const float* weight,
                          const float* bias, const Norm& norm, float* out, StageState* state) {
  const int T = threads();
  const size_t size = g.OC * g.map(), small = g.OC * g.pooled();
  const size_t in = g.bordered(), room = in + size + small;
  V* const rooms = state->room.of(T * room);
  const std::vector<float> weights = channels_last(g, weight);
  std::vector<Channel> channels(g.OC);
  for (int o = 0; o < g.OC; ++o) channels[o] = norm.by_averages(o, bias ? bias[o] : 0);
#pragma omp parallel num_threads(T)
  {
    V* const lanes = rooms + omp_get_thread_num() * room;
    V *const map = lanes + in, *const pooled = map + size;
    if (g.PH || g.PW) std::fill(lanes, map, V{});
#pragma omp for schedule(static)
    for (int n = 0; n < g.groups(); ++n) {
      images_to_lanes(g, x, n, lanes);
      correlate(correlation(g), lanes, weights.data(), map);
      for (int o = 0; o < g.OC; ++o)
        pool(kind, g, channels[o], map + o * g.map(), nullptr, pooled + o * g.pooled());
      from_lanes(pooled, g.images(n), small, out + n * LANES * small);
    }
  }
}

// The same by the moments of the batch, towards which the averages move.
// The bias is left out of the map, for the mean takes it away again: it enters the moving mean.
inline void stage_forward(Activation kind, const Shape& g, const float* x, const float* weight,
                          const float* bias, const Norm& norm, float* out, StageState* state) {
  const int T = threads(), G = g.groups();
  const size_t size = g.OC * g.map(), small = g.OC * g.pooled(), room = g.bordered();
  V* const map = state->map.of(G * size);
  V* const top = state->top.of(G * small);
  V* const pooled = state->pooled.of(G * small);
  V* const rooms = state->room.of(T * room);
  std::vector<Moments>& moments = state->moments;
  moments.resize(static_cast<size_t>(G) * g.OC);
  state->channels.resize(g.OC);
  const std::vector<float> weights = channels_last(g, weight);
#pragma omp parallel num_threads(T)
  {
    V* const lanes = rooms + omp_get_thread_num() * room;
    if (g.PH || g.PW) std::fill(lanes, lanes + room, V{});
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      images_to_lanes(g, x, n, lanes);
      V* const y = map + n * size;
      correlate(correlation(g), lanes, weights.data(), y);
      for (int o = 0; o < g.OC; ++o)
        moments[n * g.OC + o] = map_moments(y + o * g.map(), g.map(), g.images(n));
    }
#pragma omp for schedule(static)
    for (int o = 0; o < g.OC; ++o) {
      Moments m;
      for (int n = 0; n < G; ++n) m.add(moments[n * g.OC + o]);
      const float b = bias ? bias[o] : 0;
      m.squares += b - b;  // a bias that is no number, or infinite, leaves no numbers in the map
      state->channels[o] = norm.by_batch(o, m, b);
    }
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      for (int o = 0; o < g.OC; ++o) {
        const size_t k = n * small + o * g.pooled();
        pool(kind, g, state->channels[o], map + n * size + o * g.map(), top + k, pooled + k);
      }
      from_lanes(pooled + n * small, g.images(n), small, out + n * LANES * small);
    }
  }
}

// dx may be null, as nobody asks for the gradient of images.
inline void stage_backward(Activation kind, const Shape& g, const float* dout, const float* x,
                           const float* weight, float* dx, float* dweight, float* dbias, float* dgamma,
                           float* dbeta, StageState* state) {
  const int T = threads(), G = g.groups();
  const size_t size = g.OC * g.map(), small = g.OC * g.pooled(), weights = g.OC * g.taps();
  const int bh = dx ? g.KH - 1 - g.PH : 0, bw = dx ? g.KW - 1 - g.PW : 0;  // a border that leaves x's size
  const int WG = g.WO() + 2 * bw;
  const size_t plane = static_cast<size_t>(g.HO() + 2 * bh) * WG;
  const size_t in = g.bordered(), room = in + g.OC * plane + (dx ? g.pixels() : 0) + weights;
  const V *const map = state->map.of(0), *const top = state->top.of(0);
  const V* const pooled = state->pooled.of(0);
  V* const dz = state->gradient.of(G * small);
  V* const rooms = state->room.of(T * room);
  std::vector<double> sums(static_cast<size_t>(G) * 2 * g.OC);
  std::vector<ChannelGradient> gradients(g.OC);
  const std::vector<float> turned = turned_round(g, weight);
#pragma omp parallel num_threads(T)
  {
#pragma omp for schedule(static)
    for (int n = 0; n < G; ++n) {
      V* const d = dz + n * small;
      to_lanes(dout + n * LANES * small, g.images(n), g.OC, g.HP(), g.WP(), 0, 0, d);
      for (int o = 0; o < g.OC; ++o) {
        const float center = state->channels[o].center;
        V s{}, q{};
        for (size_t i = o * g.pooled(); i < (o + 1) * g.pooled(); ++i) {
          d[i] *= derivative(kind, pooled[n * small + i]);
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
        const V* const y = map + n * size + o * g.map();
        V* const to = dy + o * plane + bh * WG + bw;
        for (int i = 0; i < g.HO(); ++i)
          for (int j = 0; j < g.WO(); ++j)
            to[i * WG + j] = (y[i * g.WO() + j] - h.center) * k.slope + k.constant;
        const V* d = dz + n * small + o * g.pooled();
        for (int i = 0; i < g.HP(); ++i)
          for (int j = 0; j < g.WP(); ++j, ++d) {  // each to the one that was the maximum
            V highest;
            I index;
            window_maximum(y + i * g.SH * g.WO() + j * g.SW, g, h, &highest, &index);
            const V share = *d * h.scale;
            V* const window = to + i * g.SH * WG + j * g.SW;
            for (int a = 0; a < g.QH; ++a)
              for (int b = 0; b < g.QW; ++b)
                window[a * WG + b] += index == a * g.QW + b ? share : V{};
          }
      }
      images_to_lanes(g, x, n, lanes);
      weight_gradients(g, lanes, dy, dw, bh, bw);
      if (dx) {
        correlate({g.OC, g.IC, g.KH, g.KW, g.H, g.W, bh, bw}, dy, turned.data(), dlanes);
        from_lanes(dlanes, g.images(n), g.pixels(), dx + n * LANES * g.pixels());
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
