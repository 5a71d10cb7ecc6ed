// The stage of `stage.h` in prediction.
#pragma once
#include "stage.h"

namespace gb {

// Computes the stage for at most LANES / 2 images, without padding. With one image per lane, most lanes would
// be unused. So the output of each image is divided into tiles, and each lane computes one tile. The last tile
// of a row or column may overlap the previous one.
inline void predict_tiles(Activation kind, const Shape& g, const float* x, const std::vector<float>& weights,
                          const std::vector<Channel>& channels, float* out, StageState* state) {
  const int rows = std::min(LANES / g.N, g.HP()), columns = std::min(LANES / g.N / rows, g.WP());
  const int HT = (g.HP() + rows - 1) / rows, WT = (g.WP() + columns - 1) / columns;  // size of a tile
  Shape tile = g;
  tile.H = (HT - 1) * g.SH + g.QH + g.KH - 1, tile.W = (WT - 1) * g.SW + g.QW + g.KW - 1;
  const size_t in = tile.pixels(), size = g.OC * tile.map();
  V* const lanes = state->room.of(in + size + g.OC * tile.pooled());
  V *const map = lanes + in, *const pooled = map + size;
  const auto each_lane = [&](auto f) {  // calls f(lane, image, top, left), the tile's position in the output
    for (int n = 0, lane = 0; n < g.N; ++n)
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j, ++lane)
          f(lane, n, std::min(i * HT, g.HP() - HT), std::min(j * WT, g.WP() - WT));
  };
  std::fill(lanes, map, V{});
  each_lane([&](int lane, int n, int top, int left) {
    V* to = lanes;
    for (int c = 0; c < g.IC; ++c)
      for (int h = 0; h < tile.H; ++h) {
        const float* from = x + ((static_cast<size_t>(n) * g.IC + c) * g.H + top * g.SH + h) * g.W + left * g.SW;
        for (int w = 0; w < tile.W; ++w) (*to++)[lane] = from[w];
      }
  });
  correlate(correlation(tile), lanes, weights.data(), map);
  for (int o = 0; o < g.OC; ++o)
    pool(kind, tile, channels[o], map + o * tile.map(), nullptr, pooled + o * tile.pooled());
  each_lane([&](int lane, int n, int top, int left) {
    const V* from = pooled;
    for (int o = 0; o < g.OC; ++o)
      for (int h = 0; h < HT; ++h) {
        float* to = out + ((static_cast<size_t>(n) * g.OC + o) * g.HP() + top + h) * g.WP() + left;
        for (int w = 0; w < WT; ++w) to[w] = (*from++)[lane];
      }
  });
}

// x (N, IC, H, W), weight (OC, IC, KH, KW), bias (OC,) or null -> out (N, OC, HP, WP), with moving averages.
// A thread computes the complete stage for one group of images at a time, so that data stays in the cache.
inline void stage_predict(Activation kind, const Shape& g, const float* x, const float* weight,
                          const float* bias, const Norm& norm, float* out, StageState* state) {
  const std::vector<float> weights = channels_last(g, weight);
  std::vector<Channel> channels(g.OC);
  for (int o = 0; o < g.OC; ++o) channels[o] = norm.by_averages(o, bias ? bias[o] : 0);
  if (g.N > 0 && 2 * g.N <= LANES && !g.PH && !g.PW)
    return predict_tiles(kind, g, x, weights, channels, out, state);
  const int T = threads();
  const size_t size = g.OC * g.map(), small = g.OC * g.pooled();
  const size_t in = g.bordered(), room = in + size + small;
  V* const rooms = state->room.of(T * room);
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

}  // namespace gb
