// vernier optimum FIT.json --compute C: the N, D and P that a fitted law would choose for C = 6 N D P/16.
#include "fit/optimum.h"

#include <charconv>
#include <memory>

#include "app/verbs.h"
#include "base/error.h"

namespace vernier::app {
namespace {

struct Request {
  std::string file, law, hold;
  double compute = 0;
  bool json = false;
};

fit::Budget budget_of(const Request& request) {
  fit::Budget budget;
  budget.compute = request.compute;
  if (request.hold.empty()) return budget;
  const auto equals = request.hold.find('=');
  const std::string name = request.hold.substr(0, equals);
  const std::string text = equals == std::string::npos ? "" : request.hold.substr(equals + 1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = problem == std::errc() && end == text.data() + text.size() && !text.empty();
  if (!is_number || (name != "n" && name != "d" && name != "p"))
    throw Error(fmt::format("--hold: expected n=VALUE, d=VALUE or p=VALUE, got '{}'", request.hold));
  (name == "n" ? budget.params : name == "d" ? budget.tokens : budget.bits) = value;
  return budget;
}

Json json_of(const fit::Interval& interval) {
  return {{"value", interval.value},
          {"lo", interval.lo ? Json(*interval.lo) : Json(nullptr)},
          {"hi", interval.hi ? Json(*interval.hi) : Json(nullptr)}};
}

std::string text_of(const fit::Interval& interval) {
  if (!interval.lo) return fmt::format("{:.5g}", interval.value);
  return fmt::format("{:.5g} ({:.5g} to {:.5g} with 90 %)", interval.value, *interval.lo, *interval.hi);
}

void print_text(const fit::FitSummary& law, const fit::OptimumIntervals& found) {
  fmt::print("{}\n  N     {} parameters\n  D     {} tokens\n", law.law, text_of(found.n), text_of(found.d));
  if (found.p) fmt::print("  P     {} bits\n", text_of(*found.p));
  fmt::print("  loss  {} nats per token\n", text_of(found.loss));
  for (const auto& bound : found.best.bounds) fmt::print("  {} is an end of the range that was searched\n", bound);
}

void execute(const Request& request) {
  const auto law = fit::read_fit(request.file, request.law);
  const auto found = fit::optimum_with_intervals(law, budget_of(request));
  if (!request.json) return print_text(law, found);
  const Json json = {{"n", json_of(found.n)},
                     {"d", json_of(found.d)},
                     {"p", found.p ? json_of(*found.p) : Json(nullptr)},
                     {"loss", json_of(found.loss)},
                     {"interior", found.best.interior},
                     {"bounds", found.best.bounds},
                     {"law", law.law}};
  fmt::print("{}\n", json.dump());
}

}  // namespace

void add_optimum(CLI::App& program) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = program.add_subcommand("optimum", "Compute-optimal N, D and P of a fit");
  verb->add_option("fit", request->file, "output of vernier fit --json")->required();
  verb->add_option("--compute", request->compute, "C in 16-bit FLOPs, C = 6 N D P/16")->required();
  verb->add_option("--hold", request->hold, "n=VALUE, d=VALUE or p=VALUE");
  verb->add_option("--law", request->law, "which of several fits");
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
