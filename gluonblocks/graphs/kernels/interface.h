// Helpers for MXNet's extension interface (mxnet/lib_api.h, version 11) that all operators share.
#pragma once
#include <mxnet/lib_api.h>

#include <locale>
#include <sstream>

namespace {

using namespace mxnet::ext;
typedef std::unordered_map<std::string, std::string> Attrs;
typedef std::vector<std::vector<unsigned>> Shapes;
typedef std::vector<MXTensor> Tensors;

std::string text(const Attrs& attrs, const char* name, const char* otherwise) {
  const auto found = attrs.find(name);
  return found == attrs.end() ? otherwise : found->second;
}
float number(const Attrs& attrs, const char* name) {
  std::istringstream stream(text(attrs, name, ""));
  stream.imbue(std::locale::classic());  // in a locale with a decimal comma, 0.9 would be read as 0
  float value = NAN;
  stream >> value;
  return value;
}
int integer(const Attrs& attrs, const char* name) { return std::stoi(text(attrs, name, "1")); }
bool flag(const Attrs& attrs, const char* name) { return text(attrs, name, "1") == "1"; }
// Reads the two integers of an attribute such as "5x3".
void sides(const Attrs& attrs, const char* name, int* vertical, int* horizontal) {
  const std::string both = text(attrs, name, "1x1");
  *vertical = std::stoi(both), *horizontal = std::stoi(both.substr(both.find('x') + 1));
}
float* floats(Tensors* tensors, size_t i) { return (*tensors)[i].data<float>(); }

MXReturnValue float32(const Attrs&, std::vector<int>* in, std::vector<int>* out) {
  for (int& type : *in) {
    if (type != -1 && type != kFloat32) {
      MX_ERROR_MSG << "gluonblocks' operators need float32";
      return MX_FAIL;
    }
    type = kFloat32;
  }
  std::fill(out->begin(), out->end(), kFloat32);
  return MX_SUCCESS;
}

// Sets an unknown shape to the expected one. Returns false if a known shape has a different number of elements.
bool fits(std::vector<unsigned>* shape, const std::vector<unsigned>& expected) {
  bool known = !shape->empty();
  for (unsigned n : *shape) known &= n && n <= INT32_MAX;  // MXNet passes -1 for an unknown size
  if (!known) *shape = expected;
  size_t found = 1, right = 1;
  for (unsigned n : *shape) found *= n;
  for (unsigned n : expected) right *= n;
  if (found != right) MX_ERROR_MSG << "an input of gluonblocks' operators has an unexpected shape";
  return found == right;
}

}  // namespace
