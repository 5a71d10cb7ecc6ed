// The operators of optimizers, as MXNet takes them.
//
//   _gluonblocks_sgd(rates, weights.., gradients..[, velocities..]) -> a number that says nothing
//
// They change arrays that they are given, and have no gradient.
#include "interface.h"
#include "sgd.h"

namespace {

bool has_velocities(const Attrs& attrs) { return text(attrs, "velocities", "0") == "1"; }

// rates: rescale, momentum, and then of each array its learning rate; of each its weight decay.
MXReturnValue sgd(const Attrs& attrs, Tensors* in, Tensors* out, const OpResource&) {
  const int n = first(attrs, "arrays", "1");
  const float* rates = floats(in, 0);
  for (int i = 0; i < n; ++i) {
    const float lr = rates[2 + i], wd = rates[2 + n + i];
    gb::sgd({rates[1], lr * wd, lr * rates[0]}, (*in)[1 + i].size(), floats(in, 1 + i), floats(in, 1 + n + i),
            has_velocities(attrs) ? floats(in, 1 + 2 * n + i) : nullptr);
  }
  *floats(out, 0) = 0;
  return mxnet::ext::MX_SUCCESS;
}

MXReturnValue sgd_counts(const Attrs& attrs, int* in, int* out) {
  *in = 1 + (has_velocities(attrs) ? 3 : 2) * first(attrs, "arrays", "1");
  *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue sgd_shapes(const Attrs&, Shapes*, Shapes* out) {
  (*out)[0] = {1};  // an operator has to have an output
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue sgd_mutates(const Attrs& attrs, std::vector<int>* which) {
  const int n = first(attrs, "arrays", "1");
  for (int i = 1; i <= n; ++i) which->push_back(i);
  for (int i = 1; has_velocities(attrs) && i <= n; ++i) which->push_back(2 * n + i);
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_sgd)
    .setParseAttrs(sgd_counts)
    .setInferType(float32)
    .setInferShape(sgd_shapes)
    .setMutateInputs(sgd_mutates)
    .setForward(sgd, "cpu");
