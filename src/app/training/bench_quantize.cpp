// vernier bench quantize: how fast tensors are rounded, against a copy of the same bytes and against the same rounding
// composed of LibTorch's operations; and what rounding costs in a training step.
#include <fmt/format.h>
#include <torch/torch.h>

#include <iostream>

#include "app/training/step_timer.h"
#include "app/training/timing.h"
#include "app/verbs.h"
#include "quant/quantize.h"
#include "record/archive.h"
#include "sweep/executor.h"
#include "train/memory.h"

namespace vernier::app {

namespace {

struct Asked {
  std::int64_t rows = 65536, columns = 1024, threads = 0, rounds = 5;
  std::vector<std::string> numbers{"int8/tensor",       "int4/channel",      "e4m3/tensor", "e4m3/token",
                                   "e2m1/block32:e8m0", "e2m1/block16:e4m3", "bf16"};
  std::vector<std::int64_t> widths{128, 256};  ///< of the models whose training steps are timed
  std::string device = "cpu";
  bool json = false;
};

struct Row {
  std::string number, store;
  double gigabytes = 0;                  ///< per second, input and output counted once each
  double share_of_copy = 0;              ///< of a copy that moves the same number of bytes
  std::optional<double> times_composed;  ///< faster than the composed form; absent where there is none
};

/// Kernel, copy and composed form one after another, `rounds` times; medians of the times and of their ratios. All
/// write into memory that is there, but for the composed form, whose intermediate results have to be made.
Row measured(const at::Tensor& x_RC, const Number& number, quant::Store store, const Asked& asked) {
  const std::int64_t out_bytes = store == quant::Store::Bf16 ? 2 : 4;
  const at::Device device = x_RC.device();
  const quant::OnGrid out = quant::onto_grid(x_RC, number, {}, store);
  const at::Tensor from = x_RC.flatten().narrow(0, 0, x_RC.numel() * (4 + out_bytes) / 8), to = at::empty_like(from);
  std::vector<double> seconds, shares, times;
  const bool composes = !needs_whole_group(number.scale) && store == quant::Store::Grid;
  for (std::int64_t i = 0; i <= asked.rounds; ++i) {  // the first round warms up
    const double kernel = seconds_of(device, [&] { quant::round_into(out, x_RC, number); });
    const double copy = seconds_of(device, [&] { to.copy_(from); });
    if (i == 0) continue;
    seconds.push_back(kernel);
    shares.push_back(copy / kernel);
    if (composes) times.push_back(seconds_of(device, [&] { quant::onto_grid_composed(x_RC, number); }) / kernel);
  }
  const double bytes = static_cast<double>(x_RC.numel() * (4 + out_bytes));
  Row row{
      number.text, store == quant::Store::Bf16 ? "bf16" : "fp32", bytes / median(seconds) / 1e9, median(shares), {}};
  if (composes) row.times_composed = median(times);
  return row;
}

/// What rounding weights and activations costs a training step.
struct StepRow {
  ShapeSpec shape;
  double share = 0;            ///< of the step that rounding adds, products in fp32 on both sides
  double times_unrounded = 0;  ///< the step with the carrier that the numbers allow, over the unrounded one
};

StepRow measured_step(std::int64_t width, const sweep::Machine& machine, std::int64_t rounds) {
  constexpr std::int64_t kHeadWidth = 32;
  const ShapeSpec shape{
      .depth = 4, .width = width, .heads = std::max<std::int64_t>(1, width / kHeadWidth), .context = 256, .vocab = 512};
  const NumbersSpec rounded{.weights = "int4/channel", .activations = "int8/tensor"};
  StepTimer plain({.shape = shape}, machine);
  StepTimer exact({.shape = shape, .numbers = rounded, .exact = true}, machine);
  StepTimer carried({.shape = shape, .numbers = rounded}, machine);
  std::vector<double> shares, times;
  for (std::int64_t i = 0; i <= rounds; ++i) {
    const double without = plain.next(), with = exact.next(), with_carrier = carried.next();
    if (i == 0) continue;  // warms up
    shares.push_back(1 - without / with);
    times.push_back(with_carrier / without);
  }
  return {shape, median(shares), median(times)};
}

Json json_of(const std::vector<StepRow>& steps) {
  Json list = Json::array();
  for (const StepRow& row : steps)
    list.push_back({{"depth", row.shape.depth},
                    {"width", row.shape.width},
                    {"context", row.shape.context},
                    {"share_of_step", row.share},
                    {"times_unrounded_step", row.times_unrounded}});
  return list;
}

void print(const std::vector<Row>& rows, const std::vector<StepRow>& steps, const Asked& asked, int threads) {
  if (asked.json) {
    Json list = Json::array();
    for (const Row& row : rows)
      list.push_back({{"number", row.number},
                      {"store", row.store},
                      {"gb_per_second", row.gigabytes},
                      {"share_of_copy", row.share_of_copy},
                      {"times_composed", row.times_composed ? Json(*row.times_composed) : Json(nullptr)}});
    const Json all{{"rows", asked.rows}, {"columns", asked.columns}, {"device", asked.device},
                   {"threads", threads}, {"rounded", list},          {"training", json_of(steps)}};
    std::cout << all.dump() << '\n';
    return;
  }
  fmt::print("{} x {} on {}, {} thread(s)\n{:20} {:>6} {:>8} {:>14} {:>15}\n", asked.rows, asked.columns, asked.device,
             threads, "number", "stored", "GB/s", "share of copy", "x composed");
  for (const Row& row : rows)
    fmt::print("{:20} {:>6} {:>8.1f} {:>12.0f} % {:>15}\n", row.number, row.store, row.gigabytes,
               100 * row.share_of_copy, row.times_composed ? fmt::format("{:.1f}", *row.times_composed) : "-");
  for (const StepRow& row : steps)
    fmt::print(
        "depth {} width {}: rounding is {:.1f} % of a training step; the step takes {:.2f} of an unrounded one\n",
        row.shape.depth, row.shape.width, 100 * row.share, row.times_unrounded);
}

void bench(const Asked& asked) {
  sweep::Machine machine = sweep::machine_named(asked.device);
  if (asked.threads > 0) machine.threads = static_cast<int>(asked.threads);
  std::vector<Number> numbers;
  for (const std::string& text : asked.numbers) numbers.push_back(parse_number(text));
  at::set_num_threads(machine.threads);
  train::keep_freed_memory();
  const at::Tensor x_RC = at::randn({asked.rows, asked.columns}, at::TensorOptions().device(machine.device));
  std::vector<Row> rows;
  for (const Number& number : numbers) {
    rows.push_back(measured(x_RC, number, quant::Store::Grid, asked));
    if (number.rounded && number.format.significand_bits <= 8)
      rows.push_back(measured(x_RC, number, quant::Store::Bf16, asked));
  }
  std::vector<StepRow> steps;
  for (const std::int64_t width : asked.widths) steps.push_back(measured_step(width, machine, 4 * asked.rounds));
  print(rows, steps, asked, machine.threads);
}

}  // namespace

void add_bench_quantize(CLI::App& bench_verb) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* verb = bench_verb.add_subcommand("quantize", "rounding of a large matrix, against copying it");
  verb->add_option("--rows", asked->rows)->check(CLI::PositiveNumber);
  verb->add_option("--columns", asked->columns)->check(CLI::PositiveNumber);
  verb->add_option("--numbers", asked->numbers, "number strings")->delimiter(',');
  verb->add_option("--widths", asked->widths,
                   "of the models whose training steps are timed, W int4/channel, A int8/tensor")
      ->delimiter(',');
  verb->add_option("--threads", asked->threads)->check(CLI::NonNegativeNumber);
  verb->add_option("--rounds", asked->rounds, "measurements of each")->check(CLI::PositiveNumber);
  verb->add_option("--device", asked->device);
  verb->add_flag("--json", asked->json);
  verb->callback([asked] { bench(*asked); });
}

}  // namespace vernier::app
