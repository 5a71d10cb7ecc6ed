// The operator of a norm, as MXNet takes it.
//
//   _gluonblocks_norm(data, gamma, beta, moving_mean, moving_var)
//
// In training it normalizes by the batch and moves the averages, in forward. It writes gradients and
// never adds to them, because MXNet does not say which is wanted.
#include "norm.h"

#include "interface.h"

namespace {

// MXNet makes one for each place in a graph that runs, and uses it for a forward and its backwards.
class Norm : public CustomStatefulOp {
 public:
  explicit Norm(const Attrs& attrs)
      : activation_(activation(attrs)), has_data_gradient_(has_data_gradient(attrs)),
        training_(is_training(attrs)), eps_(number(attrs, "eps", "1e-5")),
        momentum_(number(attrs, "momentum", "0.9")) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    if (activation_ == gb::SIGMOID) forward<gb::SIGMOID>(in, out);
    else if (activation_ == gb::RELU) forward<gb::RELU>(in, out);
    else forward<gb::IDENTITY>(in, out);
    return mxnet::ext::MX_SUCCESS;
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    clear(out, 3);
    if (activation_ == gb::SIGMOID) backward<gb::SIGMOID>(in, out);
    else if (activation_ == gb::RELU) backward<gb::RELU>(in, out);
    else backward<gb::IDENTITY>(in, out);
    return mxnet::ext::MX_SUCCESS;
  }

 private:
  template <gb::Activation A>
  void forward(Tensors* in, Tensors* out) {
    const int N = (*in)[0].shape[0], C = (*in)[0].shape[1];
    if (training_)
      gb::norm_forward<A>(floats(in, 0), floats(in, 1), floats(in, 2), floats(in, 3), floats(in, 4),
                          floats(out, 0), N, C, eps_, momentum_, &state_);
    else
      gb::norm_predict<A>(floats(in, 0), floats(in, 1), floats(in, 2), floats(in, 3), floats(in, 4),
                          floats(out, 0), N, C, eps_);
  }
  // From dy, the five inputs and y, to the gradients of the five.
  template <gb::Activation A>
  void backward(Tensors* in, Tensors* out) {
    gb::norm_backward<A>(floats(in, 0), floats(in, 1), floats(in, 6),
                         has_data_gradient_ ? floats(out, 0) : nullptr, floats(out, 1), floats(out, 2),
                         (*in)[1].shape[0], (*in)[1].shape[1], &state_);
  }

  gb::Activation activation_;
  bool has_data_gradient_, training_;
  float eps_, momentum_;
  gb::NormState state_;
};

MXReturnValue norm_counts(const Attrs&, int* in, int* out) {
  *in = 5, *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue norm_shapes(const Attrs&, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() != 2) return x.empty() ? mxnet::ext::MX_SUCCESS : mxnet::ext::MX_FAIL;  // not known yet
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
