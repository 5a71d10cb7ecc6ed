// The operators that the library registers with MXNet:
//
//   _gluonblocks_stage(data, weight[, bias], gamma, beta, moving_mean, moving_var)
//   _gluonblocks_norm(data, gamma, beta, moving_mean, moving_var)
//   _gluonblocks_matrix(weight[, bias]) -> (matrix[, biases])
//   _gluonblocks_loss(logits, labels) -> (losses, hits)
//
// In training, the first two normalize with the batch's moments, and update the moving averages in the
// forward pass. Gradients are always overwritten, because MXNet does not tell operators when to add them.
#include "loss.h"
#include "matrix.h"
#include "norm.h"
#include "stage_predict.h"

#include "interface.h"

namespace {

// The index of gamma among the inputs of a norm or a stage. The norm's other parameters follow it.
int gamma_of(const Attrs& attrs) { return attrs.count("kernel") ? 2 + flag(attrs, "bias") : 1; }

MXReturnValue counts(const Attrs& attrs, int* in, int* out) {
  *in = gamma_of(attrs) + 4, *out = 1;
  return MX_SUCCESS;
}
MXReturnValue mutates(const Attrs& attrs, std::vector<int>* which) {
  if (flag(attrs, "training")) *which = {gamma_of(attrs) + 2, gamma_of(attrs) + 3};
  return MX_SUCCESS;
}

gb::Activation activation(const Attrs& attrs) {
  const std::string name = text(attrs, "activation", "");
  return name == "sigmoid" ? gb::SIGMOID : name == "relu" ? gb::RELU : gb::IDENTITY;
}

// The base class of norms and stages. Each time a graph runs, MXNet creates one object per node of the graph,
// and uses it for one forward pass and the backward passes that follow.
struct Normalizing : CustomStatefulOp {
  explicit Normalizing(const Attrs& attrs)
      : attrs(attrs), gamma(gamma_of(attrs)), eps(number(attrs, "eps")), momentum(number(attrs, "momentum")) {}
  bool has(const char* name) const { return flag(attrs, name); }
  gb::Norm norm(Tensors* in) const {
    float *const mean = floats(in, gamma + 2), *const var = floats(in, gamma + 3);
    return {floats(in, gamma), floats(in, gamma + 1), mean, var, eps, momentum};
  }
  // The gradient of the data, or null if it is not needed. MXNet allocates its memory in both cases.
  float* data_gradient(Tensors* out) const { return has("data_gradient") ? floats(out, 0) : nullptr; }
  // Sets the gradients of the moving averages to 0. Nothing uses them.
  MXReturnValue clear(Tensors* out) const {
    for (size_t i = gamma + 2; i < out->size(); ++i)
      if (floats(out, i)) std::fill_n(floats(out, i), (*out)[i].size(), 0.f);
    return MX_SUCCESS;
  }

  Attrs attrs;
  int gamma;
  float eps, momentum;
};

template <gb::Activation kind>
struct Norm : Normalizing {
  using Normalizing::Normalizing;
  gb::NormState state;

  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    const int N = (*in)[0].shape[0], C = (*in)[0].shape[1];
    if (has("training")) gb::norm_forward<kind>(floats(in, 0), norm(in), floats(out, 0), N, C, &state);
    else gb::norm_predict<kind>(floats(in, 0), norm(in), floats(out, 0), N, C);
    return MX_SUCCESS;
  }
  // in: dy, the five inputs, y; out: the gradients of the inputs
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    gb::norm_backward<kind>(floats(in, 0), floats(in, 1), floats(in, 6), data_gradient(out), floats(out, 1),
                            floats(out, 2), (*in)[1].shape[0], (*in)[1].shape[1], &state);
    return clear(out);
  }
};

