// The operator that makes a matrix of a convolution's weights, as MXNet takes it.
//
//   _gluonblocks_matrix(weight[, bias]) -> (matrix[, biases])
#include "interface.h"
#include "matrix.h"

namespace {

bool has_bias(const Attrs& attrs) { return text(attrs, "bias", "1") == "1"; }

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

}  // namespace

REGISTER_OP(_gluonblocks_matrix)
    .setParseAttrs(matrix_counts)
    .setInferType(float32)
    .setInferShape(matrix_shapes)
    .setCreateOpState(create<Matrix>, "cpu");

