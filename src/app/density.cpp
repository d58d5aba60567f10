// vernier density STORE: what each run is worth in parameters of the reference family.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/verbs.h"
#include "base/check.h"
#include "density/analysis.h"

namespace vernier::app {

namespace {

struct Asked {
  std::string store;
  density::Request request;
  bool json = false;
};

std::string shown(const std::optional<double>& value) { return value ? fmt::format("{:.4g}", *value) : "-"; }

void print_models(const std::vector<density::ModelDensity>& models) {
  fmt::print("{:16} {:>10} {:>10} {:>8} {:>8} {:>21} {:>8} {:>8}  {}\n", "run", "N", "D", "loss", "density",
             "90 % interval", "per bit", "law's f", "precision");
  for (const auto& model : models) {
    fmt::print("{:16} {:>10} {:>10} {:>8} {:>8} {:>21} {:>8} {:>8}  {}\n", model.run, shown(model.params),
               shown(model.tokens), shown(model.loss), shown(model.density),
               fmt::format("{} to {}", shown(model.lo), shown(model.hi)), shown(model.density_per_bit),
               shown(model.n_eff_precision_law), model.precision);
    if (!model.why_absent.empty()) fmt::print("{:16} no density: {}\n", "", model.why_absent);
  }
}

void print_summary(const density::Analysis& analysis, const density::Request& request) {
  fmt::print("\nreference: unrounded runs of {}, {} rows, rms of ln L {:.3g}\n", analysis.recipe,
             analysis.reference.rows, analysis.reference.rms_log);
  fmt::print("sizes are compared at {}\n", request.reference_tokens
                                               ? fmt::format("{:.4g} tokens", *request.reference_tokens)
                                               : "each run's own tokens");
  if (analysis.precision_law)
    fmt::print("law's f: N_eff/N of {}\n", analysis.precision_law->law);
  else
    fmt::print("no precision law: {}\n", analysis.why_no_precision_law);
  const auto& law = analysis.law;
  if (law.slope_per_day)
    fmt::print("densing law: {:.4g} per day ({} to {}), doubling in {:.4g} days, {} dates\n", *law.slope_per_day,
               shown(law.lo), shown(law.hi), *law.doubling_days, law.points.size());
  else
    fmt::print("no densing law: {}\n", law.why_absent);
}

void check(const density::Request& request) {
  Problems problems;
  expect(problems, request.bootstrap >= 0, "--bootstrap", "0 or more replicates", request.bootstrap);
  if (request.reference_tokens) expect_positive(problems, "--at", *request.reference_tokens);
  refuse_if(problems);
}

void show(const Asked& asked) {
  check(asked.request);
  std::vector<store::Broken> broken;
  const auto runs = store::read_runs(asked.store, broken);
  if (runs.empty()) throw Error(fmt::format("{}: the store holds no complete run; expected at least one", asked.store));
  for (const auto& folder : broken)
    fmt::print(stderr, "vernier: broken run {} is not counted: {}\n", folder.folder, folder.why);
  const density::Analysis analysis = density::analyse(runs, broken, asked.request);
  if (asked.json) {
    std::cout << density::to_json(analysis, asked.request).dump() << '\n';
    return;
  }
  print_models(analysis.models);
  print_summary(analysis, asked.request);
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
  verb->add_option("--at", asked->request.reference_tokens,
                   "D at which sizes are compared [tokens]; each run's own where left out");
  verb->add_option("--bootstrap", asked->request.bootstrap, "replicates of the reference fit")->capture_default_str();
  verb->add_option("--seed", asked->request.seed, "of the fits")->capture_default_str();
  verb->add_flag("--json", asked->json, "one JSON object");
  verb->callback([asked] { show(*asked); });
}

}  // namespace vernier::app
