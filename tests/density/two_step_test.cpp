#include <cmath>

#include "density/laws.h"
#include "made_up.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using made_up::request;

namespace {

const made_up::Truth kExact{.noisy = false};

std::vector<StoredRun> exact_family() { return made_up::family(kExact, Stream(1)); }

StoredRun rounded(double density, std::int64_t width = 96, std::int64_t tokens = 1 << 24) {
  return made_up::run_of(kExact, made_up::spec_of("2024-wsd", width, tokens, "int4/channel"), "2024-04-09", density,
                         Stream(2));
}

density::ModelDensity with_score(double score, double tokens = 1e7) {
  density::ModelDensity model;
  model.params = 1e5, model.tokens = tokens, model.score = score, model.bits = 16;
  return model;
}

/// The family of LAWS.md, section 7: its law without E, and a score law.
density::Family published() {
  density::Family family;
  family.measure = density::Measure::Score;
  family.best.size = {0, 8, 0.08, 60, 0.2};
  family.best.score = density::ScoreLaw{0.25, 0.7, -3, 2};
  return family;
}

}  // namespace

TEST_CASE("on exact laws both steps give every model's density back, at its own tokens or at others",
          "[density][fast]") {
  auto runs = exact_family();
  const StoredRun half = rounded(0.5);
  runs.push_back(half);
  auto asked = request();
  const auto own = density::analyse(runs, {}, asked);
  CHECK(own.measure == density::Measure::Score);
  CHECK(own.reference.law == "densing_loss");
  REQUIRE(own.score_law.has_value());
  for (const auto& model : own.models)
    CHECK_THAT(model.density.value(), WithinRel(model.run == half.id ? 0.5 : 1.0, 1e-3));
  asked.reference_tokens = 1 << 24;
  for (const auto& model : density::analyse(runs, {}, asked).models) {
    if (*model.tokens == 1 << 24) CHECK_THAT(model.density.value(), WithinRel(model.run == half.id ? 0.5 : 1.0, 1e-3));
    if (*model.tokens < 1 << 24) CHECK(model.density.value_or(0) < 1);
  }
}

TEST_CASE("what is inverted can be chosen: score, conditional loss, loss", "[density][fast]") {
  auto runs = exact_family();
  const StoredRun half = rounded(0.5);
  runs.push_back(half);
  for (const auto& row : density::kMeasures) {
    auto asked = request();
    asked.measure = row.measure;
    const auto analysis = density::analyse(runs, {}, asked);
    CHECK(analysis.measure == row.measure);
    CHECK(analysis.score_law.has_value() == (row.measure == density::Measure::Score));
    CHECK(analysis.reference.law == (row.measure == density::Measure::Loss ? "chinchilla" : "densing_loss"));
    CHECK_THAT(made_up::model_named(analysis, half.id).density.value(), WithinRel(0.5, 1e-3));
  }
}

TEST_CASE("a store without tasks is measured by its loss, and tasks that are not there are refused",
          "[density][fast]") {
  auto runs = exact_family();
  for (auto& run : runs) run.record.task_loss.reset(), run.record.task_accuracy.reset();
  CHECK(density::analyse(runs, {}, request()).measure == density::Measure::Loss);
  auto asked = request();
  asked.measure = density::Measure::TaskLoss;
  CHECK_THROWS_WITH(density::analyse(runs, {}, asked), ContainsSubstring("no unrounded run of 2024-wsd has tasks"));
  auto few = exact_family();
  few.resize(4);  // one width
  CHECK_THROWS_WITH(density::analyse(few, {}, request()),
                    ContainsSubstring("the reference runs do not suffice; task_loss or loss may"));
  asked = request();
  asked.score = 0.5;
  CHECK_THROWS_WITH(density::analyse(runs, {}, asked), ContainsSubstring("--score: expected scores"));
  asked = request();
  asked.form = density::Form::Paper;
  CHECK_THROWS_WITH(density::analyse(runs, {}, asked), ContainsSubstring("--form"));
}

