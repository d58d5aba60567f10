#include "report/report.h"

#include <algorithm>
#include <cmath>

#include "catch.h"
#include "synthetic.h"

using namespace vernier;

namespace {

const report::Format& format_named(const report::Study& study, const std::string& name) {
  const auto found =
      std::find_if(study.formats.begin(), study.formats.end(), [&](const auto& f) { return f.name == name; });
  REQUIRE(found != study.formats.end());
  return *found;
}

std::string all_text(const report::Study& study) {
  std::string text;
  for (const auto& verdict : report::verdicts(study)) text += verdict.title + ": " + verdict.text + "\n";
  return text;
}

bool close(double value, double expected, double share) { return std::abs(value / expected - 1) <= share; }

bool covers(const fit::Interval& interval, double truth) { return *interval.lo <= truth && truth <= *interval.hi; }

}  // namespace

TEST_CASE("the analysis finds the law that made the runs", "[report]") {
  const auto& study = synthetic::study();
  const synthetic::Truth truth;
  REQUIRE(study.unfitted.empty());
  REQUIRE(study.reference);
  CHECK(covers(study.reference->parameters[0], truth.E));
  for (const int bits : {3, 4, 5, 6, 8}) {
    const auto& format = format_named(study, fmt::format("int{}", bits));
    const double expected = synthetic::share(truth, bits);
    INFO(format.name << " has share " << expected);
    CHECK(close(format.free_share->value, expected, 0.05));
    CHECK(close(format.density->value, expected, 0.1));
    CHECK(close(format.density_per_bit->value, format.density->value * 16 / bits, 1e-12));
  }
  CHECK(study.curve == "kumar_tied");
}

TEST_CASE("the precision that the curve calls best is where N_eff/N per bit peaks", "[report]") {
  // k x = e^x - 1 with k = 3, x = P/gamma (LAWS.md, section 6)
  const auto& study = synthetic::study();
  REQUIRE(study.law_best);
  CHECK(study.law_best->interior);
  CHECK(close(study.law_best->bits, 1.903814 * synthetic::Truth{}.gamma, 0.08));
}

TEST_CASE("the noise between seeds is the noise that was put in", "[report]") {
  CHECK(close(*synthetic::study().seed_noise, synthetic::Truth{}.noise, 0.25));
}

TEST_CASE("formats come unrounded first, then with bits falling", "[report]") {
  std::vector<std::string> names;
  for (const auto& format : synthetic::study().formats) names.push_back(format.name);
  CHECK(names == std::vector<std::string>{"unrounded", "int8", "int6", "int5", "int4", "int3"});
}

TEST_CASE("diverged runs and broken folders are named", "[report]") {
  const auto& study = synthetic::study();
  const auto text = all_text(study);
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring(study.runs.back().id + ") at step 40"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("0123456789abcdef"));
  CHECK(study.data.points.size() == study.runs.size() - 1);
}

TEST_CASE("the known entropy is compared with the fitted E", "[report]") {
  const auto text = all_text(synthetic::study());
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring(
                       "The known entropy of the held-out tokens is 1.5, inside the 90 % interval"));
}

TEST_CASE("too few runs for a law give a report that says so", "[report]") {
  auto few = synthetic::runs({}, {{{2, 16}}, {524288}, {16, 4}, 0});
  REQUIRE(few.size() == 2);
  const auto study = report::analyse(synthetic::asked(), few, {});
  CHECK(study.fits.empty());
  CHECK(!study.reference);
  CHECK(study.unfitted.size() == synthetic::asked().laws.size());
  const auto text = report::text_summary(study);
  for (const auto& law : synthetic::asked().laws)
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring("Not fitted: " + law));
  CHECK_THAT(report::html_page(study), Catch::Matchers::ContainsSubstring("Not fitted: chinchilla"));
}

TEST_CASE("a store without runs gives a report that says so", "[report]") {
  const auto study = report::analyse(synthetic::asked(), {}, {});
  CHECK_THAT(report::text_summary(study), Catch::Matchers::ContainsSubstring("0 runs finished"));
  CHECK_THAT(report::html_page(study), Catch::Matchers::ContainsSubstring("No finished run"));
}

