// The operators of a net's graph, as MXNet takes them.
//
//   _gluonblocks_norm(data, gamma, beta, moving_mean, moving_var)
//   _gluonblocks_stage(data, weight[, bias], gamma, beta, moving_mean, moving_var)
//   _gluonblocks_matrix(weight[, bias]) -> (matrix[, biases])
//
// They are for training alone: the first two normalize by the batch and move the averages, in forward.
// All write gradients and never add to them, for MXNet does not say which is asked for.
#include "interface.h"
#include "matrix.h"
#include "norm.h"
#include "stage.h"

namespace {

// Whether a convolution has a bias.
bool biased(const Attrs& attrs) { return text(attrs, "bias", "1") == "1"; }
// Whether the gradient of the first input is asked for. MXNet has memory for it in any case.
bool wanted(const Attrs& attrs) { return text(attrs, "data_gradient", "1") == "1"; }

struct Kind {
  float eps, momentum;
  std::string activation;
  explicit Kind(const Attrs& attrs)
      : eps(number(attrs, "eps", "1e-5")), momentum(number(attrs, "momentum", "0.9")),
        activation(text(attrs, "activation", "")) {}
};

gb::Shape shape_of(const Attrs& attrs, const std::vector<int64_t>& x, int channels) {
  gb::Shape g;
  g.N = x[0], g.IC = x[1], g.H = x[2], g.W = x[3], g.OC = channels;
  g.KH = first(attrs, "kernel", "1x1"), g.KW = second(attrs, "kernel", "1x1");
  g.PH = first(attrs, "pad", "0x0"), g.PW = second(attrs, "pad", "0x0");
  g.QH = first(attrs, "window", "1x1"), g.QW = second(attrs, "window", "1x1");
  g.SH = first(attrs, "stride", "1x1"), g.SW = second(attrs, "stride", "1x1");
  return g;
}

// Calls F::run<activation>(arguments).
template <class F, class... Args>
MXReturnValue with(const std::string& activation, Args... args) {
  if (activation == "sigmoid") F::template run<gb::Sigmoid>(args...);
  else if (activation == "relu") F::template run<gb::Relu>(args...);
  else if (activation.empty()) F::template run<gb::Identity>(args...);
  else return mxnet::ext::MX_FAIL;
  return mxnet::ext::MX_SUCCESS;
}

// The arrays of both operators after the first few: gamma, beta, moving_mean, moving_var.
struct NormForward {
  template <class A>
  static void run(const Kind& kind, Tensors* in, Tensors* out, gb::NormState* state) {
    const std::vector<int64_t>& s = (*in)[0].shape;
    gb::norm_forward<A>(floats(in, 0), floats(in, 1), floats(in, 2), floats(in, 3), floats(in, 4),
                        floats(out, 0), s[0], s[1], s.size() == 4 ? s[2] * s[3] : 1, kind.eps,
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

struct StageForward {
  template <class A>
  static void run(const Kind& kind, const Attrs& attrs, Tensors* in, Tensors* out,
                  gb::StageState* state) {
    const int b = biased(attrs);
    gb::stage_forward<A>(shape_of(attrs, (*in)[0].shape, (*in)[1].shape[0]), floats(in, 0),
                         floats(in, 1), b ? floats(in, 2) : nullptr, floats(in, 2 + b),
                         floats(in, 3 + b), floats(in, 4 + b), floats(in, 5 + b), floats(out, 0),
                         kind.eps, kind.momentum, state);
  }
};

struct StageBackward {
  template <class A>
  static void run(const Attrs& attrs, Tensors* in, Tensors* out, gb::StageState* state) {
    const int b = biased(attrs);
    gb::stage_backward<A>(shape_of(attrs, (*in)[1].shape, (*in)[2].shape[0]), floats(in, 0),
                          floats(in, 1), floats(in, 2), wanted(attrs) ? floats(out, 0) : nullptr,
                          floats(out, 1), b ? floats(out, 2) : nullptr, floats(out, 2 + b), floats(out, 3 + b), state);
  }
};

// MXNet makes one for each place in a graph that runs, and uses it for a forward and its backwards.
class Norm : public CustomStatefulOp {
 public:
  explicit Norm(const Attrs& attrs) : kind_(attrs), wanted_(wanted(attrs)) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    return with<NormForward, const Kind&>(kind_.activation, kind_, in, out, &state_);
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    clear(out, 3);
    return with<NormBackward>(kind_.activation, wanted_, in, out, &state_);
  }
  // The averages' gradients, which nobody asks for.
  static void clear(Tensors* out, size_t from) {
    for (size_t i = from; i < out->size(); ++i)
      if (floats(out, i)) std::fill_n(floats(out, i), (*out)[i].size(), 0.f);
  }

 private:
  Kind kind_;
  bool wanted_;
  gb::NormState state_;
};

class Stage : public CustomStatefulOp {
 public:
  explicit Stage(const Attrs& attrs) : attrs_(attrs), kind_(attrs) {}
  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    return with<StageForward, const Kind&, const Attrs&>(kind_.activation, kind_, attrs_, in, out,
                                                         &state_);
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    Norm::clear(out, 4 + biased(attrs_));
    return with<StageBackward, const Attrs&>(kind_.activation, attrs_, in, out, &state_);
  }

 private:
  Attrs attrs_;
  Kind kind_;
  gb::StageState state_;
};

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
    const int b = biased(attrs_);
    gb::matrix_forward(small_map(attrs_), floats(in, 0), b ? floats(in, 1) : nullptr, floats(out, 0),
                       b ? floats(out, 1) : nullptr);
    return mxnet::ext::MX_SUCCESS;
  }
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    const int b = biased(attrs_);  // the first inputs are dmatrix[, dbiases]
    gb::matrix_backward(small_map(attrs_), floats(in, 0), b ? floats(in, 1) : nullptr, floats(out, 0),
                        b ? floats(out, 1) : nullptr);
    return mxnet::ext::MX_SUCCESS;
  }

 private:
  Attrs attrs_;
};

