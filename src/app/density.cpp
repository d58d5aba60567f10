// vernier density STORE: what each run is worth in parameters of the reference family.
#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <memory>

#include "app/density_text.h"
#include "app/verbs.h"
#include "base/check.h"
#include "density/analysis.h"

namespace vernier::app {

namespace {

constexpr const char* kOwn = "own";

struct Asked {
  std::string store, measure, form = "auto", at = kOwn;
  density::Request request;
  bool json = false;
};

/// D at which sizes are compared; absent for a run's own.
std::optional<double> tokens_of(const std::string& text) {
  if (text == kOwn) return std::nullopt;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("--at: expected '{}' or a number of tokens, got '{}'", kOwn, text));
  return value;
}

density::Request request_of(const Asked& asked) {
  density::Request request = asked.request;
  if (!asked.measure.empty()) request.measure = row_named("measure", density::kMeasures, asked.measure).measure;
  request.form = row_named("form", density::kForms, asked.form).form;
  request.reference_tokens = tokens_of(asked.at);
  return request;
}

void check(const density::Request& request) {
  Problems problems;
  expect(problems, request.bootstrap >= 0, "--bootstrap", "0 or more replicates", request.bootstrap);
  if (request.reference_tokens) expect_positive(problems, "--at", *request.reference_tokens);
  if (request.score) expect_share(problems, "--score", *request.score);
  if (request.price_halving) expect_positive(problems, "--price-halving", *request.price_halving);
  expect_positive(problems, "--budget", request.budget);
  refuse_if(problems);
}

void show(const Asked& asked) {
  const density::Request request = request_of(asked);
  check(request);
  std::vector<store::Broken> broken;
  const auto runs = store::read_runs(asked.store, broken);
  if (runs.empty()) throw Error(fmt::format("{}: the store holds no complete run; expected at least one", asked.store));
  for (const auto& folder : broken)
    fmt::print(stderr, "vernier: broken run {} is not counted: {}\n", folder.folder, folder.why);
  const density::Analysis analysis = density::analyse(runs, broken, request);
  if (asked.json) {
    std::cout << density::to_json(analysis, request).dump() << '\n';
    return;
  }
  print_density(analysis, request);
}

}  // namespace

void add_density(CLI::App& program) {
  auto asked = std::make_shared<Asked>();
  CLI::App* verb =
      program.add_subcommand("density", "effective parameters and density of every run against the unrounded ones");
  verb->add_option("store", asked->store, "a folder of runs")->required();
  verb->add_option("--reference", asked->request.recipe, "recipe of the reference family");
  verb->add_option("--law", asked->request.law,
                   "precision law to lay beside; the best of the Kumar family where left out");
  verb->add_option("--at", asked->at, "D at which sizes are compared [tokens], or own: each run's own")
      ->capture_default_str();
  verb->add_option(
      "--measure", asked->measure,
      "what is inverted: score | task_loss | loss; the score where left out and reference runs have tasks");
  verb->add_option("--form", asked->form, "of the law of the conditional loss: paper (without E) | with_e | auto")
      ->capture_default_str();
  verb->add_option("--score", asked->request.score,
                   "for which the sizes to come are shown; the reference runs' median where left out");
  verb->add_option("--price-halving", asked->request.price_halving, "days in which hardware halves its price");
  verb->add_option("--budget", asked->request.budget, "parameters that a price buys on 2023-02-27")
      ->capture_default_str();
  verb->add_option("--bootstrap", asked->request.bootstrap, "replicates of the reference fit")->capture_default_str();
  verb->add_option("--seed", asked->request.seed, "of the fits")->capture_default_str();
  verb->add_flag("--json", asked->json, "one JSON object");
  verb->callback([asked] { show(*asked); });
}

}  // namespace vernier::app
