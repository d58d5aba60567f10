#include "plan/compression_checks.h"

#include <algorithm>
#include <set>

#include "plan/checks.h"
#include "plan/compression.h"
#include "plan/grid.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

const std::string kKey = "compression";

std::string key_of(std::size_t variant) { return fmt::format("{}.variants[{}]", kKey, variant); }

/// One key of a variant is there exactly where its method needs it.
template <class Value>
bool check_there(const std::string& key, const std::optional<Value>& value, bool needed, const CompressionTask& task,
                 Findings& findings) {
  if (needed)
    return findings.expect(key, value.has_value(), fmt::format("a value, as {} needs one", task.method), "none");
  if (value) findings.expect(key, false, fmt::format("none, as {} has no such thing", task.method), *value);
  return false;
}

void check_pruning(const std::string& key, const CompressionTask& task, Findings& findings) {
  if (check_there(key + ".share", task.share, true, task, findings))
    findings.expect(key + ".share", *task.share > 0 && *task.share < 1, "a share above 0 and below 1", *task.share);
  check_there(key + ".depth", task.depth, false, task, findings);
  check_there(key + ".width", task.width, false, task, findings);
  check_there(key + ".heads", task.heads, false, task, findings);
}

SizeAsked size_of(const CompressionTask& student) {
  SizeAsked size;
  size.depth = *student.depth;
  size.width = *student.width;
  size.heads = student.heads;
  return size;
}

void check_student(const Experiment& experiment, const std::string& key, const CompressionTask& task,
                   Findings& findings) {
  check_there(key + ".share", task.share, false, task, findings);
  const bool deep = check_there(key + ".depth", task.depth, true, task, findings);
  const bool wide = check_there(key + ".width", task.width, true, task, findings);
  if (deep && wide) check_shape(experiment, size_of(task), key, findings);
}

bool is_distilled(const CompressionTask& task) { return task.method == "distilled"; }

void check_variant(const Experiment& experiment, const std::string& key, const CompressionTask& task,
                   Findings& findings) {
  const auto known = names_of(kCompressionMethods);
  if (!findings.expect(key + ".method", std::find(known.begin(), known.end(), task.method) != known.end(),
                       fmt::format("one of {}", fmt::join(known, ", ")), "'" + task.method + "'"))
    return;
  is_distilled(task) ? check_student(experiment, key, task, findings) : check_pruning(key, task, findings);
  const bool trains_nothing = task.tokens == 0 && !is_distilled(task);
  if (!trains_nothing) check_token_count(experiment, key + ".tokens", task.tokens, findings);
  if (task.learning_rate) check_learning_rate(key + ".learning_rate", *task.learning_rate, findings);
}

void check_variants_distinct(const std::vector<CompressionTask>& variants, Findings& findings) {
  for (std::size_t i = 1; i < variants.size(); ++i) {
    const auto first = std::find(variants.begin(), variants.begin() + static_cast<std::ptrdiff_t>(i), variants[i]);
    const auto place = static_cast<std::size_t>(first - variants.begin());
    if (place < i && findings.sound(key_of(i)))
      findings.add(key_of(i), fmt::format("expected every variant once, got the same as {}", key_of(place)));
  }
}

/// A student goes through the run's schedule, which must fit into its tokens.
void check_schedule_of(const std::string& key, const RunSpec& run, const CompressionTask& task, Findings& findings) {
  const std::int64_t step = run.training.batch * run.shape.context;
  const Steps steps = steps_of(run.training, run.shape.context, task.tokens);
  const std::int64_t room = (schedule_of(run.training).cools_down ? steps.leave : steps.total) * step;
  findings.expect(key + ".tokens", run.training.warmup_tokens <= room,
                  fmt::format("tokens in which the run's warm-up of {} ends{}", run.training.warmup_tokens,
                              schedule_of(run.training).cools_down ? " before the cool-down" : ""),
                  task.tokens);
}

/// Its shape as the recipe of its teacher has it, and its schedule.
void check_taught(const Experiment& experiment, const std::string& key, const RunSpec& run, const CompressionTask& task,
                  Findings& findings) {
  SizeAsked size = size_of(task);
  size.recipe = run.recipe;
  check_shape(experiment, size, key, findings);
  check_schedule_of(key, run, task, findings);
}

void check_students(const Experiment& experiment, const CompressionAsked& asked, const std::vector<RunSpec>& compressed,
                    Findings& findings) {
  for (std::size_t i = 0; i < asked.variants.size(); ++i) {
    const CompressionTask& task = asked.variants[i];
    if (!is_distilled(task)) continue;
    bool taught = false;
    for (const RunSpec& run : compressed) {
      if (variants_of({run.tokens, {task}}, run).empty()) continue;
      taught = true;
      check_taught(experiment, key_of(i), run, task, findings);
    }
    findings.expect(key_of(i), taught, "a student smaller than at least one model that is compressed",
                    fmt::format("depth {} width {}", *task.depth, *task.width));
  }
}

/// Token counts of runs that can be compressed.
std::set<std::int64_t> counts_of(const std::vector<RunSpec>& runs) {
  std::set<std::int64_t> counts;
  for (const RunSpec& run : runs) counts.insert(run.tokens);
  return counts;
}

void check_against_runs(const Experiment& experiment, const CompressionAsked& asked, Findings& findings) {
  auto runs = runs_of(experiment);
  std::erase_if(runs, [](const RunSpec& run) { return !is_unrounded(run); });
  if (!findings.expect(kKey, !runs.empty(), "an unrounded run in the grid, such as {weights: fp32}", "none")) return;
  const auto counts = counts_of(runs);
  if (asked.of_tokens &&
      !findings.expect(kKey + ".of_tokens", counts.contains(*asked.of_tokens),
                       fmt::format("tokens of an unrounded run: {}", fmt::join(counts, ", ")), *asked.of_tokens))
    return;
  const std::int64_t tokens = asked.of_tokens.value_or(*counts.rbegin());
  std::erase_if(runs, [&](const RunSpec& run) { return run.tokens != tokens; });
  if (findings.sound(kKey)) check_students(experiment, asked, runs, findings);
}

}  // namespace

void check_compression(const Experiment& experiment, Findings& findings) {
  const CompressionAsked& asked = *experiment.compression;
  const std::string variants = kKey + ".variants";
  findings.expect(variants, !asked.variants.empty(), "at least one variant", "none");
  for (std::size_t i = 0; i < asked.variants.size(); ++i)
    check_variant(experiment, key_of(i), asked.variants[i], findings);
  check_variants_distinct(asked.variants, findings);
  for (const char* key : {"grid", "recipe", "context", "training"})
    if (!findings.sound(key)) return;
  check_against_runs(experiment, asked, findings);
}

}  // namespace vernier::plan
