// vernier bench fit: how fast laws are fitted here, on runs drawn from known constants. The data depend on --seed
// alone, so that others can be timed on the same numbers (--write-data).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "app/verbs.h"
#include "fit/bootstrap.h"
#include "fit/fit.h"
#include "fit/freedom.h"
#include "fit/labels.h"
#include "store/files.h"

namespace vernier::app {
namespace {

constexpr double kNoise = 4e-3;  // of ln L; a few deltas, so that both branches of the Huber function act
constexpr double kDelta = 1e-3;

using Constants = std::vector<std::pair<std::string, double>>;

/// One line of the table. With replicates the bootstrap alone is timed, without them the search.
struct Case {
  std::string law;
  std::int64_t rows, starts, replicates;
  std::map<std::string, std::vector<double>> grid = {};  ///< of starts, in place of drawn ones
};

// The grid of Hoffmann et al., approach 3, has 4500 starts: 180 values of A, B and E, which are solved for here, with
// each of 25 pairs of exponents. Beside it as many different pairs.
const std::vector<double> kExponents{0, 0.5, 1, 1.5, 2};
const std::vector<Case> kCases{{"chinchilla", 240, 25, 0, {{"alpha", kExponents}, {"beta", kExponents}}},
                               {"chinchilla", 240, 4500, 0},
                               {"chinchilla", 240, 64, 4000},
                               {"kumar_unified", 1000, 64, 1000}};

// Besiroglu et al., arXiv 2404.10102; Kumar et al., arXiv 2411.04330, with b inside C_T and our own C_x, which are
// unpublished (LAWS.md, sections 1.2, 2.1 and 3).
const Constants kChinchilla{{"E", 1.8172}, {"A", 482.01}, {"B", 2085.43}, {"alpha", 0.3478}, {"beta", 0.3658}};
const Constants kFactors{{"gamma_w", 2.6745}, {"n_w", 0.3037},      {"gamma_a", 2.2102},
                         {"n_a", 1.4072},     {"gamma_kv", 0.9578}, {"n_kv", 2.4185}};
const Constants kKumarJoint{{"E", 2.7648}, {"A", 4.299e3}, {"B", 1.806e4}, {"alpha", 0.4965}, {"beta", 0.4965}};
const Constants kKumarUnified{{"C_T", 0.18470}, {"gD", 0.5068}, {"gN", 0.3439}, {"g_post", 0.5907},
                              {"b", 0},         {"C_w", 0.5},   {"C_a", 0.5},   {"C_kv", 0.5}};

struct Asked {
  std::int64_t threads = 0, seed = 1;
  std::optional<std::int64_t> rows, starts, bootstrap;  ///< in place of each line's own
  std::string data;
  bool json = false;
};

struct Timed {
  Case asked;
  double seconds = 0, objective = 0;
  std::int64_t starts_at_best = 0;
};

fit::FitSummary law_with(const std::string& law, std::initializer_list<Constants> truth) {
  fit::FitSummary summary;
  summary.law = law;
  for (const Constants& constants : truth)
    for (const auto& [symbol, value] : constants) {
      summary.symbols.push_back(symbol);
      summary.parameters.push_back({value, {}, {}, {}, {}});
    }
  return summary;
}

double noisy_loss(const fit::FitSummary& truth, const law::RunPoint& run, const Stream& stream) {
  return fit::loss(truth, truth.values(), run) * std::exp(kNoise * stream.normals(0)[0]);
}

/// N of 1e7 to 1e10 and D of 1e8 to 10^11.5, uniform in their logarithms.
law::RunPoint drawn_size(const Stream& stream, std::int64_t row) {
  law::RunPoint run;
  run.run = fmt::format("{}", row + 1);
  run.params = std::round(std::pow(10, 7 + 3 * stream.uniform(0)));
  run.tokens = std::round(std::pow(10, 8 + 3.5 * stream.uniform(1)));
  return run;
}

law::RunPoint drawn_plain(const Stream& stream, std::int64_t row) {
  law::RunPoint run = drawn_size(stream, row);
  run.loss = noisy_loss(law_with("chinchilla", {kChinchilla}), run, stream.child("loss"));
  return run;
}

double one_of(const std::vector<double>& choices, const Stream& stream, std::uint64_t counter) {
  return choices[stream.below(choices.size(), counter)];
}

/// Trained at 6, 8 or 12 bits or unrounded in each part, quantized to no more than that afterwards.
law::RunPoint drawn_quantized(const Stream& stream, std::int64_t row) {
  law::RunPoint run = drawn_size(stream, row);
  std::uint64_t counter = 2;
  for (law::Part* part : {&run.weights, &run.activations, &run.kv}) {
    part->bits = one_of({6, 8, 12, 16}, stream, counter++);
    part->rounded = part->bits < 16;
  }
  run.precision = fit::precision_label(run);
  run.post = {true, one_of({3, 4, 5, 6}, stream, counter), "fp32", true};
  run.loss_before = noisy_loss(law_with("kumar_joint", {kKumarJoint, kFactors}), run, stream.child("before"));
  run.loss = noisy_loss(law_with("kumar_unified", {kKumarUnified, kFactors}), run, stream.child("after"));
  return run;
}

std::vector<law::RunPoint> drawn_runs(const Case& asked, std::int64_t seed) {
  const Stream root = Stream(std::uint64_t(seed)).child("bench fit").child(asked.law);
  std::vector<law::RunPoint> runs;
  for (std::int64_t row = 0; row < asked.rows; ++row) {
    const Stream own = root.child(std::uint64_t(row));
    runs.push_back(asked.law == "chinchilla" ? drawn_plain(own, row) : drawn_quantized(own, row));
  }
  return runs;
}

/// Columns as `vernier fit` reads them.
void write_csv(const std::filesystem::path& folder, const Case& asked, const std::vector<law::RunPoint>& runs) {
  const bool quantized = runs.front().post.rounded;
  std::string text = "run_id,n_non_embedding,tokens,loss_val";
  text += quantized ? ",weight_bits,activation_bits,kv_bits,post_bits,loss_before\n" : "\n";
  for (const auto& run : runs) {
    text += fmt::format("{},{},{},{:.17g}", run.run, run.params, run.tokens, run.loss);
    if (quantized)
      text += fmt::format(",{},{},{},{},{:.17g}", run.weights.bits, run.activations.bits, run.kv.bits, run.post.bits,
                          run.loss_before);
    text += '\n';
  }
  store::make_writable_folder(folder, "--write-data");
  store::write_text(folder / (asked.law + ".csv"), text);
}

template <class Job>
double seconds_of(const Job& job) {
  const auto begin = std::chrono::steady_clock::now();
  job();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Timed timed(const Case& asked, const std::vector<law::RunPoint>& runs, std::int64_t seed, std::int64_t threads) {
  const auto problem = fit::make_problem(asked.law, runs);
  const auto setting = fit::make_setting(asked.law, *problem, {});
  fit::Sample sample;
  for (std::size_t i = 0; i < runs.size(); ++i) sample.rows.push_back(int(i)), sample.weights.push_back(1);
  const Stream root{std::uint64_t(seed)};
  fit::Search found;
  Timed result{asked};
  fit::FitOptions options;
  options.start_grid = asked.grid;
  const auto starts = asked.grid.empty() ? std::vector<std::vector<double>>()
                                         : fit::start_points(asked.law, *problem, setting, options);
  result.seconds = seconds_of([&] {
    found = fit::search(*problem, setting, sample, kDelta, starts, asked.starts, root.child("starts"), threads);
  });
  if (asked.replicates > 0)
    result.seconds = seconds_of([&] {
      const Stream stream = root.child("bootstrap");
      const auto times = fit::drawn_times(*problem, setting, found.best.theta, asked.replicates, stream);
      fit::bootstrap(*problem, setting, found, kDelta, times, stream, threads);
    });
  result.objective = found.best.objective;
  result.starts_at_best = found.at_best;
  return result;
}

Json json_of(const Timed& row) {
  return {{"law", row.asked.law},
          {"rows", row.asked.rows},
          {"starts", row.asked.starts},
          {"grid", !row.asked.grid.empty()},
          {"replicates", row.asked.replicates},
          {"seconds", row.seconds},
          {"objective", row.objective},
          {"starts_at_best", row.starts_at_best}};
}

void print(const std::vector<Timed>& rows, std::int64_t threads) {
  fmt::print("{} thread(s); with replicates the seconds are those of the bootstrap alone\n", threads);
  fmt::print("{:14} {:>6} {:>8} {:>11} {:>9} {:>14} {:>15}\n", "law", "rows", "starts", "replicates", "seconds",
             "objective", "starts at best");
  for (const auto& row : rows)
    fmt::print("{:14} {:>6} {:>8} {:>11} {:>9.3f} {:>14.8g} {:>15}\n", row.asked.law, row.asked.rows,
               fmt::format("{}{}", row.asked.starts, row.asked.grid.empty() ? "" : " grid"), row.asked.replicates,
               row.seconds, row.objective, row.starts_at_best);
}

Case as_asked(Case line, const Asked& asked) {
  line.rows = asked.rows.value_or(line.rows);
  if (line.grid.empty()) line.starts = asked.starts.value_or(line.starts);
  if (line.replicates > 0) line.replicates = asked.bootstrap.value_or(line.replicates);
  return line;
}

void bench(const Asked& asked) {
  const std::int64_t threads =
      asked.threads > 0 ? asked.threads : std::int64_t(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<Timed> rows;
  Json list = Json::array();
  for (const Case& line : kCases) {
    const Case one = as_asked(line, asked);
    const auto runs = drawn_runs(one, asked.seed);
    if (!asked.data.empty()) write_csv(asked.data, one, runs);
    rows.push_back(timed(one, runs, asked.seed, threads));
    list.push_back(json_of(rows.back()));
  }
  if (asked.json)
    std::cout << Json{{"threads", threads}, {"fits", list}}.dump() << '\n';
  else
    print(rows, threads);
}

}  // namespace

void add_bench_fit(CLI::App& bench_verb) {
  const auto asked = std::make_shared<Asked>();
  CLI::App* verb = bench_verb.add_subcommand("fit", "fits and bootstraps of runs that are drawn from known laws");
  verb->add_option("--threads", asked->threads, "0: one per processor")->check(CLI::NonNegativeNumber);
  verb->add_option("--seed", asked->seed, "of data, starts and replicates")->check(CLI::NonNegativeNumber);
  verb->add_option("--rows", asked->rows, "runs of every set, in place of its own")->check(CLI::Range(20, 1000000));
  verb->add_option("--starts", asked->starts, "of every fit, in place of its own")->check(CLI::PositiveNumber);
  verb->add_option("--bootstrap", asked->bootstrap, "replicates, where there are any")->check(CLI::PositiveNumber);
  verb->add_option("--write-data", asked->data, "folder for the data, one CSV for each law");
  verb->add_flag("--json", asked->json, "machine-readable output");
  verb->callback([asked] { bench(*asked); });
}

}  // namespace vernier::app
