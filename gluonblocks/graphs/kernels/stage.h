// Convolution, batch normalization, activation and max-pooling in one operator, for few channels.
#pragma once
#include "convolution.h"
#include "moments.h"

namespace gb {

// Values that the forward pass stores for the backward pass, and workspace.
struct StageState {
  Buffer map, top, pooled;  // output of the convolution; its values at the maxima; output of the stage
  Buffer room, gradient;
  std::vector<Channel> channels;
  std::vector<Moments> moments;
};

// The moments of one channel's map over the first `images` lanes.
inline Moments map_moments(const V* y, int size, int images) {
  I lane;
  for (int i = 0; i < LANES; ++i) lane[i] = i;
  const I used = lane < images;
  V s{}, d1{}, d2{};
  for (int i = 0; i < size; ++i) s += y[i];  // 0 in unused lanes
  const double n = static_cast<double>(images) * size;
  const float near = static_cast<float>(sum(used ? s : V{}) / n);
  for (int i = 0; i < size; ++i) {
    const V d = used ? y[i] - near : V{};
    d1 += d;
    d2 += d * d;
  }
  return Moments::of(n, near, sum(d1), sum(d2));
}

// The maximum of z = scale (y - center) + shift, rounded to float, in the window that begins at y in the
// convolution's output. *top is set to y at the first maximum, and *index to its position in the window.
GB_INLINE V window_maximum(const V* y, const Shape& g, const Channel& h, V* top, I* index) {
  *top = y[0];
  *index = I{};
  V best = (y[0] - h.center) * h.scale + h.shift;
  for (int i = 0; i < g.QH; ++i)
    for (int j = 0; j < g.QW; ++j) {
      const V v = y[i * g.WO() + j], z = (v - h.center) * h.scale + h.shift;
      const I more = z > best | z != z;  // NaN wins
      best = more ? z : best;
      *top = more ? v : *top;
      *index = more ? I{} + (i * g.QW + j) : *index;
    }
  return best;
}

// Pools all windows of one channel's map y. Stores the values of y at the maxima in `top`, unless it is null.
GB_INLINE void pool(Activation kind, const Shape& g, const Channel& h, const V* y, V* top, V* pooled) {
  for (int i = 0, k = 0; i < g.HP(); ++i)
    for (int j = 0; j < g.WP(); ++j, ++k) {
      V maximum;
      I index;
      pooled[k] = activate(kind, window_maximum(y + i * g.SH * g.WO() + j * g.SW, g, h, &maximum, &index));
      if (top) top[k] = maximum;
    }
}

// weight (OC, IC, KH, KW) -> (IC, KH, KW, OC), the order that `correlate` expects
inline std::vector<float> channels_last(const Shape& g, const float* weight) {
  std::vector<float> weights(g.OC * g.taps());
  for (int o = 0; o < g.OC; ++o)
    for (size_t t = 0; t < g.taps(); ++t) weights[t * g.OC + o] = weight[o * g.taps() + t];
  return weights;
}

// weight (OC, IC, KH, KW) -> the flipped kernel (OC, KH, KW, IC), whose correlation with dy is dx
inline std::vector<float> flipped(const Shape& g, const float* weight) {
  std::vector<float> weights(g.OC * g.taps());
  for (size_t i = 0; i < weights.size(); ++i) {
    const int kernel = g.KH * g.KW, c = i % g.IC, t = i / g.IC % kernel, o = i / g.IC / kernel;
    weights[i] = weight[(o * g.IC + c) * kernel + kernel - 1 - t];
  }
  return weights;
}

// Copies group n of the images x to lanes with a border of PH rows and PW columns.
inline void images_to_lanes(const Shape& g, const float* x, int n, V* lanes) {
  to_lanes(x + n * LANES * g.pixels(), g.images(n), g.IC, g.H, g.W, g.PH, g.PW, lanes);
}
inline Correlation correlation(const Shape& g) {
  return {g.IC, g.OC, g.KH, g.KW, g.HO(), g.WO(), g.PH, g.PW};
}

// Computes a stage in training: normalizes with the batch's moments, and updates the moving averages. The bias
// is not added to the map, because the norm would subtract it again, but it is added to the moving mean.
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
      m.squares += b - b;  // makes the output NaN if the bias is NaN or infinite
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

// Computes the gradients of a stage. If x is the input of the net, dx is not needed and may be null.
inline void stage_backward(Activation kind, const Shape& g, const float* dout, const float* x,
                           const float* weight, float* dx, float* dweight, float* dbias, float* dgamma,
                           float* dbeta, StageState* state) {
  const int T = threads(), G = g.groups();
  const size_t size = g.OC * g.map(), small = g.OC * g.pooled(), weights = g.OC * g.taps();
  const int bh = dx ? g.KH - 1 - g.PH : 0, bw = dx ? g.KW - 1 - g.PW : 0;  // border of dy that dx requires
  const int WG = g.WO() + 2 * bw;
  const size_t plane = static_cast<size_t>(g.HO() + 2 * bh) * WG;
  const size_t in = g.bordered(), room = in + g.OC * plane + (dx ? g.pixels() : 0) + weights;
  const V *const map = state->map.of(0), *const top = state->top.of(0);
  const V* const pooled = state->pooled.of(0);
  V* const dz = state->gradient.of(G * small);
  V* const rooms = state->room.of(T * room);
  std::vector<double> sums(static_cast<size_t>(G) * 2 * g.OC);
  std::vector<ChannelGradient> gradients(g.OC);
  const std::vector<float> flipped_weights = flipped(g, weight);
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
      if (dbias) dbias[o] = 0 * h.dbeta;  // the norm cancels the bias; NaN stays NaN
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
          for (int j = 0; j < g.WP(); ++j, ++d) {  // the gradient passes to the maximum only
            V highest;
            I index;
            window_maximum(y + i * g.SH * g.WO() + j * g.SW, g, h, &highest, &index);
            const V gradient = *d * h.scale;
            V* const window = to + i * g.SH * WG + j * g.SW;
            for (int a = 0; a < g.QH; ++a)
              for (int b = 0; b < g.QW; ++b)
                window[a * WG + b] += index == a * g.QW + b ? gradient : V{};
          }
      }
      images_to_lanes(g, x, n, lanes);
      weight_gradients(g, lanes, dy, dw, bh, bw);
      if (dx) {
        correlate({g.OC, g.IC, g.KH, g.KW, g.H, g.W, bh, bw}, dy, flipped_weights.data(), dlanes);
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
