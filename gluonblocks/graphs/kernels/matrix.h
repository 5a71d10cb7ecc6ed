// The matrix of a convolution on a small map, built from its weights, and the gradient of the weights.
#pragma once
#include <numeric>

#include "lanes.h"

namespace gb {

// A convolution on maps of H by W pixels. At most one tap of the kernel connects output pixel p, at
// (i, j), with input pixel q, at (h, w): tap (h - i SH + PH, w - j SW + PW). The convolution is therefore
// the product of a matrix of OC OH OW rows and IC H W columns with the pixels of all input channels:
//   M[o p, c q] = weight[o, c, tap(p, q)], or 0 if no tap connects p and q
struct SmallMap {
  int OC, IC, KH, KW, H, W, PH, PW, SH, SW;
  int OH() const { return (H + 2 * PH - KH) / SH + 1; }
  int OW() const { return (W + 2 * PW - KW) / SW + 1; }
  int P() const { return OH() * OW(); }
  int Q() const { return H * W; }
  int taps() const { return KH * KW; }

  // Element p * Q + q is tap(p, q), or -1 if no tap connects p and q.
  std::vector<int> table() const {
    std::vector<int> t(static_cast<size_t>(P()) * Q());
    for (int p = 0; p < P(); ++p)
      for (int q = 0; q < Q(); ++q) {
        const int k = q / W - p / OW() * SH + PH, l = q % W - p % OW() * SW + PW;
        t[p * Q() + q] = k >= 0 && k < KH && l >= 0 && l < KW ? k * KW + l : -1;
      }
    return t;
  }
};

// Fills `matrix` and, unless it is null, `biases`: one value per output pixel, the bias of its channel.
inline void matrix_forward(const SmallMap& g, const float* weight, const float* bias, float* matrix,
                           float* biases) {
  const std::vector<int> table = g.table();
  const int P = g.P(), Q = g.Q(), K = g.taps();
#pragma omp parallel for schedule(static) num_threads(threads())
  for (int o = 0; o < g.OC; ++o) {
    for (int p = 0; p < P; ++p) {
      const int* tap = &table[p * Q];
      const float* from = weight + static_cast<size_t>(o) * g.IC * K;
      float* to = matrix + (static_cast<size_t>(o) * P + p) * g.IC * Q;
      for (int c = 0; c < g.IC; ++c, from += K, to += Q)
        for (int q = 0; q < Q; ++q) to[q] = tap[q] < 0 ? 0.f : from[tap[q]];
    }
    if (biases) std::fill_n(biases + static_cast<size_t>(o) * P, P, bias[o]);
  }
}

// The gradient of a weight is the sum of the matrix's gradient over all positions of that weight.
inline void matrix_backward(const SmallMap& g, const float* dmatrix, const float* dbiases, float* dweight,
                            float* dbias) {
  const std::vector<int> table = g.table();
  const int P = g.P(), Q = g.Q(), K = g.taps();
#pragma omp parallel for schedule(static) num_threads(threads())
  for (int o = 0; o < g.OC; ++o) {
    float* row = dweight + static_cast<size_t>(o) * g.IC * K;
    std::fill_n(row, static_cast<size_t>(g.IC) * K, 0.f);
    for (int p = 0; p < P; ++p) {
      const int* tap = &table[p * Q];
      const float* from = dmatrix + (static_cast<size_t>(o) * P + p) * g.IC * Q;
      float* to = row;
      for (int c = 0; c < g.IC; ++c, from += Q, to += K)
        for (int q = 0; q < Q; ++q)
          if (tap[q] >= 0) to[tap[q]] += from[q];
    }
    if (dbias) {
      const float* from = dbiases + static_cast<size_t>(o) * P;
      dbias[o] = std::accumulate(from, from + P, 0.f);
    }
  }
}

}  // namespace gb
