// Stochastic gradient descent with the bits of MXNet's own, in one pass at the speed of memory.
#pragma once
#include "lanes.h"

namespace gb {

// For one array of weights w, its gradient g and its velocity v, 0 where there is no momentum:
//   v = momentum v - lr wd w - lr rescale g
//   new w = w + v
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

GB_INLINE V velocity(const SGD& r, V w, V g, V v) {
  return rounded(all(r.momentum) * v) - rounded(all(r.decay) * w) - rounded(all(r.rate) * g);
}

// Where there is no momentum `v` is null.
inline void sgd(const SGD& r, int64_t n, const float* w, const float* g, float* v, float* out) {
#pragma omp parallel for schedule(static) num_threads(threads())
  for (int64_t i = 0; i < n; i += LANES) {
    const int m = static_cast<int>(std::min<int64_t>(n - i, LANES));
    const V weight = load(w + i, m), to = velocity(r, weight, load(g + i, m), v ? load(v + i, m) : V{});
    if (v) store(v + i, m, to);
    store(out + i, m, weight + to);
  }
}

}  // namespace gb