MXReturnValue create_norm(const Attrs& attrs, const MXContext&, const Shapes&, const std::vector<int>,
                          CustomStatefulOp** op) {
  const gb::Activation kind = activation(attrs);
  *op = kind == gb::SIGMOID ? CustomStatefulOp::create<Norm<gb::SIGMOID>>(attrs)
        : kind == gb::RELU  ? CustomStatefulOp::create<Norm<gb::RELU>>(attrs)
                            : CustomStatefulOp::create<Norm<gb::IDENTITY>>(attrs);
  return MX_SUCCESS;
}
MXReturnValue norm_shapes(const Attrs&, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() != 2) return x.empty() ? MX_SUCCESS : MX_FAIL;  // empty: unknown so far
  for (size_t i = 1; i < in->size(); ++i)
    if (!fits(&(*in)[i], {x[1]})) return MX_FAIL;
  (*out)[0] = x;
  return MX_SUCCESS;
}

gb::Shape shape_of(const Attrs& attrs, const std::vector<int64_t>& x) {
  gb::Shape g;
  g.N = x[0], g.IC = x[1], g.H = x[2], g.W = x[3], g.OC = integer(attrs, "channels");
  sides(attrs, "kernel", &g.KH, &g.KW);
  sides(attrs, "pad", &g.PH, &g.PW);
  sides(attrs, "window", &g.QH, &g.QW);
  sides(attrs, "stride", &g.SH, &g.SW);
  return g;
}

struct Stage : Normalizing {
  explicit Stage(const Attrs& attrs) : Normalizing(attrs), kind(activation(attrs)) {}
  const gb::Activation kind;
  gb::StageState state;

  MXReturnValue Forward(Tensors* in, Tensors* out, const OpResource&) override {
    const auto forward = has("training") ? gb::stage_forward : gb::stage_predict;
    forward(kind, shape_of(attrs, (*in)[0].shape), floats(in, 0), floats(in, 1),
            has("bias") ? floats(in, 2) : nullptr, norm(in), floats(out, 0), &state);
    return MX_SUCCESS;
  }
  // in: dy, the inputs; out: the gradients of the inputs
  MXReturnValue Backward(Tensors* in, Tensors* out, const OpResource&) override {
    gb::stage_backward(kind, shape_of(attrs, (*in)[1].shape), floats(in, 0), floats(in, 1), floats(in, 2),
                       data_gradient(out), floats(out, 1), has("bias") ? floats(out, 2) : nullptr,
                       floats(out, gamma), floats(out, gamma + 1), &state);
    return clear(out);
  }
};

MXReturnValue create_stage(const Attrs& attrs, const MXContext&, const Shapes&, const std::vector<int>,
                           CustomStatefulOp** op) {
  *op = CustomStatefulOp::create<Stage>(attrs);
  return MX_SUCCESS;
}
MXReturnValue stage_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const std::vector<unsigned> x = (*in)[0];
  if (x.size() != 4) return MX_SUCCESS;  // unknown so far
  const gb::Shape g = shape_of(attrs, std::vector<int64_t>(x.begin(), x.end()));
  const unsigned OC = g.OC, KH = g.KH, KW = g.KW, HP = g.HP(), WP = g.WP();
  if (!fits(&(*in)[1], {OC, x[1], KH, KW})) return MX_FAIL;
  for (size_t i = 2; i < in->size(); ++i)
    if (!fits(&(*in)[i], {OC})) return MX_FAIL;
  (*out)[0] = {x[0], OC, HP, WP};
  return MX_SUCCESS;
}