TEST_CASE("the inverse of a score is that of its conditional loss", "[density][fast]") {
  const auto family = published();
  const double loss = 8 * std::pow(1e8, -0.08) + 60 * std::pow(1e10, -0.2);  // 2.432694
  const double score = 0.25 + 0.7 / (1 + std::exp(3 * (loss - 2)));
  CHECK_THAT(density::log_n_hat(family.best, score, 1e10), WithinAbs(std::log(1e8), 1e-9));
  const density::Reference by_loss{family.best.size, {}};
  CHECK_THAT(std::exp(density::log_n_hat(by_loss, 2.0, 1e10)), WithinRel(2.897506e9, 1e-6));  // LAWS.md, section 7
}

TEST_CASE("scores outside the reference's range have no density and say which side they are on", "[density][fast]") {
  const auto family = published();
  const auto density_of = [&](double score) {
    auto model = with_score(score);
    density::set_density(model, family, {}, Stream(1));
    return model;
  };
  const double floor = 60 * std::pow(1e7, -0.2);
  const double at_floor = 0.25 + 0.7 / (1 + std::exp(3 * (floor - 2)));
  const auto chance = density_of(0.25), above = density_of(0.95), beyond = density_of(at_floor + 1e-6);
  CHECK_THAT(chance.why_absent, ContainsSubstring("at or below chance level d = 0.25"));
  CHECK(chance.beyond == -1);
  CHECK_THAT(above.why_absent, ContainsSubstring("at or above the ceiling c + d = 0.95"));
  CHECK(above.beyond == 1);
  CHECK_THAT(beyond.why_absent, ContainsSubstring("beyond what the reference can reach"));
  CHECK(beyond.beyond == 1);
  for (const auto& model : {chance, above, beyond}) CHECK_FALSE(model.n_effective.has_value());
  CHECK(density_of(0.26).density.has_value());
}

TEST_CASE("near chance the interval is open below, near the ceiling above", "[density][fast]") {
  auto family = published();
  family.replicates.assign(200, family.best);
  auto low = with_score(0.26), high = with_score(0.9);
  low.score_se = high.score_se = 0.03;
  density::set_density(low, family, {}, Stream(3));
  density::set_density(high, family, 1e12, Stream(3));
  CHECK(low.density.has_value());
  CHECK_FALSE(low.lo.has_value());
  CHECK(low.hi.has_value());
  CHECK_THAT(low.why_open, ContainsSubstring("at or below chance in"));
  CHECK_FALSE(high.hi.has_value());
  CHECK_THAT(high.why_open, ContainsSubstring("beyond what the reference can reach in"));
}

TEST_CASE("a model's interval is that of its own standard error where the laws are certain", "[density][fast]") {
  auto family = published();
  family.measure = density::Measure::TaskLoss;
  family.best.score.reset();
  family.replicates.assign(4000, family.best);
  density::ModelDensity model;
  model.params = 1e8, model.tokens = 1e10, model.bits = 16;
  model.task_loss = 2.432694, model.task_loss_se = 0.01;
  density::set_density(model, family, {}, Stream(4));
  const auto rho_at = [&](double loss) { return std::exp(density::log_n_hat(family.best, loss, 1e10)) / 1e8; };
  CHECK_THAT(model.lo.value(), WithinRel(rho_at(2.432694 + 1.6449 * 0.01), 0.02));
  CHECK_THAT(model.hi.value(), WithinRel(rho_at(2.432694 - 1.6449 * 0.01), 0.02));
}

TEST_CASE("a trunk's checkpoint counts once, with the run of least D that passed it", "[density][fast]") {
  const auto runs = exact_family();
  const auto data = fit::points_from_runs(runs);
  const auto family = density::reference_runs(runs, data.points, "");
  const auto checkpoints = density::checkpoints_of(family);
  std::map<std::pair<std::string, double>, int> seen;
  std::size_t finished = 0;
  for (const auto& checkpoint : checkpoints) {
    finished += checkpoint.finished;
    if (checkpoint.finished) continue;
    const auto& run = **std::find_if(family.runs.begin(), family.runs.end(),
                                     [&](const auto* one) { return one->id == checkpoint.run; });
    CHECK(++seen[{*run.record.parent, checkpoint.tokens}] == 1);
    for (const auto* other : family.runs)
      if (other->record.parent == run.record.parent && other->spec.tokens < run.spec.tokens)
        CHECK(other->curve.back().tokens < checkpoint.tokens);  // the shorter run had left by then
  }
  CHECK(finished == runs.size());
  const auto rows_of_longest = runs[3].curve.size();
  CHECK(checkpoints.size() == runs.size() + made_up::kWidths.size() * rows_of_longest);
}

