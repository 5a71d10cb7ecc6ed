// Softmax cross-entropy of logits and labels, its gradient, and the correct predictions.
#pragma once
#include "lanes.h"

namespace gb {

// For logits z (N, C) and labels y (N): losses_i = log sum_j e^(z_ij) - z_iy. hits_i is 1 if z_iy is the
// first maximum of its row, else 0. As in MXNet's pick, a label outside 0 to C - 1 is clipped.
inline void loss_forward(const float* z, const int* y, float* losses, float* hits, int N, int C) {
  for (int i = 0; i < N; ++i, z += C) {
    const int label = std::min(std::max(y[i], 0), C - 1);
    const int most = static_cast<int>(std::max_element(z, z + C) - z);
    double total = 0;
    each_vector(C, [&](size_t j, int m) {
      const V e = exp(load_part(z + j, m, -INFINITY) - z[most]);
      for (int k = 0; k < m; ++k) total += e[k];
    });
    losses[i] = static_cast<float>(std::log(total)) + (z[most] - z[label]);
    hits[i] = most == label;
  }
}

// The gradient of the logits: (softmax(z)_ij - [j = y_i]) * dlosses_i.
inline void loss_backward(const float* dlosses, const float* z, const int* y, const float* losses, float* dz,
                          int N, int C) {
  for (int i = 0; i < N; ++i, z += C, dz += C) {
    const int label = std::min(std::max(y[i], 0), C - 1);
    const float log_total = z[label] + losses[i];
    each_vector(C, [&](size_t j, int m) {
      store_part(dz + j, m, exp(load_part(z + j, m, 0) - log_total) * dlosses[i]);
    });
    dz[label] -= dlosses[i];
  }
}

}  // namespace gb
