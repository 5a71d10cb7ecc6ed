// Softmax cross-entropy of logits and labels, its gradient, and the correct predictions.
#pragma once
#include "lanes.h"

namespace gb {

// The sum of e^(z_j - highest) over the C logits z.
inline double sum_of_exponentials(const float* z, int C, float highest) {
  double total = 0;
  each_vector(C, [&](size_t j, int m) {
    const V e = exp(load_part(z + j, m, 0) - highest);
    for (int k = 0; k < m; ++k) total += e[k];
  });
  return total;
}

// For logits z (N, C) and labels y (N,): losses_i = log sum_j e^(z_ij) - z_iy. hits_i is 1 if z_iy is the
// first maximum of its row, and 0 otherwise. As in MXNet's pick, labels are clipped to the range 0 to C - 1.
inline void loss_forward(const float* z, const int* y, float* losses, float* hits, int N, int C) {
  for (int i = 0; i < N; ++i, z += C) {
    const int label = std::min(std::max(y[i], 0), C - 1);
    const int most = static_cast<int>(std::max_element(z, z + C) - z);
    const double total = sum_of_exponentials(z, C, z[most]);
    losses[i] = static_cast<float>(std::log(total)) + (z[most] - z[label]);
    hits[i] = most == label;
  }
}

// The gradient of the logits: (softmax(z)_ij - [j = y_i]) * dlosses_i. It is not computed from the losses,
// because the difference of a large loss and a large logit would lose all digits of a small exponent.
inline void loss_backward(const float* dlosses, const float* z, const int* y, float* dz, int N, int C) {
  for (int i = 0; i < N; ++i, z += C, dz += C) {
    const int label = std::min(std::max(y[i], 0), C - 1);
    const float highest = *std::max_element(z, z + C);
    const float scale = static_cast<float>(dlosses[i] / sum_of_exponentials(z, C, highest));
    each_vector(C, [&](size_t j, int m) {
      store_part(dz + j, m, exp(load_part(z + j, m, 0) - highest) * scale);
    });
    dz[label] -= dlosses[i];
  }
}

}  // namespace gb
