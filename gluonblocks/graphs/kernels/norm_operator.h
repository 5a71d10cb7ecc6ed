// What the operators with a norm share: their attributes, and the choice of an activation.
#pragma once
#include "interface.h"
#include "lanes.h"

namespace {

// Whether a convolution has a bias.
bool has_bias(const Attrs& attrs) { return text(attrs, "bias", "1") == "1"; }
// Whether the gradient of the data is asked for. MXNet has memory for it in any case.
bool has_data_gradient(const Attrs& attrs) { return text(attrs, "data_gradient", "1") == "1"; }
// Whether the norm is by the batch, whose averages then move, or by the averages.
bool is_training(const Attrs& attrs) { return text(attrs, "training", "1") == "1"; }

struct Kind {
  float eps, momentum;
  std::string activation;
  explicit Kind(const Attrs& attrs)
      : eps(number(attrs, "eps", "1e-5")), momentum(number(attrs, "momentum", "0.9")),
        activation(text(attrs, "activation", "")) {}
};

// Calls F::run<activation>(arguments).
template <class F, class... Args>
MXReturnValue with(const std::string& activation, Args... args) {
  if (activation == "sigmoid") F::template run<gb::Sigmoid>(args...);
  else if (activation == "relu") F::template run<gb::Relu>(args...);
  else if (activation.empty()) F::template run<gb::Identity>(args...);
  else return mxnet::ext::MX_FAIL;
  return mxnet::ext::MX_SUCCESS;
}

// The averages' gradients, which nobody asks for.
void clear(Tensors* out, size_t from) {
  for (size_t i = from; i < out->size(); ++i)
    if (floats(out, i)) std::fill_n(floats(out, i), (*out)[i].size(), 0.f);
}

}  // namespace
