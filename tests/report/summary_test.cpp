#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "catch.h"
#include "report/numbers.h"
#include "report/report.h"
#include "synthetic.h"

using namespace vernier;

namespace {

fit::FitSummary made_up(const std::string& law, const std::vector<std::string>& symbols,
                        const std::vector<double>& values, double holdout) {
  fit::FitSummary fit;
  fit.law = law;
  fit.symbols = symbols;
  for (std::size_t i = 0; i < values.size(); ++i)
    fit.parameters.push_back({values[i], 0.9 * values[i], 1.1 * values[i], 0.05 * values[i], symbols[i] != "B"});
  fit.objective = 1.25e-4;
  fit.rms_log = 0.0021;
  fit.aic = -123.4;
  fit.bic = -111.1;
  fit.holdout = fit::Holdout{holdout, 4, 0};
  fit.starts.resize(16);
  fit.starts_at_best = 12;
  fit.rows = 32;
  return fit;
}

/// A study whose fits are written down here, so that its summary changes only when the summary does.
report::Study written_down() {
  report::Study study;
  study.asked = synthetic::asked();
  study.runs = synthetic::runs({}, {{{2, 16}}, {524288, 1048576}, {16, 4}, 0});
  synthetic::diverge(study.runs.back(), 40);
  study.broken = {{"0123456789abcdef", "record.json: absent"}};
  study.missing = 3;
  study.seed_noise = 0.0019;
  study.reference = made_up("chinchilla", {"E", "A", "B", "alpha", "beta"}, {1.52, 31.4, 219, 0.41, 0.45}, 0.004);
  study.fits = {
      made_up("kumar_tied", {"E", "A", "B", "alpha", "beta", "gamma", "n"}, {1.5, 32, 220, 0.4, 0.45, 2, 0.1}, 0.003),
      made_up("free_eff", {"E", "A", "B", "alpha", "beta", "eff_int4"}, {1.5, 32, 220, 0.4, 0.45, 0.64}, 0.005)};
  study.unfitted = {{"kumar_weights", "too few rows: expected at least 8, got 3"}};
  study.curve = "kumar_tied";
  fit::Decision decision;
  decision.hypothesis = fit::parse_hypothesis("kumar_tied: gamma == 2.5", 0.2, {});
  decision.effect = fit::Effect{"gamma - 2.5", "bits", -0.5, -0.72, -0.31, 0.5};
  decision.statistic = 3.2;
  decision.p = 0.11;
  decision.runs = 32;
  decision.more_runs = 40;
  decision.sentence = "'gamma == 2.5' is undecided by these data.";
  study.decisions = {decision};
  study.formats = {{"baseline",
                    "unrounded",
                    "none",
                    16,
                    2,
                    {{1, {}, {}, {}, {}}},
                    {{1, {}, {}, {}, {}}},
                    {{1.01, 0.93, 1.09, {}, {}}},
                    {{1.01, 0.93, 1.09, {}, {}}}},
                   {"int4/channel int4/token int4/token",
                    "int4",
                    "weights + activations + kv",
                    4,
                    1,
                    {{0.64, 0.61, 0.66, {}, {}}},
                    {{0.65, 0.6, 0.7, {}, {}}},
                    {{0.75, 0.7, {}, {}, {}}},
                    {{3, 2.8, {}, {}, {}}}}};
  study.law_best = report::BestBits{3.81, 3.5, 4.2, true};
  return study;
}

std::string masked(const std::string& text) {
  const auto timeless = std::regex_replace(text, std::regex("training took .* in all"), "training took <time> in all");
  return std::regex_replace(timeless, std::regex("\\([0-9a-f]{16}\\)"), "(<id of the run>)");
}

}  // namespace

TEST_CASE("the summary of a study is the one that was approved", "[report]") {
  const auto file = std::filesystem::path(VERNIER_SOURCE_DIR) / "tests" / "golden" / "report_summary.txt";
  const auto summary = masked(report::text_summary(written_down()));
  if (std::getenv("VERNIER_APPROVE")) std::ofstream(file) << summary;
  std::stringstream golden;
  golden << std::ifstream(file).rdbuf();
  CHECK(summary == golden.str());
}

TEST_CASE("no line of prose in the summary is longer than 120 characters", "[report]") {
  std::stringstream summary(report::text_summary(synthetic::study()));
  std::string line, longest;
  while (std::getline(summary, line) && line != "Fits")
    if (line.size() > longest.size()) longest = line;
  CHECK(longest.size() <= 120);
}

TEST_CASE("numbers carry as many digits as their interval deserves", "[report]") {
  CHECK(report::with_interval({1.52345, 1.5012, 1.5467, {}, {}}) == "1.523 (1.501 to 1.547)");
  CHECK(report::with_interval({123.4, 80.0, 170.0, {}, {}}) == "123 (80 to 170)");
  CHECK(report::with_interval({0.7, 0.65, {}, {}, {}}) == "0.7 (at least 0.65)");
  CHECK(report::with_interval({0.7, {}, {}, {}, {}}) == "0.7");
}

TEST_CASE("counts are written with three digits and a letter", "[report]") {
  CHECK(report::count(25312) == "25.3k");
  CHECK(report::count(999600) == "1M");
  CHECK(report::count(4194304) == "4.19M");
  CHECK(report::count(512) == "512");
}