template <class Operator>
MXReturnValue create(const Attrs& attrs, const MXContext&, const Shapes&, const std::vector<int>,
                     CustomStatefulOp** made) {
  *made = CustomStatefulOp::create<Operator>(attrs);
  return mxnet::ext::MX_SUCCESS;
}

void assume(std::vector<unsigned>* shape, const std::vector<unsigned>& otherwise) {
  if (shape->empty()) *shape = otherwise;
}

MXReturnValue norm_counts(const Attrs&, int* in, int* out) {
  *in = 5, *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue norm_shapes(const Attrs&, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() < 2) return mxnet::ext::MX_SUCCESS;  // not known yet
  for (size_t i = 1; i < in->size(); ++i) assume(&(*in)[i], {x[1]});
  (*out)[0] = x;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue norm_mutates(const Attrs&, std::vector<int>* which) {
  *which = {3, 4};
  return mxnet::ext::MX_SUCCESS;
}

MXReturnValue stage_counts(const Attrs& attrs, int* in, int* out) {
  *in = 6 + biased(attrs), *out = 1;
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue stage_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() != 4) return mxnet::ext::MX_SUCCESS;  // not known yet
  const unsigned channels = first(attrs, "channels", "1");
  const gb::Shape g = shape_of(attrs, std::vector<int64_t>(x.begin(), x.end()), channels);
  assume(&(*in)[1], {channels, x[1], static_cast<unsigned>(g.KH), static_cast<unsigned>(g.KW)});
  for (size_t i = 2; i < in->size(); ++i) assume(&(*in)[i], {channels});
  (*out)[0] = {x[0], channels, static_cast<unsigned>(g.HP()), static_cast<unsigned>(g.WP())};
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue stage_mutates(const Attrs& attrs, std::vector<int>* which) {
  *which = {4 + biased(attrs), 5 + biased(attrs)};
  return mxnet::ext::MX_SUCCESS;
}

MXReturnValue matrix_counts(const Attrs& attrs, int* in, int* out) {
  *in = *out = 1 + biased(attrs);
  return mxnet::ext::MX_SUCCESS;
}
MXReturnValue matrix_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const gb::SmallMap g = small_map(attrs);
  const unsigned filters = g.OC, channels = g.IC, rows = g.OC * g.P(), columns = g.IC * g.Q();
  (*in)[0] = {filters, channels, static_cast<unsigned>(g.KH), static_cast<unsigned>(g.KW)};
  (*out)[0] = {rows, columns};
  if (biased(attrs)) {
    (*in)[1] = {filters};
    (*out)[1] = {rows};
  }
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_norm)
    .setParseAttrs(norm_counts)
    .setInferType(float32)
    .setInferShape(norm_shapes)
    .setMutateInputs(norm_mutates)
    .setCreateOpState(create<Norm>, "cpu");

REGISTER_OP(_gluonblocks_stage)
    .setParseAttrs(stage_counts)
    .setInferType(float32)
    .setInferShape(stage_shapes)
    .setMutateInputs(stage_mutates)
    .setCreateOpState(create<Stage>, "cpu");

REGISTER_OP(_gluonblocks_matrix)
    .setParseAttrs(matrix_counts)
    .setInferType(float32)
    .setInferShape(matrix_shapes)
    .setCreateOpState(create<Matrix>, "cpu");

MXReturnValue initialize(int version) {
  return version >= 10900 && version < 11000 ? mxnet::ext::MX_SUCCESS : mxnet::ext::MX_FAIL;
}
