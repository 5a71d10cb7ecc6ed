// What all operators need of MXNet's extension interface (mxnet/lib_api.h, its version 11).
#pragma once
#include "lanes.h"
#include <mxnet/lib_api.h>

#include <locale>
#include <sstream>

namespace {

using mxnet::ext::CustomStatefulOp;
using mxnet::ext::MXContext;
using mxnet::ext::MXReturnValue;
using mxnet::ext::MXTensor;
using mxnet::ext::OpResource;
typedef std::unordered_map<std::string, std::string> Attrs;
typedef std::vector<std::vector<unsigned>> Shapes;
typedef std::vector<MXTensor> Tensors;

std::string text(const Attrs& attrs, const char* name, const char* otherwise) {
  const auto found = attrs.find(name);
  return found == attrs.end() ? otherwise : found->second;
}
float number(const Attrs& attrs, const char* name, const char* otherwise) {
  std::istringstream stream(text(attrs, name, otherwise));
  stream.imbue(std::locale::classic());  // else a locale with a decimal comma reads 0.9 as 0
  float value = NAN;
  stream >> value;
  return value;
}
int first(const Attrs& attrs, const char* name, const char* otherwise) {  // of "5x3"
  return std::stoi(text(attrs, name, otherwise));
}
int second(const Attrs& attrs, const char* name, const char* otherwise) {
  const std::string both = text(attrs, name, otherwise);
  return std::stoi(both.substr(both.find('x') + 1));
}
float* floats(Tensors* tensors, size_t i) { return (*tensors)[i].data<float>(); }

MXReturnValue float32(const Attrs&, std::vector<int>* in, std::vector<int>* out) {
  for (std::vector<int>* types : {in, out})
    for (int& type : *types) {
      if (type != -1 && type != mxnet::ext::kFloat32 && types == in) {
        MX_ERROR_MSG << "gluonblocks' operators take float32 only";
        return mxnet::ext::MX_FAIL;
      }
      type = mxnet::ext::kFloat32;
    }
  return mxnet::ext::MX_SUCCESS;
}

// Whether a convolution has a bias.
bool has_bias(const Attrs& attrs) { return text(attrs, "bias", "1") == "1"; }
// Whether the gradient of the data is asked for. MXNet has memory for it in any case.
bool has_data_gradient(const Attrs& attrs) { return text(attrs, "data_gradient", "1") == "1"; }
// Whether a norm is by the batch, towards which the averages then move, or by the averages.
bool is_training(const Attrs& attrs) { return text(attrs, "training", "1") == "1"; }
gb::Activation activation(const Attrs& attrs) {
  const std::string name = text(attrs, "activation", "");
  return name == "sigmoid" ? gb::SIGMOID : name == "relu" ? gb::RELU : gb::IDENTITY;
}

// The averages' gradients, which nobody asks for.
void clear(Tensors* out, size_t from) {
  for (size_t i = from; i < out->size(); ++i)
    if (floats(out, i)) std::fill_n(floats(out, i), (*out)[i].size(), 0.f);
}

// Fills in the shape of an input that is not known yet, and says if a known one has as many elements.
bool fits(std::vector<unsigned>* shape, const std::vector<unsigned>& expected) {
  bool known = !shape->empty();
  for (unsigned n : *shape) known &= n && n <= INT32_MAX;  // MXNet passes -1 for an unknown size
  if (!known) *shape = expected;
  size_t found = 1, right = 1;
  for (unsigned n : *shape) found *= n;
  for (unsigned n : expected) right *= n;
  if (found != right) MX_ERROR_MSG << "an input of gluonblocks' operators has the wrong shape";
  return found == right;
}

template <class Operator>
MXReturnValue create(const Attrs& attrs, const MXContext&, const Shapes&, const std::vector<int>,
                     CustomStatefulOp** made) {
  *made = CustomStatefulOp::create<Operator>(attrs);
  return mxnet::ext::MX_SUCCESS;
}

}  // namespace
