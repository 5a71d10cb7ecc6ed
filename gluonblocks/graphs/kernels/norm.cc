// The operator of a norm, as MXNet takes it.
//
//   _gluonblocks_norm(data, gamma, beta, moving_mean, moving_var)
//
// In training it normalizes by the batch and moves the averages, in forward. It writes gradients and
// never adds to them, for MXNet does not say which is asked for.
#include "norm.h"

#include "norm_operator.h"

namespace {

struct NormForward {
  template <class A>
  static void run(const Kind& kind, bool training, Tensors* in, Tensors* out, gb::NormState* state) {
    const std::vector<int64_t>& s = (*in)[0].shape;
    const int pixels = s.size() == 4 ? s[2] * s[3] : 1;
    if (!training)
      return gb::norm_predict<A>(floats(in, 0), floats(in, 1), floats(in, 2), floats(in, 3),
                                 floats(in, 4), floats(out, 0), s[0], s[1], pixels, kind.eps);
    gb::norm_forward<A>(floats(in, 0), floats(in, 1), floats(in, 2), floats(in, 3), floats(in, 4),
                        floats(out, 0), s[0], s[1], pixels, kind.eps,
                        kind.momentum, state);
  }
};

struct NormBackward {  // from dy, the five inputs and y, to the gradients of the five
  template <class A>
  static void run(bool wanted, Tensors* in, Tensors* out, gb::NormState* state) {
    const std::vector<int64_t>& s = (*in)[1].shape;
    gb::norm_backward<A>(floats(in, 0), floats(in, 1), floats(in, 6), wanted ? floats(out, 0) : nullptr,
                         floats(out, 1), floats(out, 2), s[0], s[1], s.size() == 4 ? s[2] * s[3] : 1, state);
  }
};

// MXNet makes one for each place in a graph that runs, and uses it for a forward and its backwards.
class Norm : public CustomStatefulOp {
 public:
  explicit Norm(const Attrs& attrs)
      : kind_(attrs), has_data_gradient_(has_data_gradient(attrs)), training_(is_training(attrs)) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    return with<NormForward, const Kind&>(kind_.activation, kind_, training_, in, out, &state_);
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    clear(out, 3);
    return with<NormBackward>(kind_.activation, has_data_gradient_, in, out, &state_);
  }

 private:
  Kind kind_;
  bool has_data_gradient_, training_;
  gb::NormState state_;
};

MXReturnValue norm_counts(const Attrs&, int* in, int* out) {
  *in = 5, *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue norm_shapes(const Attrs&, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() < 2) return mxnet::ext::MX_SUCCESS;  // not known yet
  for (size_t i = 1; i < in->size(); ++i)
    if (!fits(&(*in)[i], {x[1]})) return mxnet::ext::MX_FAIL;
  (*out)[0] = x;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue norm_mutates(const Attrs& attrs, std::vector<int>* which) {
  if (is_training(attrs)) *which = {3, 4};
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_norm)
    .setParseAttrs(norm_counts)
    .setInferType(float32)
    .setInferShape(norm_shapes)
    .setMutateInputs(norm_mutates)
    .setCreateOpState(create<Norm>, "cpu");

MXReturnValue initialize(int version) {
  return version >= 10900 && version < 11000 ? mxnet::ext::MX_SUCCESS : mxnet::ext::MX_FAIL;
}
