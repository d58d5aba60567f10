// vernier fit DATA [--law NAME|all]: estimates laws from a store or a table and prints them.
#include "fit/fit.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <set>

#include "app/verbs.h"
#include "base/error.h"
#include "fit/freedom.h"
#include "fit/hypothesis.h"
#include "fit/optimum.h"
#include "fit/select.h"

namespace vernier::app {
namespace {

struct Request {
  std::string data, law = "all", map;
  fit::ReadOptions read;
  fit::FitOptions options;
  std::vector<std::string> fix, ties, hypotheses;
  double margin = 0.2;
  bool json = false;
};

struct Skipped {
  std::string law, why;
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

void read_constraints(Request& request) {
  for (const auto& text : request.fix) {
    const auto [name, value] = pair_of("--fix", text);
    request.options.fix[name] = number_of("--fix " + name, value);
  }
  for (const auto& text : request.ties) request.options.ties.push_back(pair_of("--tie", text));
}

/// For `--law all`: the constraints that speak of this law's symbols.
fit::FitOptions constraints_of(const std::string& law, fit::FitOptions options) {
  const auto symbols = fit::symbols_of(law);
  const auto knows = [&](const std::string& name) {
    return std::find(symbols.begin(), symbols.end(), name) != symbols.end();
  };
  std::erase_if(options.fix, [&](const auto& entry) { return !knows(entry.first); });
  std::erase_if(options.ties, [&](const auto& tie) { return !knows(tie.first) || !knows(tie.second); });
  return options;
}

/// With --law all every law is held to the largest size, unless another hold-out was asked for.
fit::FitSummary fit_one_of_all(const std::string& law, const std::vector<law::RunPoint>& points,
                               fit::FitOptions options) {
  options = constraints_of(law, std::move(options));
  if (!options.holdout.empty()) return fit::fit(law, points, options);
  try {
    options.holdout = "largest_n:1";
    return fit::fit(law, points, options);
  } catch (const Error&) {  // too few sizes to do without one
    options.holdout.clear();
    return fit::fit(law, points, options);
  }
}

std::vector<fit::FitSummary> fit_all(const std::vector<law::RunPoint>& points, const fit::FitOptions& options,
                                     std::vector<Skipped>& skipped) {
  std::vector<fit::FitSummary> fits;
  for (const auto& law : fit::law_names()) {
    try {
      fits.push_back(fit_one_of_all(law, points, options));
    } catch (const Error& problem) {
      skipped.push_back({law, problem.what()});
    } catch (const Failure& problem) {
      skipped.push_back({law, problem.what()});
    }
  }
  Problems problems;
  for (const auto& [law, why] : skipped) problems.push_back(why);
  if (fits.empty()) refuse_if(problems);
  return fits;
}

/// The law with the smallest hold-out error, among those that predict what the first one predicts: errors of different
/// things are no contest. One that could not predict a run held out comes after those that could.
std::optional<std::string> best_of(const std::vector<fit::FitSummary>& fits) {
  const auto rank = [&](const fit::FitSummary& fit) {
    const bool comparable = fit::target_of(fit.law) == fit::target_of(fits.front().law);
    const bool known = comparable && fit.holdout && fit.holdout->rms_log;
    return std::pair(known ? fit.holdout->outside : std::numeric_limits<std::int64_t>::max(),
                     known ? *fit.holdout->rms_log : std::numeric_limits<double>::infinity());
  };
  const auto best =
      std::min_element(fits.begin(), fits.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (fits.size() > 1 && !(best->holdout && best->holdout->rms_log)) return std::nullopt;
  return best->law;
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

Json json_of(const Read& read, const std::vector<fit::FitSummary>& fits, const std::vector<Skipped>& skipped,
             const std::vector<fit::Decision>& decisions) {
  Json list = Json::array(), left_out = Json::array(), hypotheses = Json::array();
  for (const auto& fit : fits) list.push_back(to_json(fit));
  for (const auto& [law, why] : skipped) left_out.push_back({{"law", law}, {"why", why}});
  for (const auto& decision : decisions) hypotheses.push_back(to_json(decision));
  const auto best = best_of(fits);
  Json data = to_json(read.fitted());
  data["trained"] = to_json(read.trained);
  data["post_trained"] = to_json(read.post_trained);
  return {{"data", data},
          {"fits", list},
          {"best", best ? Json(*best) : Json(nullptr)},
          {"skipped", left_out},
          {"hypotheses", hypotheses}};
}

std::string interval_text(const fit::Interval& interval) {
  auto remark = std::string(interval.identified == false ? "  not identified by these data" : "");
  if (!remark.empty() && !interval.with.empty())
    remark += fmt::format(": {} make up for it", fmt::join(interval.with, ", "));
  if (!interval.lo) return fmt::format("{:.6g}{}", interval.value, remark);
  return fmt::format("{:<12.6g} {:>12.6g} ... {:<12.6g}{}", interval.value, *interval.lo, *interval.hi, remark);
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
  fmt::print("  {} of {} starts reached the best, {:.2f} s\n", fit.starts_at_best, fit.starts.size(), fit.seconds);
}

void print(const Rows& rows, std::string_view kind) {
  fmt::print("{} {}rows, {} used, {} excluded\n", rows.all, kind, rows.all - rows.excluded.size(),
             rows.excluded.size());
  for (const auto& [run, why] : rows.excluded) fmt::print("  {}: {}\n", run, why);
}

void print(const Read& read, const std::vector<fit::FitSummary>& fits, const std::vector<Skipped>& skipped,
           const std::vector<fit::Decision>& decisions) {
  print(read.fitted(), read.post ? "post-trained " : "");
  if (!read.post && read.post_trained.all > 0) print(read.post_trained, "post-trained ");
  for (const auto& fit : fits) print(fit);
  for (const auto& [law, why] : skipped) fmt::print("\n{} not fitted: {}\n", law, why);
  if (const auto best = best_of(fits); best && fits.size() > 1) fmt::print("\nsmallest hold-out error: {}\n", *best);
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
  std::vector<Skipped> skipped;
  std::vector<fit::FitSummary> fits;
  if (all) {
    fits = fit_all(points, request.options, skipped);
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
  verb->add_option("--seed", request->options.seed, "of starts and replicates")->capture_default_str();
  verb->add_option("--huber", request->options.huber_delta, "delta of log residuals")->capture_default_str();
  verb->add_option("--holdout", request->options.holdout, "largest_n:1, largest_d:1 or fraction:0.2");
  verb->add_option("--tie", request->ties, "parameters that are equal: alpha=beta")->expected(1)->take_all();
  verb->add_option("--fix", request->fix, "parameters that are known: E=1.8")->expected(1)->take_all();
  verb->add_option("--hypothesis", request->hypotheses,
                   "a claim to decide, 'gamma_w == gamma_a', 'LAW: alpha > 0.3', 'loss falls with N'; may be repeated")
      ->expected(1)
      ->take_all();
  verb->add_option("--margin", request->margin, "of hypotheses: a relative difference up to this counts as none")
      ->capture_default_str();
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
