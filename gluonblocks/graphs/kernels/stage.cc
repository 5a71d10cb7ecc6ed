// The operator of a stage, as MXNet takes it: convolution, norm, activation and max-pooling.
//
//   _gluonblocks_stage(data, weight[, bias], gamma, beta, moving_mean, moving_var)
//
// In training it normalizes by the batch and moves the averages, in forward. It writes gradients and
// never adds to them, because MXNet does not say which is wanted.
#include "stage.h"

#include "interface.h"

namespace {

gb::Shape shape_of(const Attrs& attrs, const std::vector<int64_t>& x, int channels) {
  gb::Shape g;
  g.N = x[0], g.IC = x[1], g.H = x[2], g.W = x[3], g.OC = channels;
  g.KH = first(attrs, "kernel", "1x1"), g.KW = second(attrs, "kernel", "1x1");
  g.PH = first(attrs, "pad", "0x0"), g.PW = second(attrs, "pad", "0x0");
  g.QH = first(attrs, "window", "1x1"), g.QW = second(attrs, "window", "1x1");
  g.SH = first(attrs, "stride", "1x1"), g.SW = second(attrs, "stride", "1x1");
  return g;
}

class Stage : public CustomStatefulOp {
 public:
  explicit Stage(const Attrs& attrs)
      : attrs_(attrs), activation_(activation(attrs)), eps_(number(attrs, "eps", "1e-5")),
        momentum_(number(attrs, "momentum", "0.9")), bias_(has_bias(attrs)) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    const gb::Shape g = shape_of(attrs_, (*in)[0].shape, (*in)[1].shape[0]);
    const int b = bias_;
    float* const bias = b ? floats(in, 2) : nullptr;
    if (is_training(attrs_))
      gb::stage_forward(activation_, g, floats(in, 0), floats(in, 1), bias, floats(in, 2 + b),
                        floats(in, 3 + b), floats(in, 4 + b), floats(in, 5 + b), floats(out, 0), eps_,
                        momentum_, &state_);
    else
      gb::stage_predict(activation_, g, floats(in, 0), floats(in, 1), bias, floats(in, 2 + b),
                        floats(in, 3 + b), floats(in, 4 + b), floats(in, 5 + b), floats(out, 0), eps_,
                        &state_);
    return mxnet::ext::MX_SUCCESS;
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    const int b = bias_;
    clear(out, 4 + b);
    gb::stage_backward(activation_, shape_of(attrs_, (*in)[1].shape, (*in)[2].shape[0]), floats(in, 0),
                       floats(in, 1), floats(in, 2), has_data_gradient(attrs_) ? floats(out, 0) : nullptr,
                       floats(out, 1), b ? floats(out, 2) : nullptr, floats(out, 2 + b),
                       floats(out, 3 + b), &state_);
    return mxnet::ext::MX_SUCCESS;
  }

 private:
  Attrs attrs_;
  gb::Activation activation_;
  float eps_, momentum_;
  bool bias_;
  gb::StageState state_;
};

MXReturnValue stage_counts(const Attrs& attrs, int* in, int* out) {
  *in = 6 + has_bias(attrs), *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue stage_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() != 4) return mxnet::ext::MX_SUCCESS;  // not known yet
  const unsigned channels = first(attrs, "channels", "1");
  const gb::Shape g = shape_of(attrs, std::vector<int64_t>(x.begin(), x.end()), channels);
  if (!fits(&(*in)[1], {channels, x[1], static_cast<unsigned>(g.KH), static_cast<unsigned>(g.KW)}))
    return mxnet::ext::MX_FAIL;
  for (size_t i = 2; i < in->size(); ++i)
    if (!fits(&(*in)[i], {channels})) return mxnet::ext::MX_FAIL;
  (*out)[0] = {x[0], channels, static_cast<unsigned>(g.HP()), static_cast<unsigned>(g.WP())};
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue stage_mutates(const Attrs& attrs, std::vector<int>* which) {
  if (is_training(attrs)) *which = {4 + has_bias(attrs), 5 + has_bias(attrs)};
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_stage)
    .setParseAttrs(stage_counts)
    .setInferType(float32)
    .setInferShape(stage_shapes)
    .setMutateInputs(stage_mutates)
    .setCreateOpState(create<Stage>, "cpu");

