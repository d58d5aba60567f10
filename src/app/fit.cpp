// vernier fit DATA [--law NAME|all]: estimates laws from a store or a table and prints them.
#include "fit/fit.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <set>
#include <sstream>

#include "app/verbs.h"
#include "base/error.h"
#include "fit/compare.h"
#include "fit/hypothesis.h"
#include "fit/optimum.h"
#include "fit/select.h"

namespace vernier::app {
namespace {

struct Request {
  std::string data, law = "all", map;
  fit::ReadOptions read;
  fit::FitOptions options;
  std::vector<std::string> fix, ties, free, start_grid, hypotheses;
  bool equal_weights = false;
  double margin = 0.2;
  bool json = false;
};

std::pair<std::string, std::string> pair_of(const std::string& option, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw Error(fmt::format("{}: expected NAME=VALUE, got '{}'", option, text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

double number_of(const std::string& option, const std::string& text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("{}: expected a number, got '{}'", option, text));
  return value;
}

/// "alpha=0:2:0.5": from, to, step, or "alpha=0.2,0.4".
std::pair<std::string, std::vector<double>> start_values(const std::string& text) {
  const auto [name, range] = pair_of("--start-grid", text);
  const char separator = range.find(':') == std::string::npos ? ',' : ':';
  std::vector<double> numbers;
  std::istringstream parts(range);
  for (std::string part; std::getline(parts, part, separator);)
    numbers.push_back(number_of("--start-grid " + name, part));
  if (separator == ',') return {name, numbers};
  constexpr double kMostValues = 1e4;
  if (numbers.size() != 3 || !(numbers[2] > 0) || !(numbers[1] >= numbers[0]) ||
      (numbers[1] - numbers[0]) / numbers[2] > kMostValues)
    throw Error(fmt::format("--start-grid {}: expected FROM:TO:STEP or a list with commas, got '{}'", name, range));
  std::vector<double> values;
  for (int k = 0; numbers[0] + k * numbers[2] <= numbers[1] * (1 + 1e-12); ++k)
    values.push_back(numbers[0] + k * numbers[2]);
  return {name, values};
}

void read_constraints(Request& request) {
  for (const auto& text : request.fix) {
    const auto [name, value] = pair_of("--fix", text);
    request.options.fix[name] = number_of("--fix " + name, value);
  }
  for (const auto& text : request.ties) request.options.ties.push_back(pair_of("--tie", text));
  for (const auto& text : request.start_grid) request.options.start_grid.insert(start_values(text));
  request.options.free = {request.free.begin(), request.free.end()};
  request.options.weigh_by_seeds = !request.equal_weights;
}

/// Rows of one kind: those that were fitted, and those that were not.
struct Rows {
  std::size_t all = 0;
  std::vector<fit::Excluded> excluded;
};

Json to_json(const Rows& rows) {
  Json excluded = Json::array();
  for (const auto& [run, why] : rows.excluded) excluded.push_back({{"run", run}, {"why", why}});
  return {{"rows", rows.all}, {"used", rows.all - rows.excluded.size()}, {"excluded", excluded}};
}

/// What was read: trained models and those quantized after training; `fitted` is the kind that the law predicts.
struct Read {
  Rows trained, post_trained;
  bool post = false;
  Rows& fitted() { return post ? post_trained : trained; }
  const Rows& fitted() const { return post ? post_trained : trained; }
};

Json json_of(const Read& read, const std::vector<fit::FitSummary>& fits, const std::vector<fit::Skipped>& skipped,
             const std::vector<fit::Decision>& decisions) {
  Json list = Json::array(), left_out = Json::array(), hypotheses = Json::array();
  for (const auto& fit : fits) list.push_back(to_json(fit));
  for (const auto& [law, why] : skipped) left_out.push_back({{"law", law}, {"why", why}});
  for (const auto& decision : decisions) hypotheses.push_back(to_json(decision));
  const auto best = fit::best_of(fits);
  Json data = to_json(read.fitted());
  data["trained"] = to_json(read.trained);
  data["post_trained"] = to_json(read.post_trained);
  return {{"data", data},
          {"fits", list},
          {"best", best.empty() ? Json(nullptr) : Json(best)},
          {"ranking", fit::ranking_json(fits)},
          {"skipped", left_out},
          {"hypotheses", hypotheses}};
}

std::string interval_text(const fit::Interval& interval) {
  auto remark = std::string(interval.identified == false ? "  not identified by these data" : "");
  if (!remark.empty() && !interval.with.empty())
    remark += fmt::format("; moves with {}", fmt::join(interval.with, ", "));
  if (!interval.lo) return fmt::format("{:.6g}{}", interval.value, remark);
  return fmt::format("{:<12.6g} {:>12.6g} ... {:<12.6g}{}", interval.value, *interval.lo, *interval.hi, remark);
}

/// How far the starts ended that did not reach the best; their ends come best first.
std::string other_ends(const fit::FitSummary& fit) {
  const auto at_best = static_cast<std::size_t>(fit.starts_at_best);
  const double best = fit.starts.empty() ? 0 : fit.starts.front().objective;
  if (at_best >= fit.starts.size() || !(best > 0)) return "";
  const double nearest = fit.starts[at_best].objective / best - 1, farthest = fit.starts.back().objective / best - 1;
  return fmt::format(", others ended {:.2g} to {:.2g} of the objective above it", nearest, farthest);
}

void print(const fit::FitSummary& fit) {
  fmt::print("\n{}  ({} runs)\n", fit.law, fit.rows);
  std::size_t width = 0;
  for (const auto& symbol : fit.symbols) width = std::max(width, symbol.size());
  for (std::size_t k = 0; k < fit.symbols.size(); ++k)
    fmt::print("  {:<{}}  {}\n", fit.symbols[k], width, interval_text(fit.parameters[k]));
  fmt::print("  objective {:.7g}, rms of ln L {:.4g}, R2 {:.5f}, AIC {:.1f}, BIC {:.1f}\n", fit.objective, fit.rms_log,
             fit.r2, fit.aic, fit.bic);
  if (fit.holdout && fit.holdout->rms_log)
    fmt::print("  held out {} runs: rms of ln L {:.4g}\n", fit.holdout->rows, *fit.holdout->rms_log);
  if (fit.holdout && fit.holdout->outside > 0)
    fmt::print("  {} runs held out lie outside this law\n", fit.holdout->outside);
  if (fit.seed_noise)
    fmt::print("  seeds alone move ln L by {:.3g} (standard deviation, {} cells){}\n", fit.seed_noise->sigma,
               fit.seed_noise->cells,
               fit.seed_noise->exponent == 0
                   ? ""
                   : fmt::format(" as N^{:.2g}; runs count accordingly", fit.seed_noise->exponent));
  fmt::print("  {} of {} starts reached the best{}, {:.2f} s\n", fit.starts_at_best, fit.starts.size(), other_ends(fit),
             fit.seconds);
}

std::string error_text(const fit::FitSummary& fit, std::string_view rule) {
  const auto found = fit.holdouts.find(std::string(rule));
  if (found == fit.holdouts.end() || !found->second.rms_log) return "-";
  const auto& [error, rows, outside] = found->second;
  return fmt::format("{:.5f}{}", *error, outside > 0 ? fmt::format(" ({} out)", outside) : "");
}

/// Forms side by side, the one that predicts unseen runs best at the top.
void print_ranking(const std::vector<fit::FitSummary>& fits) {
  fmt::print("\n{:<17} {:>4} {:>4}  {:>16} {:>16} {:>16} {:>9} {:>9}\n", "rms of ln L on", "runs", "free", "largest N",
             "largest D", "unseen precision", "AIC", "BIC");
  for (const std::size_t k : fit::ranking(fits)) {
    const auto& fit = fits[k];
    fmt::print("{:<17} {:>4} {:>4}  {:>16} {:>16} {:>16} {:>9.1f} {:>9.1f}\n", fit.law, fit.rows, fit.free_parameters,
               error_text(fit, "largest_n:1"), error_text(fit, "largest_d:1"), error_text(fit, "unseen_precision"),
               fit.aic, fit.bic);
  }
  fmt::print("free_eff is the yardstick: it assumes no form, and so knows nothing of a precision it has not seen.\n");
  if (const auto best = fit::best_of(fits); !best.empty()) fmt::print("smallest hold-out error: {}\n", best);
}

void print(const Rows& rows, std::string_view kind) {
  fmt::print("{} {}rows, {} used, {} excluded\n", rows.all, kind, rows.all - rows.excluded.size(),
             rows.excluded.size());
  for (const auto& [run, why] : rows.excluded) fmt::print("  {}: {}\n", run, why);
}

void print(const Read& read, const std::vector<fit::FitSummary>& fits, const std::vector<fit::Skipped>& skipped,
           const std::vector<fit::Decision>& decisions) {
  print(read.fitted(), read.post ? "post-trained " : "");
  if (!read.post && read.post_trained.all > 0) print(read.post_trained, "post-trained ");
  for (const auto& fit : fits) print(fit);
  for (const auto& [law, why] : skipped) fmt::print("\n{} not fitted: {}\n", law, why);
  if (fits.size() > 1) print_ranking(fits);
  if (!decisions.empty()) fmt::print("\n");
  for (const auto& decision : decisions) fmt::print("{}\n", decision.sentence);
}

/// The runs that one law cannot describe are excluded like those that cannot be read.
void exclude(Rows& rows, const std::vector<fit::Excluded>& others) {
  rows.excluded.insert(rows.excluded.end(), others.begin(), others.end());
}

/// A law without precision on rounded runs answers a question that few mean to ask.
void warn_if_precision_is_ignored(const std::vector<law::RunPoint>& points, const fit::FitSummary& fit) {
  if (fit::target_of(fit.law) != law::Target::Loss || fit::has_precision(fit)) return;
  const auto fitted = fit::points_for(fit.law, points);
  const auto rounded = std::count_if(fitted.begin(), fitted.end(), law::is_rounded);
  if (rounded == 0) return;
  spdlog::warn("{} ignores precision, and {} of {} runs are rounded; --where selects runs", fit.law, rounded,
               fitted.size());
}

void refuse_nothing(const std::string& path, const fit::Data& data) {
  if (!data.points.empty() || !data.post_trained.empty()) return;
  const std::size_t rows = data.rows + data.post_rows;
  if (rows == 0) throw Error(fmt::format("{}: --where selects none of its rows", path));
  const auto& [run, why] = (data.excluded.empty() ? data.post_excluded : data.excluded).front();
  throw Error(fmt::format("{}: none of {} rows can be fitted; the first, {}: {}", path, rows, run, why));
}

/// What is claimed of one of the laws that were fitted; refused before anything is fitted where it cannot be read.
std::vector<fit::Hypothesis> hypotheses_of(const Request& request, const std::vector<law::RunPoint>& points) {
  auto laws = request.law == "all" ? fit::law_names() : std::vector{request.law};
  std::erase_if(laws, [&](const auto& law) { return fit::points_for(law, points).empty(); });
  std::vector<fit::Hypothesis> hypotheses;
  Problems problems;
  for (const auto& text : request.hypotheses) {
    try {
      hypotheses.push_back(fit::parse_hypothesis(text, request.margin, laws));
    } catch (const Error& problem) {
      problems.push_back(fmt::format("--hypothesis: {}", problem.what()));
    }
  }
  refuse_if(problems);
  return hypotheses;
}

void execute(Request request) {
  request.read.map = fit::parse_map(request.map);
  read_constraints(request);
  const bool all = request.law == "all";
  if (!all) request.read.target = fit::target_of(request.law);
  const fit::Data data = fit::read_data(request.data, request.read);
  refuse_nothing(request.data, data);
  Read read{{data.rows, data.excluded},
            {data.post_rows, data.post_excluded},
            request.read.target == law::Target::PostTraining};
  const auto points = data.all();
  const auto hypotheses = hypotheses_of(request, points);
  std::vector<fit::Skipped> skipped;
  std::vector<fit::FitSummary> fits;
  if (all) {
    auto every = fit::fit_every_law(points, request.options);
    fits = std::move(every.fits);
    skipped = std::move(every.skipped);
  } else {
    fits.push_back(fit::fit(request.law, points, request.options));
    exclude(read.fitted(), fit::without_target(request.law, points));
    exclude(read.fitted(), fits.front().excluded);
    warn_if_precision_is_ignored(points, fits.front());
  }
  std::vector<fit::Decision> decisions;
  for (const auto& hypothesis : hypotheses)
    decisions.push_back(fit::decide(hypothesis, points, {request.options}, fits));
  if (request.json)
    fmt::print("{}\n", json_of(read, fits, skipped, decisions).dump());
  else
    print(read, fits, skipped, decisions);
}

}  // namespace

void add_fit(CLI::App& program) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = program.add_subcommand("fit", "Fit a law to a store, or to a CSV, JSONL or Parquet file");
  verb->add_option("data", request->data, "folder of runs, or a table")->required();
  verb->add_option("--law", request->law, fmt::format("all, or one of {}", fmt::join(fit::law_names(), ", ")))
      ->capture_default_str();
  verb->add_option("--map", request->map, "columns of foreign data: n_non_embedding=N,tokens=D,loss_val=loss");
  verb->add_option("--where", request->read.where, "rows to use: weight_bits==16 && tokens>1e9");
  verb->add_option("--bootstrap", request->options.bootstrap, "replicates for the 90 % intervals")
      ->capture_default_str();
  verb->add_option("--starts", request->options.starts, "start points")->capture_default_str();
  verb->add_option("--start-grid", request->start_grid,
                   "starts of your own, every combination: alpha=0:2:0.5 beta=0:2:0.5")
      ->take_all();
  verb->add_option("--seed", request->options.seed, "of starts and replicates")->capture_default_str();
  verb->add_option("--huber", request->options.huber_delta, "delta of log residuals")->capture_default_str();
  verb->add_option("--holdout", request->options.holdout, "largest_n:1, largest_d:1, fraction:0.2 or unseen_precision");
  verb->add_option("--tie", request->ties, "parameters that are equal: alpha=beta")->expected(1)->take_all();
  verb->add_option("--fix", request->fix, "parameters that are known: E=1.8")->expected(1)->take_all();
  verb->add_option("--hypothesis", request->hypotheses,
                   "a claim to decide, 'gamma_w == gamma_a', 'LAW: alpha > 0.3', 'loss falls with N'; may be repeated")
      ->expected(1)
      ->take_all();
  verb->add_option("--margin", request->margin, "of hypotheses: a relative difference up to this counts as none")
      ->capture_default_str();
  verb->add_option("--free", request->free, "parameters that have a usual value and shall be fitted: b, K1")
      ->expected(1)
      ->take_all();
  verb->add_flag("--equal-weights", request->equal_weights,
                 "count every run alike, also where replicate seeds show that noise depends on N");
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
