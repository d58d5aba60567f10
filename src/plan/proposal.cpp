// What a proposal looks like: as a table, as JSON, as an experiment of its own.
#include <fmt/ranges.h>

#include "plan/grid.h"
#include "plan/improve.h"

namespace vernier::plan {

namespace {

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::vector<std::int64_t> seeds_of(const Proposed& cell) {
  std::vector<std::int64_t> seeds;
  for (const RunSpec& run : cell.runs) seeds.push_back(run.seed);
  return seeds;
}

Json json_of(const Outlook& outlook) {
  return {{"flops", outlook.flops},
          {"runs", outlook.runs},
          {"lo", number_or_null(outlook.expected.lo)},
          {"hi", number_or_null(outlook.expected.hi)},
          {"identified", outlook.expected.identified}};
}

Json json_of(const Proposed& cell) {
  const RunSpec& run = cell.runs.front();
  return {{"depth", run.shape.depth},
          {"width", run.shape.width},
          {"heads", run.shape.heads},
          {"n_non_embedding", cell.params},
          {"learning_rate", run.training.learning_rate},
          {"tokens", run.tokens},
          {"numbers", vernier::to_json(run.numbers)},
          {"seeds", seeds_of(cell)},
          {"flops", cell.flops},
          {"share", cell.share}};
}

std::string line_of(const char* what, const Outlook& outlook) {
  const Expected& expected = outlook.expected;
  return fmt::format(
      "  {:18} {:>5} runs  {:>9.3g} FLOPs   {}\n", what, outlook.runs, outlook.flops,
      expected.lo ? fmt::format("{:.4g} ... {:.4g}", *expected.lo, *expected.hi) : "left free by these runs");
}

/// The parts that are rounded, "weights int4/channel, kv int4/tensor".
std::string text_of(const NumbersSpec& numbers) {
  std::vector<std::string> parts;
  const Json fields = vernier::to_json(numbers);
  for (const auto& [part, number] : fields.items())
    if (const auto text = number.get<std::string>(); text != "fp32" && text != "nearest" && text != "identity")
      parts.push_back(fmt::format("{} {}", part, text));
  return parts.empty() ? "nothing rounded" : fmt::format("{}", fmt::join(parts, ", "));
}

/// "1-8" where they follow each other, else one by one.
std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  const bool row = seeds.size() > 2 && seeds.back() - seeds.front() == static_cast<std::int64_t>(seeds.size()) - 1;
  return row ? fmt::format("{}-{}", seeds.front(), seeds.back()) : fmt::format("{}", fmt::join(seeds, ","));
}

std::string line_of(const Proposed& cell) {
  const RunSpec& run = cell.runs.front();
  return fmt::format("  {:13} {:>9.3g} {:>11} {:>9.3g} {:>6.1f} %  {:7} {}\n",
                     fmt::format("{} x {}", run.shape.depth, run.shape.width), cell.params, run.tokens, cell.flops,
                     100 * cell.share, seeds_text(seeds_of(cell)), text_of(run.numbers));
}

Json run_asked(const RunSpec& run, const Experiment& experiment) {
  RunAsked asked{run.shape.depth, run.shape.width, run.shape.heads, std::nullopt, run.tokens, run.numbers, run.seed};
  if (run.recipe != experiment.recipe) asked.recipe = run.recipe;
  if (run.training.learning_rate != experiment.training.learning_rate) asked.learning_rate = run.training.learning_rate;
  Json json = vernier::to_json(asked);
  const Json usual = vernier::to_json(NumbersSpec());
  for (const auto& [part, number] : usual.items())  // what is not rounded need not be said
    if (part != "weights" && json["numbers"][part] == number) json["numbers"].erase(part);
  return json;
}

}  // namespace

std::string experiment_text(const Experiment& experiment, const std::set<std::string>& done,
                            const Improvement& improvement, const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  Json json = vernier::to_json(experiment);
  const fs::path text = experiment.corpus.text.path;
  if (!text.empty() && text.is_relative()) {
    const fs::path from = fs::weakly_canonical(fs::absolute(file)).parent_path();
    json["corpus"]["path"] =
        fs::weakly_canonical(fs::absolute(experiment.folder()) / text).lexically_relative(from).string();
  }
  if (experiment.question.empty()) json.erase("question");
  json["grid"] = Json::object({{"runs", Json::array()}});
  for (const RunSpec& run : runs_of(experiment))
    if (done.contains(run_id(run, experiment.corpus_digest)))
      json["grid"]["runs"].push_back(run_asked(run, experiment));
  for (const Proposed& cell : improvement.cells)
    for (const RunSpec& run : cell.runs) json["grid"]["runs"].push_back(run_asked(run, experiment));
  return yaml_text(json);
}

Json to_json(const Improvement& improvement) {
  Json json{{"law", improvement.law},
            {"quantity", improvement.quantity},
            {"why", improvement.why},
            {"value_assumed", improvement.written.expected.value},
            {"budget", improvement.budget},
            {"now", json_of(improvement.now)},
            {"written", json_of(improvement.written)},
            {"proposed", json_of(improvement.proposed)},
            {"prior_sd", improvement.prior},
            {"candidates", improvement.candidates}};
  json["runs"] = Json::array();
  for (const auto& cell : improvement.cells) json["runs"].push_back(json_of(cell));
  return json;
}

std::string text_of(const Improvement& improvement) {
  const auto& [now, written, proposed] = std::tie(improvement.now, improvement.written, improvement.proposed);
  std::string text =
      fmt::format("\nwhich runs would say most of {} of {} for {:.3g} FLOPs ({}; assumed {:.4g}):\n\n",
                  improvement.quantity, improvement.law, improvement.budget, improvement.why, written.expected.value);
  text += line_of("done so far", now) + line_of("the grid as written", written) + line_of("this proposal", proposed);
  text += fmt::format("\n  {:13} {:>9} {:>11} {:>9} {:>8}  {:7} {}\n", "depth x width", "N", "D", "FLOPs", "of gain",
                      "seeds", "numbers");
  for (const auto& cell : improvement.cells) text += line_of(cell);
  return text + fmt::format(
                    "\nbest of {} cells, greedy per FLOP and by exchange. The selection, not these intervals, "
                    "rests on a prior as well: a\nstandard deviation of {:.2g} for the logarithm of each "
                    "parameter. It is best for the law and the values assumed.\n",
                    improvement.candidates, improvement.prior);
}

}  // namespace vernier::plan
