// The operators of optimizers, as MXNet takes them.
//
//   _gluonblocks_sgd(rates, weights.., gradients..[, velocities..]) -> new weights..
//
// Velocities are changed in place. Weights are not: where MXNet has a convolution's in an order of oneDNN's
// own, as after a prediction, an operator of a library is given a copy of them.
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
            has_velocities(attrs) ? floats(in, 1 + 2 * n + i) : nullptr, floats(out, i));
  }
  return mxnet::ext::MX_SUCCESS;
}
// MXNet makes a graph for it in any case; nobody runs that.
MXReturnValue sgd_gradient(const Attrs&, Tensors*, Tensors*, const OpResource&) {
  MX_ERROR_MSG << "a step of an optimizer has no gradient";
  return mxnet::ext::MX_FAIL;
}

MXReturnValue sgd_counts(const Attrs& attrs, int* in, int* out) {
  *out = first(attrs, "arrays", "1");
  *in = 1 + (has_velocities(attrs) ? 3 : 2) * *out;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue sgd_shapes(const Attrs&, Shapes* in, Shapes* out) {
  std::copy_n(in->begin() + 1, out->size(), out->begin());
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue sgd_mutates(const Attrs& attrs, std::vector<int>* which) {
  const int n = first(attrs, "arrays", "1");
  for (int i = 1; has_velocities(attrs) && i <= n; ++i) which->push_back(2 * n + i);
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_sgd)
    .setParseAttrs(sgd_counts)
    .setInferType(float32)
    .setInferShape(sgd_shapes)
    .setMutateInputs(sgd_mutates)
    .setForward(sgd, "cpu")
    .setBackward(sgd_gradient, "cpu");
