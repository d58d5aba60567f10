// vernier optimum FIT.json --compute C: the N, D and P that a fitted law would choose for C = 6 N D P/16, or for what a
// multiply costs in each format (--cost FILE).
#include "fit/optimum.h"

#include <charconv>
#include <memory>

#include "app/verbs.h"
#include "base/error.h"

namespace vernier::app {
namespace {

struct Request {
  std::string file, law, hold, costs;
  std::optional<double> compute, inference;
  fit::PrecisionOptions precision;
  bool json = false;
};

fit::Budget budget_of(const Request& request) {
  fit::Budget budget;
  if (request.compute.has_value() == request.inference.has_value())
    throw Error("expected either --compute C or --inference NP");
  budget.compute = request.compute.value_or(0);
  budget.inference = request.inference;
  budget.precision = request.precision;
  if (!request.costs.empty()) budget.precision.costs = fit::read_costs(request.costs);
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
  if (!found.best.format.empty()) fmt::print("  in    {}\n", found.best.format);
  fmt::print("  loss  {} nats per token\n", text_of(found.loss));
  for (const auto& bound : found.best.bounds) fmt::print("  {} is an end of the range that was searched\n", bound);
  for (const auto& [format, why] : found.best.left_out) fmt::print("  {} was left out: {}\n", format, why);
}

void execute(const Request& request) {
  const auto law = fit::read_fit_with_base(request.file, request.law);
  const auto found = fit::optimum_with_intervals(law, budget_of(request));
  if (!request.json) return print_text(law, found);
  Json left_out = Json::array();
  for (const auto& [format, why] : found.best.left_out) left_out.push_back({{"format", format}, {"why", why}});
  const Json json = {{"n", json_of(found.n)},
                     {"d", json_of(found.d)},
                     {"p", found.p ? json_of(*found.p) : Json(nullptr)},
                     {"loss", json_of(found.loss)},
                     {"interior", found.best.interior},
                     {"bounds", found.best.bounds},
                     {"format", found.best.format.empty() ? Json(nullptr) : Json(found.best.format)},
                     {"left_out", left_out},
                     {"law", law.law}};
  fmt::print("{}\n", json.dump());
}

}  // namespace

void add_optimum(CLI::App& program) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = program.add_subcommand("optimum", "Compute-optimal N, D and P of a fit");
  verb->add_option("fit", request->file, "output of vernier fit --json")->required();
  verb->add_option("--compute", request->compute, "C in 16-bit FLOPs, C = 6 N D P/16");
  verb->add_option("--inference", request->inference,
                   "N P in parameters x bits, held in place of C; for laws with a penalty that grows with D");
  verb->add_option("--hold", request->hold, "n=VALUE, d=VALUE or p=VALUE");
  verb->add_option("--cost", request->costs,
                   "YAML or CSV: what a multiply costs in each format, 16 bits being 1; in place of P/16");
  verb->add_option("--group", request->precision.group, "elements per scale, for float_bits and qat_group");
  verb->add_option("--post", request->precision.post, "number of the weights quantized after training");
  verb->add_option("--law", request->law, "which of several fits");
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
