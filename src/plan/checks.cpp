#include "plan/checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "data/cloze.h"
#include "data/corpus.h"
#include "plan/choices.h"
#include "plan/compression_checks.h"
#include "plan/hypotheses.h"
#include "plan/identify.h"
#include "plan/numbers.h"
#include "record/recipe.h"

namespace fs = std::filesystem;

namespace vernier::plan {

namespace {

constexpr std::int64_t kNoTokens = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMany = 1 << 20;  // of anything that is multiplied; products of three stay far from overflow

std::string element(const std::string& list, std::size_t index) { return fmt::format("{}[{}]", list, index); }

void check_recipe(const std::string& key, const std::string& recipe, Findings& findings) {
  const auto names = names_of(recipes());
  const bool known = std::find(names.begin(), names.end(), recipe) != names.end();
  findings.expect(key, known, fmt::format("one of {}", fmt::join(names, ", ")), "'" + recipe + "'");
}

/// Null where there is none of that name, which another check says.
const Recipe* known_recipe(const std::string& name) {
  const auto& all = recipes();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Recipe& recipe) { return recipe.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// What the recipes of the experiment and of its sizes and runs say about training.
std::vector<RecipeTraining> usual_training(const Experiment& experiment) {
  std::vector<std::string> names{experiment.recipe};
  for (const auto& size : experiment.grid.sizes) names.push_back(recipe_of(experiment, size));
  for (const auto& run : experiment.grid.runs.value_or(std::vector<RunAsked>()))
    names.push_back(run.recipe.value_or(experiment.recipe));
  std::vector<RecipeTraining> usual;
  for (const auto& name : names)
    if (const Recipe* recipe = known_recipe(name)) usual.push_back(recipe->training);
  return usual;
}

void check_training(const Experiment& experiment, Findings& findings) {
  const TrainingAsked& training = experiment.training;
  const auto share = [&](const char* key, const std::optional<double>& value) {
    if (value) findings.expect(key, *value >= 0 && *value < 1, "a share from 0 to below 1", *value);
  };
  const auto at_least_0 = [&](const char* key, const std::optional<double>& value) {
    if (value) findings.expect(key, *value >= 0, "0 or more", *value);
  };
  const auto positive = [&](const char* key, const std::optional<double>& value) {
    if (value) findings.expect(key, *value > 0, "a positive number", *value);
  };
  findings.expect("training.batch", training.batch >= 1 && training.batch <= kMany, "1 or more sequences",
                  training.batch);
  check_learning_rate("training.learning_rate", training.learning_rate, findings);
  findings.expect("training.warmup_tokens", training.warmup_tokens >= 0, "0 or more tokens", training.warmup_tokens);
  share("training.cooldown", training.cooldown);
  share("training.beta1", training.beta1);
  share("training.beta2", training.beta2);
  positive("training.epsilon", training.epsilon);
  at_least_0("training.weight_decay", training.weight_decay);
  positive("training.clip", training.clip);
  check_choices(training, usual_training(experiment), findings);
}

template <class Value, class Same>
void check_distinct(const std::string& key, const std::vector<Value>& values, Same same, Findings& findings) {
  for (std::size_t i = 1; i < values.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (same(values[i], values[j]) && findings.sound(element(key, i)) && findings.sound(element(key, j))) {
        findings.add(element(key, i), fmt::format("expected every entry once, got the same as {}", element(key, j)));
        break;
      }
}

void check_seeds(const std::string& key, const std::vector<std::int64_t>& seeds, Findings& findings) {
  findings.expect(key, !seeds.empty(), "at least one seed", "none");
  for (std::size_t i = 0; i < seeds.size(); ++i)
    findings.expect(element(key, i), seeds[i] >= 0, "a seed of 0 or more", seeds[i]);
  check_distinct(key, seeds, std::equal_to<>(), findings);
}

void check_tokens(const Experiment& experiment, const std::string& key, const std::vector<std::int64_t>& tokens,
                  Findings& findings) {
  findings.expect(key, !tokens.empty(), "at least one number of tokens", "none");
  for (std::size_t i = 0; i < tokens.size(); ++i) check_token_count(experiment, element(key, i), tokens[i], findings);
  check_distinct(key, tokens, std::equal_to<>(), findings);
}

std::int64_t fewest_tokens(const GridAsked& grid) {
  std::int64_t fewest = kNoTokens;
  const auto look_at = [&](const std::vector<std::int64_t>& tokens) {
    for (const std::int64_t count : tokens) fewest = std::min(fewest, count);
  };
  look_at(grid.tokens);
  for (const auto& size : grid.sizes)
    if (size.tokens) look_at(*size.tokens);
  for (const auto& run : grid.runs.value_or(std::vector<RunAsked>())) look_at({run.tokens});
  return fewest;
}

/// The warm-up ends before the cool-down of the shortest run, or its last step where the schedule has none.
void check_warm_up(const Experiment& experiment, const SizeAsked& size, Findings& findings) {
  const std::int64_t fewest = fewest_tokens(experiment.grid);
  const TrainingSpec training = training_of(experiment, size);
  const std::int64_t step = training.batch * experiment.context;
  const Steps steps = steps_of(training, experiment.context, fewest);
  const std::int64_t room = (schedule_of(training).cools_down ? steps.leave : steps.total) * step;
  findings.expect(
      "training.warmup_tokens", training.warmup_tokens % step == 0,
      fmt::format("whole steps of {} tokens (batch {} x context {})", step, training.batch, experiment.context),
      training.warmup_tokens);
  findings.expect("training.warmup_tokens", training.warmup_tokens <= room,
                  fmt::format("at most {}, all that the run of {} tokens trains{}", room, fewest,
                              schedule_of(training).cools_down ? " before its cool-down" : ""),
                  training.warmup_tokens);
}

void check_schedule(const Experiment& experiment, Findings& findings) {
  for (const char* key : {"training", "context", "recipe", "grid.tokens", "grid.sizes", "grid.runs"})
    if (!findings.sound(key)) return;
  for (const auto& size : experiment.grid.sizes) check_warm_up(experiment, size, findings);
  for (const auto& run : experiment.grid.runs.value_or(std::vector<RunAsked>()))
    check_warm_up(experiment, run.size(), findings);
}

template <class Value>
bool share_some(const std::vector<Value>& a, const std::vector<Value>& b) {
  return std::any_of(a.begin(), a.end(), [&](auto value) { return std::find(b.begin(), b.end(), value) != b.end(); });
}

/// True where a rate of the one is a rate of the other and all else is the same.
bool trained_alike(const Experiment& experiment, const SizeAsked& a, const SizeAsked& b) {
  const auto but_rate = [&](const SizeAsked& size) {
    TrainingSpec training = training_of(experiment, size);
    training.learning_rate = 0;
    return training;
  };
  return but_rate(a) == but_rate(b) && share_some(learning_rates_of(experiment, a), learning_rates_of(experiment, b));
}

void check_sweep(const std::string& size_key, const SizeAsked& size, Findings& findings) {
  const std::string key = size_key + ".learning_rates";
  const auto& rates = *size.learning_rates;
  findings.expect(key, !rates.empty(), "at least one learning rate", "none");
  if (size.learning_rate) findings.add(key, "expected either learning_rate or learning_rates, got both");
  for (std::size_t i = 0; i < rates.size(); ++i) check_learning_rate(element(key, i), rates[i], findings);
  check_distinct(key, rates, std::equal_to<>(), findings);
}

void check_sizes(const Experiment& experiment, Findings& findings) {
  const auto& sizes = experiment.grid.sizes;
  findings.expect("grid.sizes", !sizes.empty(), "at least one size", "none");
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string key = element("grid.sizes", i);
    check_shape(experiment, sizes[i], key, findings);
    if (sizes[i].recipe) check_recipe(key + ".recipe", *sizes[i].recipe, findings);
    if (sizes[i].learning_rates) check_sweep(key, sizes[i], findings);
    if (sizes[i].learning_rate) check_learning_rate(key + ".learning_rate", *sizes[i].learning_rate, findings);
    if (sizes[i].seeds) check_seeds(key + ".seeds", *sizes[i].seeds, findings);
    if (sizes[i].tokens) check_tokens(experiment, key + ".tokens", *sizes[i].tokens, findings);
  }
  for (const char* key : {"recipe", "training.optimizer", "training.schedule", "grid.sizes"})
    if (!findings.sound(key)) return;
  check_distinct(
      "grid.sizes", sizes,
      [&](const SizeAsked& a, const SizeAsked& b) {
        const GridAsked& grid = experiment.grid;
        return recipe_of(experiment, a) == recipe_of(experiment, b) &&
               shape_of(experiment, a) == shape_of(experiment, b) && trained_alike(experiment, a, b) &&
               share_some(a.seeds.value_or(grid.seeds), b.seeds.value_or(grid.seeds)) &&
               share_some(a.tokens.value_or(grid.tokens), b.tokens.value_or(grid.tokens));
      },
      findings);
}

void check_numbers(const Experiment& experiment, Findings& findings) {
  const auto& numbers = experiment.grid.numbers;
  findings.expect("grid.numbers", !numbers.empty(), "at least one precision, such as {weights: fp32}", "none");
  for (std::size_t i = 0; i < numbers.size(); ++i)
    for (const auto& [part, problem] : problems_by_part(numbers[i]))
      if (const std::string key = element("grid.numbers", i) + "." + part; findings.sound(key))
        findings.add(key, problem);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!findings.sound(element("grid.numbers", i))) return;
  check_distinct("grid.numbers", numbers, same_numbers, findings);
}

/// A rotation turns whole blocks of every axis that a product contracts.
void check_rotation(const Experiment& experiment, const std::string& place, const NumbersSpec& numbers,
                    const std::vector<SizeAsked>& sizes, Findings& findings) {
  const std::int64_t block = rotation_of(numbers);
  if (block == 0) return;
  const std::string key = place + ".rotation";
  for (const SizeAsked& size : sizes) {
    const std::int64_t hidden = mlp_width(architecture_of(recipe_of(experiment, size)), {.width = size.width});
    findings.expect(key, size.width % block == 0 && hidden % block == 0,
                    fmt::format("a block that divides every width {} and its mlp's {}", size.width, hidden), block);
  }
  const bool gradients = numbers.gradients != "fp32" || numbers.input_gradients || numbers.weight_gradients;
  const std::int64_t tokens = experiment.training.batch * experiment.context;
  if (gradients)
    findings.expect(
        key, tokens % block == 0,
        fmt::format("a block that divides the {} tokens of a step, along which gradients are rounded", tokens), block);
}

void check_rotations(const Experiment& experiment, Findings& findings) {
  for (const char* key : {"grid.numbers", "grid.sizes", "grid.runs", "training.batch", "context", "recipe"})
    if (!findings.sound(key)) return;
  const GridAsked& grid = experiment.grid;
  for (std::size_t i = 0; i < grid.numbers.size(); ++i)
    check_rotation(experiment, element("grid.numbers", i), grid.numbers[i], grid.sizes, findings);
  const auto runs = grid.runs.value_or(std::vector<RunAsked>());
  for (std::size_t i = 0; i < runs.size(); ++i)
    check_rotation(experiment, element("grid.runs", i) + ".numbers", runs[i].numbers, {runs[i].size()}, findings);
}

void check_run(const Experiment& experiment, const std::string& key, const RunAsked& run, Findings& findings) {
  check_shape(experiment, run.size(), key, findings);
  if (run.recipe) check_recipe(key + ".recipe", *run.recipe, findings);
  if (run.learning_rate) check_learning_rate(key + ".learning_rate", *run.learning_rate, findings);
  check_token_count(experiment, key + ".tokens", run.tokens, findings);
  findings.expect(key + ".seed", run.seed >= 0, "a seed of 0 or more", run.seed);
  for (const auto& [part, problem] : problems_by_part(run.numbers))
    if (const std::string at = key + ".numbers." + part; findings.sound(at)) findings.add(at, problem);
}

/// What names a run, however its numbers are spelled; `known` holds the spellings met so far.
std::string name_of_run(const Experiment& experiment, const RunAsked& run, std::vector<NumbersSpec>& known) {
  auto same = std::find(known.begin(), known.end(), run.numbers);
  if (same == known.end())
    same = std::find_if(known.begin(), known.end(), [&](const auto& one) { return same_numbers(one, run.numbers); });
  const auto which = same - known.begin();
  if (same == known.end()) known.push_back(run.numbers);
  return fmt::format("{} {} {} {} {} {}", recipe_of(experiment, run.size()),
                     to_json(shape_of(experiment, run.size())).dump(),
                     to_json(training_of(experiment, run.size())).dump(), run.tokens, run.seed, which);
}

void check_runs_distinct(const Experiment& experiment, Findings& findings) {
  const GridAsked& grid = experiment.grid;
  std::map<std::string, std::string> place;  // of each run met so far
  std::vector<NumbersSpec> known;
  for (const auto& size : grid.sizes)
    for (const double rate : learning_rates_of(experiment, size))
      for (const auto& numbers : grid.numbers)
        for (const auto seed : size.seeds.value_or(grid.seeds))
          for (const auto tokens : size.tokens.value_or(grid.tokens))
            place.emplace(
                name_of_run(experiment, {size.depth, size.width, size.heads, rate, tokens, numbers, seed, size.recipe},
                            known),
                "a run of grid.sizes");
  for (std::size_t i = 0; i < grid.runs->size(); ++i) {
    const std::string key = element("grid.runs", i);
    const auto [first, is_new] = place.emplace(name_of_run(experiment, (*grid.runs)[i], known), key);
    if (!is_new) findings.add(key, fmt::format("expected every run once, got the same as {}", first->second));
  }
}

void check_runs(const Experiment& experiment, Findings& findings) {
  const auto& runs = *experiment.grid.runs;
  findings.expect("grid.runs", !runs.empty(), "at least one run", "none");
  for (std::size_t i = 0; i < runs.size(); ++i) check_run(experiment, element("grid.runs", i), runs[i], findings);
  for (const char* key : {"grid", "recipe", "context", "training.optimizer", "training.schedule"})
    if (!findings.sound(key)) return;
  check_runs_distinct(experiment, findings);
}

void check_post_training(const PostTrainingAsked& asked, Findings& findings) {
  const std::string methods = "post_training.methods", weights = "post_training.weights";
  const auto known = names_of(kPtqMethods);
  findings.expect(methods, !asked.methods.empty(), fmt::format("at least one of {}", fmt::join(known, ", ")), "none");
  for (std::size_t i = 0; i < asked.methods.size(); ++i)
    findings.expect(element(methods, i), std::find(known.begin(), known.end(), asked.methods[i]) != known.end(),
                    fmt::format("one of {}", fmt::join(known, ", ")), "'" + asked.methods[i] + "'");
  check_distinct(methods, asked.methods, std::equal_to<>(), findings);
  findings.expect(weights, !asked.weights.empty(), "at least one number, such as int4/channel", "none");
  for (std::size_t i = 0; i < asked.weights.size(); ++i)
    for (const auto& [part, problem] : problems_by_part({.weights = asked.weights[i]}))
      if (findings.sound(element(weights, i))) findings.add(element(weights, i), problem);
  if (findings.sound(weights))
    check_distinct(
        weights, asked.weights,
        [](const std::string& a, const std::string& b) { return same_numbers({.weights = a}, {.weights = b}); },
        findings);
  findings.expect("post_training.calibration", asked.calibration >= 1, "1 or more sequences", asked.calibration);
}

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

bool is_holdout(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string rule = text.substr(0, colon), value = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (rule == "none") return value.empty();
  if (rule == "fraction") return is_number(value) && std::stod(value) > 0 && std::stod(value) < 1;
  const bool whole = !value.empty() && value.size() < 10 && value.find_first_not_of("0123456789") == std::string::npos;
  return (rule == "largest_n" || rule == "largest_d") && whole && std::stol(value) > 0;
}

void check_fit(const Experiment& experiment, Findings& findings) {
  const FitAsked& fit = experiment.fit;
  const auto laws = law_names();
  findings.expect("fit.laws", !fit.laws.empty(), "at least one law", "none");
  for (std::size_t i = 0; i < fit.laws.size(); ++i) {
    const bool known = fit.laws[i] == "all" || std::find(laws.begin(), laws.end(), fit.laws[i]) != laws.end();
    findings.expect(element("fit.laws", i), known, fmt::format("all or one of {}", fmt::join(laws, ", ")),
                    "'" + fit.laws[i] + "'");
  }
  check_distinct("fit.laws", fit.laws, std::equal_to<>(), findings);
  findings.expect("fit.bootstrap", fit.bootstrap >= 0, "0 or more replicates", fit.bootstrap);
  findings.expect("fit.starts", fit.starts >= 1, "1 or more starts", fit.starts);
  findings.expect("fit.seed", fit.seed >= 0, "a seed of 0 or more", fit.seed);
  findings.expect("fit.huber_delta", fit.huber_delta > 0, "a positive number", fit.huber_delta);
  findings.expect("fit.holdout", is_holdout(fit.holdout), "largest_n:k, largest_d:k, fraction:f or none",
                  "'" + fit.holdout + "'");
  for (std::size_t i = 0; i < fit.tie.size(); ++i) {
    const std::size_t equals = fit.tie[i].find('=');
    findings.expect(element("fit.tie", i), equals != std::string::npos && equals > 0 && equals + 1 < fit.tie[i].size(),
                    "two parameters, such as alpha=beta", "'" + fit.tie[i] + "'");
  }
  for (std::size_t i = 0; i < fit.fix.size(); ++i) {
    const std::size_t equals = fit.fix[i].find('=');
    findings.expect(element("fit.fix", i),
                    equals != std::string::npos && equals > 0 && is_number(fit.fix[i].substr(equals + 1)),
                    "a parameter and its value, such as n_w=0", "'" + fit.fix[i] + "'");
  }
}

/// The problems that the data room names by keys of its own, at the keys of the experiment.
void check_shortage(const Experiment& experiment, const std::string& at, std::int64_t tokens, Findings& findings) {
  const auto lacking = data::shortage(*experiment.opened, tokens, 0, experiment.context);
  if (!lacking.empty() && findings.sound(at)) findings.add(at, lacking[0].substr(lacking[0].find(": ") + 2));
}

void check_shortages(const Experiment& experiment, const std::string& key, const std::vector<std::int64_t>& tokens,
                     Findings& findings) {
  for (std::size_t i = 0; i < tokens.size(); ++i) check_shortage(experiment, element(key, i), tokens[i], findings);
}

}  // namespace

void check_learning_rate(const std::string& key, double rate, Findings& findings) {
  findings.expect(key, rate > 0, "a positive number", rate);
}

void check_shape(const Experiment& experiment, const SizeAsked& size, const std::string& key, Findings& findings) {
  findings.expect(key + ".depth", size.depth >= 1 && size.depth <= 1000, "1 to 1000 layers", size.depth);
  findings.expect(key + ".width", size.width >= 2 && size.width <= kMany, "2 or more channels", size.width);
  if (!findings.sound(key + ".width")) return;
  const Recipe* recipe = known_recipe(recipe_of(experiment, size));
  const bool turns = recipe == nullptr || recipe->architecture.positions == Positions::Rotary;
  if (!size.heads) {
    findings.expect(key + ".width", !turns || size.width % 2 == 0,
                    "an even width, as the rotary embedding turns pairs of channels", size.width);
    return;
  }
  const std::int64_t heads = *size.heads;
  if (!findings.expect(key + ".heads", heads >= 1, "1 or more heads", heads)) return;
  if (!findings.expect(key + ".heads", size.width % heads == 0, fmt::format("a divisor of the width {}", size.width),
                       heads))
    return;
  findings.expect(
      key + ".heads", !turns || (size.width / heads) % 2 == 0,
      fmt::format("heads of an even width (the rotary embedding turns pairs), out of a width of {}", size.width),
      fmt::format("{}, which are {} wide", heads, size.width / heads));
}

/// Steps are never rounded: a run trains on exactly the tokens that it is named after.
void check_token_count(const Experiment& experiment, const std::string& key, std::int64_t tokens, Findings& findings) {
  const bool steps_known = findings.sound("training.batch") && findings.sound("context");
  const std::int64_t step = experiment.training.batch * experiment.context;
  if (!findings.expect(key, tokens >= 1, "1 or more tokens", tokens) || !steps_known || tokens % step == 0) return;
  const std::int64_t below = tokens / step * step;
  const std::string nearest = below > 0 ? fmt::format("{} or {}", below, below + step) : fmt::format("{}", step);
  findings.expect(key, false,
                  fmt::format("whole steps of {} tokens (batch {} x context {}), such as {}", step,
                              experiment.training.batch, experiment.context, nearest),
                  tokens);
}

void check_values(const Experiment& experiment, Findings& findings) {
  findings.expect("context", experiment.context >= 2 && experiment.context <= kMany, "2 or more tokens",
                  experiment.context);
  check_recipe("recipe", experiment.recipe, findings);
  check_training(experiment, findings);
  findings.expect("validation_tokens", experiment.validation_tokens >= 1, "1 or more tokens",
                  experiment.validation_tokens);
  if (findings.sound("context"))
    findings.expect("validation_tokens", experiment.validation_tokens % experiment.context == 0,
                    fmt::format("whole sequences of {} tokens", experiment.context), experiment.validation_tokens);
  if (experiment.grid.has_product()) {
    check_tokens(experiment, "grid.tokens", experiment.grid.tokens, findings);
    check_seeds("grid.seeds", experiment.grid.seeds, findings);
    check_sizes(experiment, findings);
    check_numbers(experiment, findings);
  }
  if (experiment.grid.runs) check_runs(experiment, findings);
  check_rotations(experiment, findings);
  check_schedule(experiment, findings);
  check_fit(experiment, findings);
  if (experiment.post_training) check_post_training(*experiment.post_training, findings);
  if (experiment.compression) check_compression(experiment, findings);
  check_hypotheses(experiment, findings);
}

void check_corpus(const Experiment& experiment, Findings& findings) {
  if (!findings.sound("context")) return;
  check_shortages(experiment, "grid.tokens", experiment.grid.tokens, findings);
  for (std::size_t i = 0; i < experiment.grid.sizes.size(); ++i)
    if (const auto& tokens = experiment.grid.sizes[i].tokens)
      check_shortages(experiment, element("grid.sizes", i) + ".tokens", *tokens, findings);
  const auto runs = experiment.grid.runs.value_or(std::vector<RunAsked>());
  for (std::size_t i = 0; i < runs.size(); ++i)
    check_shortage(experiment, element("grid.runs", i) + ".tokens", runs[i].tokens, findings);
  const auto lacking = data::shortage(*experiment.opened, 0, experiment.validation_tokens, experiment.context);
  if (!lacking.empty() && findings.sound("validation_tokens"))
    findings.add("validation_tokens", lacking[0].substr(lacking[0].find(": ") + 2));
  if (experiment.cloze && findings.sound("cloze"))
    findings.add_inside("cloze", data::problems(*experiment.cloze, *experiment.opened, experiment.context));
}

std::string why_unwritable(const fs::path& path) {
  std::error_code ignored;
  fs::path existing = fs::absolute(path, ignored).lexically_normal();
  while (!fs::exists(fs::symlink_status(existing, ignored)) && existing.has_relative_path())
    existing = existing.parent_path();
  if (!fs::is_directory(existing, ignored)) return fmt::format("{} is no folder", existing.string());
  if (::access(existing.c_str(), W_OK | X_OK) != 0)
    return fmt::format("{}: {}", existing.string(), std::strerror(errno));
  return "";
}

}  // namespace vernier::plan
