// Batch normalization of one channel: the moments of a batch, the normalization, and its gradients.
#pragma once
#include "lanes.h"

namespace gb {

// The mean of n values, and the sum of their squared differences from it.
struct Moments {
  double n = 0, mean = 0, squares = 0;

  double var() const { return std::max(squares, 0.) / n; }  // NaN stays NaN

  // The moments of n values x, given the sums of d = x - near and of d^2. `near` is close to their mean.
  static Moments of(double n, double near, double sum_d, double sum_d2) {
    Moments m;
    m.n = n;
    m.mean = std::isfinite(near) ? near + sum_d / n : near;
    m.squares = sum_d2 - sum_d * sum_d / n;
    return m;
  }

  // Combines the moments of two sets of values (Chan, Golub & LeVeque 1983). The callers combine sets in
  // a fixed order, so that the results do not depend on the number of threads.
  void add(const Moments& other) {
    const double all = n + other.n, d = other.mean - mean;
    if (!(std::isfinite(mean) && std::isfinite(other.mean))) {
      mean += other.mean;  // preserves infinity, as a sum does
      squares = NAN;
    } else {
      mean += d * other.n / all;
      squares += other.squares + d * d * n * other.n / all;
    }
    n = all;
  }
};

// Ioffe & Szegedy 2015, algorithm 1, for one channel of m values:
//   mu = sum x / m                      var = sum (x - mu)^2 / m
//   x_hat = (x - mu) / sqrt(var + eps)  y = gamma x_hat + beta
// If mu is much larger than the standard deviation, a float cannot represent mu accurately enough. mu is
// therefore stored as center + rest. Then x - center is exact, and rest becomes part of the constant:
//   y = scale (x - center) + shift,  scale = gamma / sqrt(var + eps),  shift = beta - scale rest
struct Channel {
  float center, scale, shift;
  double rest, inverse;  // inverse = 1 / sqrt(var + eps)

  Channel() {}
  // Normalizes with the moving averages.
  Channel(float mean, float var, float gamma, float beta, float eps)
      : center(mean), scale(gamma / std::sqrt(var + eps)), shift(beta), rest(0), inverse(0) {}
  // Normalizes with the moments of a batch.
  Channel(const Moments& m, float gamma, float beta, float eps) {
    center = static_cast<float>(m.mean);
    rest = m.mean - center;
    inverse = 1 / std::sqrt(m.var() + eps);
    scale = static_cast<float>(gamma * inverse);
    shift = static_cast<float>(beta - gamma * inverse * rest);
  }
};

// The gradients in Ioffe & Szegedy 2015, with s = sum dy and q = sum dy (x - mu):
//   dbeta = s   dgamma = q / sqrt(var + eps)
//   dx = scale (dy - s / m - (x - mu) q / (m (var + eps)))
//      = scale dy + slope (x - center) + constant
struct ChannelGradient {
  float dgamma, dbeta, slope, constant;

  ChannelGradient() {}
  // `q_center` is sum dy (x - center).
  ChannelGradient(const Channel& c, double m, double s, double q_center) {
    const double q = q_center - c.rest * s, scale = c.scale;
    dbeta = static_cast<float>(s);
    dgamma = static_cast<float>(q * c.inverse);
    const double a = -scale * c.inverse * c.inverse * q / m;
    slope = static_cast<float>(a);
    constant = static_cast<float>(-scale * s / m - a * c.rest);
  }
};

// The parameters of a norm, one value per channel. `bias` is the bias of the preceding convolution: the
// moving mean includes it, but the moments of the batch do not.
struct Norm {
  const float *gamma, *beta;
  float *moving_mean, *moving_var;
  float eps, momentum;

  Channel by_averages(int c, float bias = 0) const {
    return Channel(moving_mean[c] - bias, moving_var[c], gamma[c], beta[c], eps);
  }
  // D2L 5.11: moving = momentum moving + (1 - momentum) batch, with the biased variance.
  Channel by_batch(int c, const Moments& m, float bias = 0) const {
    moving_mean[c] = static_cast<float>(momentum * moving_mean[c] + (1.0 - momentum) * (m.mean + bias));
    moving_var[c] = static_cast<float>(momentum * moving_var[c] + (1.0 - momentum) * m.var());
    return Channel(m, gamma[c], beta[c], eps);
  }
};

}  // namespace gb
