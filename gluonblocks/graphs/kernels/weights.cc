// The operators on weights, as MXNet takes them: the matrix of a convolution, and a step of SGD.
//
//   _gluonblocks_matrix(weight[, bias]) -> (matrix[, biases])
//   _gluonblocks_sgd(rates, weights.., gradients..[, velocities..]) -> new weights..
//
// Velocities are changed in place. Weights are not: where MXNet has a convolution's in an order of oneDNN's
// own, as after a prediction, an operator of a library is given a copy of them.
#include "interface.h"
#include "matrix.h"
#include "sgd.h"

namespace {

gb::SmallMap small_map(const Attrs& attrs) {
  gb::SmallMap g;
  g.OC = first(attrs, "filters", "1"), g.IC = first(attrs, "channels", "1");
  g.KH = first(attrs, "kernel", "1x1"), g.KW = second(attrs, "kernel", "1x1");
  g.H = first(attrs, "map", "1x1"), g.W = second(attrs, "map", "1x1");
  g.PH = first(attrs, "pad", "0x0"), g.PW = second(attrs, "pad", "0x0");
  g.SH = first(attrs, "stride", "1x1"), g.SW = second(attrs, "stride", "1x1");
  return g;
}

class Matrix : public CustomStatefulOp {
 public:
  explicit Matrix(const Attrs& attrs) : attrs_(attrs) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    const int b = has_bias(attrs_);
    gb::matrix_forward(small_map(attrs_), floats(in, 0), b ? floats(in, 1) : nullptr, floats(out, 0),
                       b ? floats(out, 1) : nullptr);
    return mxnet::ext::MX_SUCCESS;
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    const int b = has_bias(attrs_);  // the first inputs are dmatrix[, dbiases]
    gb::matrix_backward(small_map(attrs_), floats(in, 0), b ? floats(in, 1) : nullptr, floats(out, 0),
                        b ? floats(out, 1) : nullptr);
    return mxnet::ext::MX_SUCCESS;
  }

 private:
  Attrs attrs_;
};

MXReturnValue matrix_counts(const Attrs& attrs, int* in, int* out) {
  *in = *out = 1 + has_bias(attrs);
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue matrix_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const gb::SmallMap g = small_map(attrs);
  const unsigned filters = g.OC, channels = g.IC, rows = g.OC * g.P(), columns = g.IC * g.Q();
  (*in)[0] = {filters, channels, static_cast<unsigned>(g.KH), static_cast<unsigned>(g.KW)};
  (*out)[0] = {rows, columns};
  if (has_bias(attrs)) {
    (*in)[1] = {filters};
    (*out)[1] = {rows};
  }
  return mxnet::ext::MX_SUCCESS;
}

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

REGISTER_OP(_gluonblocks_matrix)
    .setParseAttrs(matrix_counts)
    .setInferType(float32)
    .setInferShape(matrix_shapes)
    .setCreateOpState(create<Matrix>, "cpu");

REGISTER_OP(_gluonblocks_sgd)
    .setParseAttrs(sgd_counts)
    .setInferType(float32)
    .setInferShape(sgd_shapes)
    .setMutateInputs(sgd_mutates)
    .setForward(sgd, "cpu")
    .setBackward(sgd_gradient, "cpu");
