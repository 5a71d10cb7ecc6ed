// The operator of a stage, as MXNet takes it: convolution, norm, activation and max-pooling.
//
//   _gluonblocks_stage(data, weight[, bias], gamma, beta, moving_mean, moving_var)
//
// In training it normalizes by the batch and moves the averages, in forward. It writes gradients and
// never adds to them, for MXNet does not say which is asked for.
#include "stage.h"

#include "norm_operator.h"

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

struct StageForward {
  template <class A>
  static void run(const Kind& kind, const Attrs& attrs, Tensors* in, Tensors* out,
                  gb::StageState* state) {
    const int b = has_bias(attrs);
    const gb::Shape g = shape_of(attrs, (*in)[0].shape, (*in)[1].shape[0]);
    if (!is_training(attrs))
      return gb::stage_predict<A>(g, floats(in, 0), floats(in, 1), b ? floats(in, 2) : nullptr,
                                  floats(in, 2 + b), floats(in, 3 + b), floats(in, 4 + b),
                                  floats(in, 5 + b), floats(out, 0), kind.eps, state);
    gb::stage_forward<A>(g, floats(in, 0),
                         floats(in, 1), b ? floats(in, 2) : nullptr, floats(in, 2 + b),
                         floats(in, 3 + b), floats(in, 4 + b), floats(in, 5 + b), floats(out, 0),
                         kind.eps, kind.momentum, state);
  }
};

struct StageBackward {
  template <class A>
  static void run(const Attrs& attrs, Tensors* in, Tensors* out, gb::StageState* state) {
    const int b = has_bias(attrs);
    gb::stage_backward<A>(shape_of(attrs, (*in)[1].shape, (*in)[2].shape[0]), floats(in, 0),
                          floats(in, 1), floats(in, 2), has_data_gradient(attrs) ? floats(out, 0) : nullptr,
                          floats(out, 1), b ? floats(out, 2) : nullptr, floats(out, 2 + b), floats(out, 3 + b), state);
  }
};

class Stage : public CustomStatefulOp {
 public:
  explicit Stage(const Attrs& attrs) : attrs_(attrs), kind_(attrs) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    return with<StageForward, const Kind&, const Attrs&>(kind_.activation, kind_, attrs_, in, out,
                                                         &state_);
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    clear(out, 4 + has_bias(attrs_));
    return with<StageBackward, const Attrs&>(kind_.activation, attrs_, in, out, &state_);
  }

 private:
  Attrs attrs_;
  Kind kind_;
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

