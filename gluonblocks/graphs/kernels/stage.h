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

// The maximum z of a window at y, whose rows are of `row` vectors, the first of equal ones, and where
// it is: z = scale (y - center) + shift is compared as it is rounded.
GB_INLINE V window_maximum(const V* y, int row, const Shape& g, const Channel& h, V* top, I* index) {
  *top = y[0];
  *index = I{};
  V best = (y[0] - h.center) * h.scale + h.shift;
  for (int i = 0; i < g.QH; ++i)
    for (int j = 0; j < g.QW; ++j) {
      const V v = y[i * row + j], z = (v - h.center) * h.scale + h.shift;
      const I more = z > best | z != z;  // NaN is shown
      best = more ? z : best;
      *top = more ? v : *top;
      *index = more ? I{} + (i * g.QW + j) : *index;
    }
  return best;
}

// weight (OC, IC, KH, KW) -> (IC, KH, KW, OC), as `correlate` reads it.
inline std::vector<float> channels_last(const Shape& g, const float* weight) {
  std::vector<float> weights(static_cast<size_t>(g.taps()) * g.OC);
  for (int o = 0; o < g.OC; ++o)
    for (int t = 0; t < g.taps(); ++t) weights[t * g.OC + o] = weight[o * g.taps() + t];
  return weights;
}

// x (N, IC, H, W), weight (OC, IC, KH, KW), bias (OC,) or null -> out (N, OC, HP, WP), by the moving
// averages: all of a few images at a time, which stay in the nearest cache.
inline void stage_predict(Activation kind, const Shape& g, const float* x, const float* weight, const float* bias,
                   const float* gamma, const float* beta, const float* moving_mean,
                   const float* moving_var, float* out, float eps, StageState* state) {
  const int T = threads();
  const size_t size = static_cast<size_t>(g.OC) * g.map(), small = g.OC * g.pooled();
  const size_t in = static_cast<size_t>(g.IC) * g.HB() * g.WB(), room = in + size + small;
  V* const rooms = state->room.of(T * room);
  const std::vector<float> weights = channels_last(g, weight);
  std::vector<Channel> channels(g.OC);
  for (int o = 0; o < g.OC; ++o)
    channels[o] = Channel(moving_mean[o] - (bias ? bias[o] : 0), moving_var[o], gamma[o], beta[o], eps);
#pragma omp parallel num_threads(T)
  {
    V* const lanes = rooms + omp_get_thread_num() * room;
    V *const map = lanes + in, *const pooled = map + size;
    if (g.PH || g.PW) std::fill(lanes, map, V{});
#pragma omp for schedule(static)
    for (int n = 0; n < g.groups(); ++n) {
      to_lanes(x + static_cast<size_t>(n) * LANES * g.IC * g.H * g.W, g.images(n), g.IC, g.H, g.W,
               g.PH, g.PW, lanes);
      correlate_all(lanes, weights.data(), map, g.IC, g.OC, g.KH, g.KW, g.HO(), g.WO(), g.PH, g.PW);
      for (int o = 0, k = 0; o < g.OC; ++o)
        for (int i = 0; i < g.HP(); ++i)
          for (int j = 0; j < g.WP(); ++j, ++k) {
            V top;
            I index;
            pooled[k] = activate(kind, window_maximum(
                map + static_cast<size_t>(o) * g.map() + i * g.SH * g.WO() + j * g.SW, g.WO(), g,
                channels[o], &top, &index));
          }
      from_lanes(pooled, g.images(n), small, out + static_cast<size_t>(n) * LANES * small);
    }
  }
}

// The same by the moments of the batch, towards which the averages move.
// The bias is left out of the map, for the mean takes it away again: it enters the moving mean.
inline void stage_forward(Activation kind, const Shape& g, const float* x, const float* weight, const float* bias,
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
  const std::vector<float> weights = channels_last(g, weight);
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
            pooled[k] = activate(kind, window_maximum(y + i * g.SH * g.WO() + j * g.SW, g.WO(), g, h, &top[k],
                                            &index));
          }
      }
      from_lanes(pooled + n * small, g.images(n), small, out + static_cast<size_t>(n) * LANES * small);
    }
  }
}

// dx may be null, as nobody asks for the gradient of images.
inline void stage_backward(Activation kind, const Shape& g, const float* dout, const float* x, const float* weight, float* dx,
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
