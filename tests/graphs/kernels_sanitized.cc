// Runs each path of the operators without MXNet, on arrays of the exact size, for GCC's sanitizers.
#include <cstdio>
#include <vector>

#include "loss.h"
#include "matrix.h"
#include "norm.h"
#include "stage_predict.h"

typedef std::vector<float> Floats;

static Floats some(size_t n) {
  Floats v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<float>((i * 7919) % 1000) / 500 - 1;
  return v;
}

template <gb::Activation kind>
static double norm(int N, int C) {
  const size_t n = static_cast<size_t>(N) * C;
  Floats x = some(n), dy = some(n), g = some(C), b = some(C), mean(C), var(C), y(n), dx(n), dg(C), db(C);
  const gb::Norm norm = {g.data(), b.data(), mean.data(), var.data(), 1e-5f, .9f};
  gb::NormState state;
  for (int i = 0; i < 2; ++i) {
    gb::norm_forward<kind>(x.data(), norm, y.data(), N, C, &state);
    gb::norm_backward<kind>(dy.data(), x.data(), y.data(), i ? nullptr : dx.data(), dg.data(), db.data(), N,
                         C, &state);
    gb::norm_predict<kind>(x.data(), norm, y.data(), N, C);
  }
  return y[n - 1] + dx[n - 1] + dg[C - 1] + db[C - 1] + mean[C - 1] + var[C - 1];
}

static double stage(gb::Activation kind, gb::Shape g) {
  Floats x = some(static_cast<size_t>(g.N) * g.IC * g.H * g.W), w = some(g.OC * g.taps());
  Floats c = some(g.OC), ga = some(g.OC), b = some(g.OC), mean(g.OC), var(g.OC), dg(g.OC), db(g.OC);
  Floats y(static_cast<size_t>(g.N) * g.OC * g.pooled()), dy = some(y.size()), dx(x.size()), dw(w.size());
  Floats dc(g.OC);
  const gb::Norm norm = {ga.data(), b.data(), mean.data(), var.data(), 1e-5f, .9f};
  gb::StageState state;
  for (int i = 0; i < 2; ++i) {
    gb::stage_forward(kind, g, x.data(), w.data(), i ? nullptr : c.data(), norm, y.data(), &state);
    gb::stage_backward(kind, g, dy.data(), x.data(), w.data(), i ? nullptr : dx.data(), dw.data(),
                          i ? nullptr : dc.data(), dg.data(), db.data(), &state);
    gb::stage_predict(kind, g, x.data(), w.data(), i ? nullptr : c.data(), norm, y.data(), &state);
    if (i == 0 && g.N > 1) --g.N;  // a smaller last batch in the same state
  }
  return y[0] + dx[0] + dw[0] + dg[0] + db[0] + dc[0];
}

static double matrix(gb::SmallMap g, bool bias) {
  Floats w = some(static_cast<size_t>(g.OC) * g.IC * g.taps()), b = some(g.OC), dw(w.size()), db(g.OC);
  Floats m(static_cast<size_t>(g.OC) * g.P() * g.IC * g.Q()), bs(static_cast<size_t>(g.OC) * g.P());
  gb::matrix_forward(g, w.data(), bias ? b.data() : nullptr, m.data(), bias ? bs.data() : nullptr);
  gb::matrix_backward(g, m.data(), bias ? bs.data() : nullptr, dw.data(), bias ? db.data() : nullptr);
  return m[0] + bs[0] + dw[0] + db[0];
}

static double loss(int N, int C) {
  Floats z = some(static_cast<size_t>(N) * C), losses(N), hits(N), dz(z.size());
  std::vector<int> y(N);
  for (int i = 0; i < N; ++i) y[i] = i - 1;  // from -1, which is not a class, to more than C
  gb::loss_forward(z.data(), y.data(), losses.data(), hits.data(), N, C);
  gb::loss_backward(losses.data(), z.data(), y.data(), dz.data(), N, C);
  return losses[N - 1] + hits[N - 1] + dz.back();
}

int main() {
  double s = 0;
  const int norms[][2] = {{1, 1}, {5, 3}, {70, 33}, {1, 16}, {2, 5000}};
  for (const auto& n : norms)
    s += norm<gb::IDENTITY>(n[0], n[1]) + norm<gb::SIGMOID>(n[0], n[1]) + norm<gb::RELU>(n[0], n[1]);
  for (int channels = 1; channels < 14; ++channels) {
    const gb::Shape g = {3, 2, 7, 9, channels, 3, 5, 1, 0, 2, 2, 2, 2};
    s += stage(gb::SIGMOID, g);
  }
  const gb::Shape others[] = {{1, 1, 28, 28, 6, 5, 5, 0, 0, 2, 2, 2, 2}, {33, 3, 6, 5, 4, 1, 1, 0, 0, 1, 1, 1, 1},
                              {17, 2, 3, 8, 3, 3, 7, 2, 6, 3, 2, 1, 3}, {2, 1, 2, 2, 1, 2, 2, 0, 0, 1, 1, 1, 1}};
  for (const gb::Shape& g : others) s += stage(gb::RELU, g) + stage(gb::IDENTITY, g);
  const gb::SmallMap maps[] = {{4, 3, 3, 3, 2, 2, 1, 1, 1, 1}, {2, 5, 3, 3, 1, 1, 1, 1, 1, 1},
                               {3, 2, 3, 3, 2, 2, 1, 1, 2, 2}, {1, 1, 2, 5, 1, 3, 1, 2, 2, 1},
                               {2, 2, 3, 3, 4, 5, 0, 1, 1, 2}};
  for (const gb::SmallMap& g : maps) s += matrix(g, true) + matrix(g, false);
  for (const int n : {1, 7, 33}) s += loss(n, 1) + loss(n, 10) + loss(n, 17);
  std::printf("%f\n", s);
  return s == s ? 0 : 1;
}
