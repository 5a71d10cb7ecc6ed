// What all operators need of MXNet's extension interface (mxnet/lib_api.h, its version 11).
#pragma once
#include <mxnet/lib_api.h>

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
  return std::stof(text(attrs, name, otherwise));
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

}  // namespace