TEST_CASE("rows of a branch that cools down differ from the trunk's and count beside them", "[density][fast]") {
  auto runs = exact_family();
  auto cooled = runs[1].curve.back();
  const auto before = density::checkpoints_of(density::reference_runs(runs, fit::points_from_runs(runs).points, ""));
  cooled.cloze->loss *= 0.95;
  runs[1].curve.back() = cooled;  // the same step as a row of the trunk that longer runs repeat
  const auto after = density::checkpoints_of(density::reference_runs(runs, fit::points_from_runs(runs).points, ""));
  CHECK(after.size() == before.size() + 1);
}

TEST_CASE("of a sweep of learning rates the reference takes the best at every N and D", "[density][fast]") {
  auto runs = exact_family();
  auto spec = made_up::spec_of("2024-wsd", 64, 1 << 22);
  spec.training.learning_rate = 0.03;
  auto worse = made_up::run_of(kExact, spec, "2024-04-09", 0.6, Stream(1));
  runs.push_back(worse);
  const auto analysis = density::analyse(runs, {}, request());
  REQUIRE(analysis.left_out.size() == 1);
  CHECK(analysis.left_out[0].run == worse.id);
  CHECK_THAT(analysis.left_out[0].why, ContainsSubstring("0.003 gives a smaller loss than 0.03"));
  CHECK_THAT(made_up::model_named(analysis, worse.id).density.value(), WithinRel(0.6, 1e-3));
  CHECK_FALSE(made_up::model_named(analysis, worse.id).fitted);
}

TEST_CASE("the form of the law of the conditional loss is chosen by runs held out, or as asked", "[density][fast]") {
  const auto used = [](const density::Analysis& analysis) {
    std::string names;
    for (const auto& form : analysis.forms)
      if (form.used) names += form.name;
    return names;
  };
  const auto runs = exact_family();
  auto asked = request();
  CHECK(used(density::analyse(runs, {}, asked)) == "with_e");
  asked.form = density::Form::Paper;
  const auto paper = density::analyse(runs, {}, asked);
  CHECK(used(paper) == "paper");
  CHECK(paper.reference.parameters[0].value == 0);
  REQUIRE(paper.forms.size() == 2);
  for (const auto& form : paper.forms) CHECK(form.fit->holdouts.size() == 3);
  made_up::Truth without{.e = 0, .a = 8, .alpha = 0.12, .b = 60, .beta = 0.3};
  const auto noisy = made_up::family(without, Stream(5));
  CHECK(used(density::analyse(noisy, {}, request())) == "paper");
}

TEST_CASE("both laws of a replicate see the same resample of the reference runs", "[density][fast]") {
  const auto runs = made_up::family({}, Stream(6));
  const auto data = fit::points_from_runs(runs);
  const auto family = density::reference_runs(runs, data.points, "");
  density::LawOptions options;
  options.measure = density::Measure::Score;
  options.bootstrap = 12;
  const auto laws = density::reference_laws(family, options);
  REQUIRE(laws.size.draws.has_value());
  CHECK(laws.size.draws->times.size() == 12);
  CHECK(laws.size.drawn.size() == laws.size.bootstrap.size());
  // A run that counts twice as often pulls the score law as two copies of its finished point and its trunk rows would.
  const auto k = std::size_t(laws.score->drawn.at(3));
  std::vector<law::RunPoint> weighted;
  for (const auto& checkpoint : laws.checkpoints) {
    const auto& names = laws.size.draws->runs;
    const auto at = std::size_t(std::find(names.begin(), names.end(), checkpoint.run) - names.begin());
    law::RunPoint& point = weighted.emplace_back();
    point.run = checkpoint.name;
    point.task_loss = checkpoint.cloze.loss, point.task_accuracy = checkpoint.cloze.accuracy;
    point.weight = laws.size.draws->times[k].at(at);
  }
  fit::FitOptions again;
  again.bootstrap = 0;
  again.huber_delta = laws.score->huber_delta;
  const auto refitted = fit::fit("densing_score", weighted, again).values();
  for (std::size_t p = 0; p < refitted.size(); ++p)
    CHECK_THAT(laws.score->bootstrap[3][p], WithinAbs(refitted[p], 2e-3 * std::max(1.0, std::abs(refitted[p]))));
}