gb::SmallMap small_map(const Attrs& attrs) {
  gb::SmallMap g;
  g.OC = integer(attrs, "filters"), g.IC = integer(attrs, "channels");
  sides(attrs, "kernel", &g.KH, &g.KW);
  sides(attrs, "map", &g.H, &g.W);
  sides(attrs, "pad", &g.PH, &g.PW);
  sides(attrs, "stride", &g.SH, &g.SW);
  return g;
}
// forward: weight[, bias] -> matrix[, biases]; backward: their gradients, in the opposite direction
template <void (*compute)(const gb::SmallMap&, const float*, const float*, float*, float*)>
MXReturnValue matrix(const Attrs& attrs, Tensors* in, Tensors* out, const OpResource&) {
  const bool b = flag(attrs, "bias");
  compute(small_map(attrs), floats(in, 0), b ? floats(in, 1) : nullptr, floats(out, 0),
          b ? floats(out, 1) : nullptr);
  return MX_SUCCESS;
}
MXReturnValue matrix_counts(const Attrs& attrs, int* in, int* out) {
  *in = *out = 1 + flag(attrs, "bias");
  return MX_SUCCESS;
}
MXReturnValue matrix_shapes(const Attrs& attrs, Shapes* in, Shapes* out) {
  const gb::SmallMap g = small_map(attrs);
  const unsigned OC = g.OC, IC = g.IC, KH = g.KH, KW = g.KW, rows = OC * g.P(), columns = IC * g.Q();
  (*in)[0] = {OC, IC, KH, KW};
  (*out)[0] = {rows, columns};
  if (flag(attrs, "bias")) (*in)[1] = {OC}, (*out)[1] = {rows};
  return MX_SUCCESS;
}

MXReturnValue loss_counts(const Attrs&, int* in, int* out) {
  *in = *out = 2;
  return MX_SUCCESS;
}
MXReturnValue loss_types(const Attrs&, std::vector<int>* in, std::vector<int>* out) {
  *in = {kFloat32, kInt32}, *out = {kFloat32, kFloat32};
  return MX_SUCCESS;
}
MXReturnValue loss_shapes(const Attrs&, Shapes* in, Shapes* out) {
  if ((*in)[0].size() != 2 || !fits(&(*in)[1], {(*in)[0][0]})) return MX_FAIL;
  (*out)[0] = (*out)[1] = {(*in)[0][0]};
  return MX_SUCCESS;
}
MXReturnValue loss(const Attrs&, Tensors* in, Tensors* out, const OpResource&) {
  gb::loss_forward(floats(in, 0), (*in)[1].data<int>(), floats(out, 0), floats(out, 1), (*in)[0].shape[0],
                   (*in)[0].shape[1]);
  return MX_SUCCESS;
}
// in: dlosses, dhits, the inputs, the outputs; out: the gradients of the inputs (the labels have none)
MXReturnValue loss_gradient(const Attrs&, Tensors* in, Tensors* out, const OpResource&) {
  gb::loss_backward(floats(in, 0), floats(in, 2), (*in)[3].data<int>(), floats(out, 0), (*in)[2].shape[0],
                    (*in)[2].shape[1]);
  return MX_SUCCESS;
}

}  // namespace

REGISTER_OP(_gluonblocks_norm)
    .setParseAttrs(counts).setInferType(float32).setInferShape(norm_shapes)
    .setMutateInputs(mutates)
    .setCreateOpState(create_norm, "cpu");

REGISTER_OP(_gluonblocks_stage)
    .setParseAttrs(counts).setInferType(float32).setInferShape(stage_shapes)
    .setMutateInputs(mutates)
    .setCreateOpState(create_stage, "cpu");

REGISTER_OP(_gluonblocks_matrix)
    .setParseAttrs(matrix_counts).setInferType(float32).setInferShape(matrix_shapes)
    .setForward(matrix<gb::matrix_forward>, "cpu")
    .setBackward(matrix<gb::matrix_backward>, "cpu");

REGISTER_OP(_gluonblocks_loss)
    .setParseAttrs(loss_counts).setInferType(loss_types).setInferShape(loss_shapes)
    .setForward(loss, "cpu")
    .setBackward(loss_gradient, "cpu");

MXReturnValue initialize(int version) {
  return version >= 10900 && version < 11000 ? MX_SUCCESS : MX_FAIL;
}