TEST_CASE("runs that the experiment did not ask for are left out and counted, those to come are counted", "[report]") {
  auto runs = synthetic::runs({}, {{{2, 16}}, {524288, 1048576}, {16, 4}, 0});
  REQUIRE(runs.size() == 4);
  auto asked = synthetic::asked();
  asked.laws = {};
  asked.corpus_digest = synthetic::kCorpusDigest;
  asked.planned = {runs[0].spec, runs[1].spec, synthetic::spec_of({2, 16}, 2097152, 16, 1)};
  const auto study = report::analyse(asked, runs, {});
  CHECK(study.runs.size() == 2);
  CHECK(study.others == 2);
  CHECK(study.missing == 1);
  CHECK_THAT(all_text(study), Catch::Matchers::ContainsSubstring("1 run of the grid not made yet"));
}

TEST_CASE("hypotheses are decided on the runs and quoted in page, summary and fits.json", "[report]") {
  auto asked = synthetic::asked();
  asked.laws = {"kumar_tied"};
  for (const std::string claim :
       {"kumar_tied: gamma in [1.5, 2.5]", "chinchilla: E > 1.7", "delta grows with D/N", "delta_ptq grows with D"})
    asked.hypotheses.push_back(fit::parse_hypothesis(claim, 0.2, {}));
  const auto study = report::analyse(asked, synthetic::runs(), {});
  REQUIRE(study.decisions.size() == 4);
  CHECK(study.decisions[0].ruling == fit::Ruling::Supported);
  CHECK(study.decisions[0].effect->value == study.fits[0].parameters[5].value);
  CHECK(study.decisions[1].ruling == fit::Ruling::Refuted);
  CHECK(study.decisions[1].runs == study.reference->rows);  // only those that are not rounded
  CHECK_FALSE(study.decisions[3].effect);
  const auto json = report::fits_json(study);
  CHECK(json["hypotheses"][0]["verdict"] == "supported");
  CHECK(json["hypotheses"][3]["why"] == "no run is quantized after training, with its loss before");
  const auto text = report::text_summary(study);
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("+ Hypothesis: gamma in [1.5, 2.5]"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("\nHypotheses\n"));
  CHECK_THAT(report::html_page(study), Catch::Matchers::ContainsSubstring("<h2>Hypotheses</h2>"));
  CHECK_THAT(report::html_page(synthetic::study()), !Catch::Matchers::ContainsSubstring("<h2>Hypotheses</h2>"));
}

TEST_CASE("laws are fitted to the recipe that was asked for, and to the best learning rate of a sweep", "[report]") {
  auto all = synthetic::runs({}, {.sizes = {{2, 16}, {2, 32}, {3, 48}}, .bits = {16, 4}, .sizes_with_two_seeds = 0});
  const std::size_t own = all.size();
  StoredRun other = all[0], worse = all[0], better = all[1];
  other.spec.recipe = "2023-llama";
  other.record.loss_val = 9;
  worse.spec.training.learning_rate *= 2;
  worse.record.loss_val = 9;
  better.spec.training.learning_rate *= 2;
  better.record.loss_val = *better.record.loss_val - 0.01;
  for (StoredRun* run : {&other, &worse, &better}) {
    run->id = run_id(run->spec, synthetic::kCorpusDigest);
    all.push_back(*run);
  }
  auto asked = synthetic::asked(0);
  asked.laws = {"chinchilla"};
  asked.recipe = "2024-wsd";
  const auto study = report::analyse(asked, all, {});
  CHECK(study.data.points.size() == own);
  const auto in_data = [&](const StoredRun& run) {
    return std::any_of(study.data.points.begin(), study.data.points.end(),
                       [&](const auto& point) { return point.run == run.id; });
  };
  CHECK(!in_data(other));
  CHECK(!in_data(worse));
  CHECK(in_data(better));
  CHECK(!in_data(all[1]));
  const std::string page = report::html_page(study);
  CHECK(page.find("Learning rates") != std::string::npos);
  CHECK(page.find("at the end of what was tried") != std::string::npos);
}
