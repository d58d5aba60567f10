// vernier bench carrier: what a product loses to the type that carries it. Once on unscaled grid values, as training
// forms it, and once the naive way, which dequantizes to bf16 and multiplies.
#include <fmt/format.h>
#include <torch/torch.h>

#include <iostream>

#include "app/verbs.h"
#include "quant/carrier.h"
#include "record/archive.h"

namespace vernier::app {

namespace {

struct Asked {
  std::vector<std::string> pairs{"int8/tensor int4/channel", "int8/tensor int8/channel", "e4m3/tensor e4m3/channel",
                                 "e4m3/token e2m1/channel",  "int9/tensor int9/channel", "int12/tensor int12/channel"};
  std::int64_t rows = 512, outputs = 512, inner = 1024, seed = 1;
  bool json = false;
};

struct Row {
  std::string activations, weights;
  std::string_view carrier;
  double error = 0, naive_error = 0;  ///< root mean square, of the result's own
};

double rms(const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); }

Row measured(const std::string& pair, const Asked& asked) {
  const std::size_t blank = pair.find(' ');
  if (blank == std::string::npos)
    throw Error(fmt::format("--pairs: expected two numbers, as 'int8/tensor int4/channel', got '{}'", pair));
  const Number activation = parse_number(pair.substr(0, blank)), weight = parse_number(pair.substr(blank + 1));
  at::manual_seed(static_cast<std::uint64_t>(asked.seed));
  const at::Tensor x = at::randn({asked.rows, asked.inner}), w = at::randn({asked.outputs, asked.inner});
  const at::Tensor x_values = quant::fake_quantized(x, activation), w_values = quant::fake_quantized(w, weight);
  const quant::Operand left = quant::operand_of(x, activation, {}, false),
                       right = quant::operand_of(w, weight, {}, false);
  // the exact product: grid values in double, scales applied to it
  const at::Tensor grid = at::mm(left.values.to(at::kDouble), right.values.to(at::kDouble).t());
  const auto scaled = [](const at::Tensor& y, const quant::Operand& a, const quant::Operand& b) {
    const at::Tensor rows = a.scale.defined() ? y * a.scale.to(y.scalar_type()) : y;
    return b.scale.defined() ? rows * b.scale.view({1, -1}).to(y.scalar_type()) : rows;
  };
  const at::Tensor exact = scaled(grid, left, right), ours = quant::product(left, right).to(at::kDouble);
  const at::Tensor naive = quant::product({x_values, {}, quant::Carrier::Bf16}, {w_values, {}, quant::Carrier::Bf16});
  const double size = rms(exact);
  return {activation.text, weight.text, quant::name_of(std::max(left.carrier, right.carrier)), rms(ours - exact) / size,
          rms(naive.to(at::kDouble) - exact) / size};
}

void bench(const Asked& asked) {
  Json list = Json::array();
  if (!asked.json)
    fmt::print("{:14} {:14} {:8} {:>12} {:>14}\n", "activations", "weights", "carrier", "error", "naive in bf16");
  for (const std::string& pair : asked.pairs) {
    const Row row = measured(pair, asked);
    if (!asked.json)
      fmt::print("{:14} {:14} {:8} {:>12.1e} {:>14.1e}\n", row.activations, row.weights, row.carrier, row.error,
                 row.naive_error);
    list.push_back({{"activations", row.activations},
                    {"weights", row.weights},
                    {"carrier", row.carrier},
                    {"error", row.error},
                    {"naive_error", row.naive_error}});
  }
  if (asked.json) std::cout << Json{{"inner", asked.inner}, {"products", list}}.dump() << '\n';
}

}  // namespace

void add_bench_carrier(CLI::App& bench_verb) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* verb = bench_verb.add_subcommand("carrier", "what products lose to the type that carries them");
  verb->add_option("--pairs", asked->pairs, "activations and weights, as 'int8/tensor int4/channel'")->delimiter(',');
  verb->add_option("--rows", asked->rows)->check(CLI::PositiveNumber);
  verb->add_option("--outputs", asked->outputs)->check(CLI::PositiveNumber);
  verb->add_option("--inner", asked->inner, "length of the contraction")->check(CLI::PositiveNumber);
  verb->add_option("--seed", asked->seed)->check(CLI::NonNegativeNumber);
  verb->add_flag("--json", asked->json);
  verb->callback([asked] { bench(*asked); });
}

}  // namespace vernier::app
