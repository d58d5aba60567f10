// Layers for tests: weights and correlated inputs from named streams, and the numbers to try.
#pragma once

#include <torch/torch.h>

#include <string>

#include "base/stream.h"
#include "ptq/layer.h"

namespace vernier::ptq {

inline at::Tensor normals(const std::string& name, std::int64_t rows, std::int64_t columns) {
  at::Tensor x = at::empty({rows, columns}, at::kFloat);
  const Stream stream = Stream(7).child(name);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = static_cast<float>(stream.normals(static_cast<std::uint64_t>(i))[0]);
  return x;
}

/// Inputs that share a few directions, their sizes apart by up to a factor of four.
inline at::Tensor correlated(std::int64_t tokens, std::int64_t inputs) {
  const at::Tensor shared = at::mm(normals("shared", tokens, 3), normals("mix", 3, inputs));
  return (shared + 0.5 * normals("own", tokens, inputs)) * (normals("size", 1, inputs) * 0.3).exp();
}

inline Layer layer_of(const at::Tensor& w_OI, const at::Tensor& x_RI, const std::string& name = "a layer") {
  return {name, w_OI, moments_of(x_RI)};
}

inline Layer sample_layer(std::int64_t outputs = 24, std::int64_t inputs = 40) {
  return layer_of(normals("weights", outputs, inputs), correlated(200, inputs));
}

inline const std::vector<std::string> kNumbers{
    "int4/channel", "int3/block32",    "int2/tensor",  "e2m1/block32:e8m0", "e2m1/block16:e4m3",
    "e4m3/tensor",  "ternary/channel", "int8/channel", "e3m2/block16",      "bf16"};

}  // namespace vernier::ptq
