// Stochastic gradient descent with the bits of MXNet's own, in one pass at the speed of memory.
#pragma once
#include "lanes.h"

namespace gb {

// For one array of weights w, its gradient g and its velocity v, 0 where there is no momentum:
//   v = momentum v - lr wd w - lr rescale g
//   w = w + v
struct SGD {
  float momentum, decay, rate;  // decay = lr wd, rate = lr rescale
};

// A product that is rounded before anything is added, as in MXNet's build: left to itself the compiler
// makes one instruction of both, which rounds once.
GB_INLINE V rounded(V v) {
#if defined(__aarch64__)
  __asm__("" : "+w"(v));
#elif defined(__x86_64__)
  __asm__("" : "+x"(v));
#endif
  return v;
}

GB_INLINE void sgd_step(const SGD& r, V* w, V g, V* v) {
  *v = rounded(all(r.momentum) * *v) - rounded(all(r.decay) * *w) - rounded(all(r.rate) * g);
  *w = *w + *v;
}

// Where there is no momentum `v` is null.
inline void sgd(const SGD& r, int64_t n, float* w, const float* g, float* v) {
  const int64_t few = 1 << 14;  // which are done before a second thread has begun
#pragma omp parallel for schedule(static) num_threads(threads()) if (n > few)
  for (int64_t i = 0; i < n; i += LANES) {
    const int rest = static_cast<int>(n - i);
    if (n - i >= LANES) {
      V weight = load(w + i), velocity = v ? load(v + i) : V{};
      sgd_step(r, &weight, load(g + i), &velocity);
      store(w + i, weight);
      if (v) store(v + i, velocity);
    } else {
      V weight = load_part(w + i, rest, 0), velocity = v ? load_part(v + i, rest, 0) : V{};
      sgd_step(r, &weight, load_part(g + i, rest, 0), &velocity);
      store_part(w + i, rest, weight);
      if (v) store_part(v + i, rest, velocity);
    }
  }
}

}  // namespace gb
