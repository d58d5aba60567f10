// vernier ptq RUN|CHECKPOINT: quantizes the weights of a trained model and says what that costs.
#include <fmt/format.h>
#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "app/training/corpus_of_run.h"
#include "app/verbs.h"
#include "plan/numbers.h"
#include "ptq/evaluate.h"
#include "record/archive.h"
#include "store/files.h"
#include "store/store.h"
#include "sweep/executor.h"
#include "train/evaluate.h"

namespace fs = std::filesystem;

namespace vernier::app {

namespace {

struct Asked {
  std::string source, method, weights, tokens, corpus, to, device = "auto";
  std::int64_t calibration = kCalibrationSequences;
  ptq::GptqOptions gptq;
  bool json = false;
};

struct Losses {
  double before = 0, after = 0;
};

/// Where the model is calibrated, and what its loss is there: the run's own corpus, or the halves of a token file.
struct Place {
  ptq::Calibration calibration;
  std::function<Losses(const train::Checkpoint&, const ptq::QuantizedModel&)> losses;
};

ptq::Options options_of(const Asked& asked) {
  Problems problems;
  ptq::Options options;
  options.gptq = asked.gptq;
  try {
    options.method = row_named("method", kPtqMethods, asked.method).method;
  } catch (const Error& problem) {
    problems.push_back(fmt::format("--method: {}", problem.what()));
  }
  for (const auto& [part, problem] : plan::problems_by_part({.weights = asked.weights}))
    problems.push_back(fmt::format("--weights: {}", problem));
  if (asked.calibration < 1)
    problems.push_back(fmt::format("--calibration: expected 1 or more sequences, got {}", asked.calibration));
  if (!std::isfinite(asked.gptq.damping) || asked.gptq.damping < 0)
    problems.push_back(fmt::format("--damping: expected a share of 0 or more, got {}", asked.gptq.damping));
  refuse_if(problems);
  options.weights = parse_number(asked.weights);
  return options;
}

Place place_of_run(const Asked& asked, const sweep::Machine& machine) {
  const StoredRun run = store::read_run(asked.source);
  if (run.record.status != "done")
    throw Error(fmt::format("{}: the run {}; expected one that has a loss", asked.source, run.record.status));
  const ptq::Ground ground{corpus_of_run(run, asked.source, asked.corpus, "tokens with --tokens FILE.bin"), run.spec,
                           machine.device, machine.threads};
  const auto losses = [ground](const train::Checkpoint& before, const ptq::QuantizedModel& after) {
    const auto found =
        ptq::evaluated(ground, {{before.config.numbers, train::weights_of(before, before.config.numbers)},
                                {after.config.numbers, after.weights_P}});
    return Losses{found[0] ? found[0]->loss : NAN, found[1] ? found[1]->loss : NAN};
  };
  return {ptq::calibration_from(ground, asked.calibration), losses};
}

/// The first half of the tokens calibrates, the second evaluates, both in windows of the context laid end to end.
Place place_of_tokens(const Asked& asked, const ShapeSpec& shape) {
  const auto tokens = train::read_token_file(asked.tokens, shape.vocab);
  const auto half = static_cast<std::int64_t>(tokens.size() / 2);
  if (half < 2) throw Error(fmt::format("{}: {} tokens; expected four or more", asked.tokens, tokens.size()));
  const std::int64_t length = std::min(shape.context, half);
  const std::int64_t windows = std::min(asked.calibration, half / length);
  const at::Tensor tokens_ST = at::empty({windows, length}, at::kLong);
  std::copy_n(tokens.begin(), windows * length, tokens_ST.data_ptr<std::int64_t>());
  const std::vector<std::uint16_t> rest(tokens.begin() + half, tokens.end());
  return {{tokens_ST, 1}, [rest](const train::Checkpoint& before, const ptq::QuantizedModel& after) {
            const auto quantized = train::checkpoint_of(after.config, after.weights_P);
            return Losses{train::loss_on_tokens(before, rest).loss, train::loss_on_tokens(quantized, rest).loss};
          }};
}

Place place_of(const Asked& asked, const ShapeSpec& shape, const sweep::Machine& machine) {
  if (!asked.tokens.empty()) return place_of_tokens(asked, shape);
  if (fs::exists(fs::path(asked.source) / "spec.yaml")) return place_of_run(asked, machine);
  throw Error(fmt::format(
      "{}: holds no spec.yaml that names a corpus; expected a run's folder, or --tokens FILE.bin beside a checkpoint",
      asked.source));
}

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json to_json(const Asked& asked, const ptq::QuantizedModel& model, const Losses& losses, std::int64_t sequences,
             double seconds) {
  Json layers = Json::array();
  for (const ptq::LayerReport& layer : model.layers)
    layers.push_back({{"name", layer.name},
                      {"error", layer.error},
                      {"error_rtn", layer.error_rtn},
                      {"damping", json_of(layer.damping)},
                      {"rows_rtn", json_of(layer.rows_rtn)},
                      {"exponent", json_of(layer.exponent)}});
  return {{"method", asked.method},
          {"weights", asked.weights},
          {"loss_before", losses.before},
          {"loss", losses.after},
          {"delta", losses.after - losses.before},
          {"layers", layers},
          {"seconds", seconds},
          {"bits_per_weight", model.bits_per_weight},
          {"calibration", sequences}};
}

void print(const Asked& asked, const ptq::QuantizedModel& model, const Losses& losses, double seconds) {
  fmt::print("{} to {}: loss {:.6f}, before {:.6f}, delta {:+.6f} nats per token; {:.2f} bits per weight; {:.1f} s\n",
             asked.method, asked.weights, losses.after, losses.before, losses.after - losses.before,
             model.bits_per_weight, seconds);
  for (const ptq::LayerReport& layer : model.layers) {
    fmt::print("  {:<28} error {:.4g}, rounded to nearest {:.4g}", layer.name, layer.error, layer.error_rtn);
    if (layer.damping && *layer.damping > asked.gptq.damping) fmt::print(", needed damping {:g}", *layer.damping);
    if (layer.rows_rtn.value_or(0) > 0) fmt::print(", {} rows stayed nearest", *layer.rows_rtn);
    if (layer.exponent) fmt::print(", exponent {:.2f}", *layer.exponent);
    fmt::print("\n");
  }
}

void quantize(const Asked& asked) {
  const ptq::Options options = options_of(asked);
  const sweep::Machine machine = sweep::machine_named(asked.device);
  const auto checkpoint = train::read_checkpoint(asked.source, machine.device);
  const Place place = place_of(asked, checkpoint.config.shape, machine);
  if (!asked.to.empty()) store::make_writable_folder(asked.to, "the folder of the quantized checkpoint");
  const auto begin = std::chrono::steady_clock::now();
  const ptq::QuantizedModel model = ptq::quantized_model(checkpoint, place.calibration, options, machine.threads);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const Losses losses = place.losses(checkpoint, model);
  if (!std::isfinite(losses.before) || !std::isfinite(losses.after))
    throw Failure(fmt::format("{}: the loss is {} before and {} after quantization; expected numbers", asked.source,
                              losses.before, losses.after));
  if (!asked.to.empty()) train::write_checkpoint(asked.to, model.config, model.weights_P);
  if (asked.json)
    std::cout << to_json(asked, model, losses, place.calibration.tokens_ST.size(0), seconds).dump() << '\n';
  else
    print(asked, model, losses, seconds);
}

}  // namespace

void add_ptq(CLI::App& program) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* verb = program.add_subcommand("ptq", "quantize the weights of a trained model: its loss before and after");
  verb->add_option("source", asked->source, "a run's folder; or a checkpoint folder, with --tokens")->required();
  verb->add_option("--method", asked->method, "rtn, gptq or awq")->required();
  verb->add_option("--weights", asked->weights, "number string, such as int4/channel or e2m1/block32:e8m0")->required();
  verb->add_option("--calibration", asked->calibration, "sequences of the training part, at most what is there")
      ->capture_default_str();
  verb->add_option("--damping", asked->gptq.damping, "of gptq, a share of the mean diagonal")->capture_default_str();
  verb->add_flag("--act-order,!--no-act-order", asked->gptq.act_order,
                 "gptq: columns in falling order of their mean square input, or as they stand");
  verb->add_option("--tokens", asked->tokens,
                   "llm.c .bin or raw uint16 in place of the run's corpus: its first half calibrates, its second half "
                   "evaluates");
  verb->add_option("--corpus", asked->corpus, "where the text of the run's corpus lies now")->excludes("--tokens");
  verb->add_option("--to", asked->to, "folder for the quantized checkpoint, which `vernier eval` takes");
  verb->add_option("--device", asked->device, "auto, cpu or cuda");
  verb->add_flag("--json", asked->json, "one JSON object on stdout");
  verb->callback([asked] { quantize(*asked); });
}

}  // namespace vernier::app
