#include "density/meeting.h"

#include <cmath>

#include "made_up.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr double kGamma = 2;

double share(int bits) { return 1 - std::exp(-bits / kGamma); }

/// A family with weights in several integers, worth share(bits) (D/2^23)^-bend of their parameters.
std::vector<StoredRun> rounded_store(const made_up::Truth& truth, double bend = 0, double off = 1) {
  auto runs = made_up::family(truth, Stream(1));
  for (const int bits : {3, 4, 6})
    for (const auto width : made_up::kWidths)
      for (const auto tokens : made_up::kTokens) {
        const double density = off * share(bits) * std::pow(double(tokens) / double(1 << 23), -bend);
        runs.push_back(made_up::run_of(truth,
                                       made_up::spec_of("2024-wsd", width, tokens, fmt::format("int{}/channel", bits)),
                                       "2024-04-09", density, Stream(2)));
        const double n = runs.back().record.parameters.non_embedding() * share(bits);
        runs.back().record.loss_val =
            1.2 + truth.task_loss(n, double(tokens));  // by the precision law, whatever scores say
      }
  return runs;
}

density::Analysis analysed(const std::vector<StoredRun>& runs, std::int64_t bootstrap) {
  auto asked = made_up::request(bootstrap);
  asked.law = "kumar_weights";
  return density::analyse(runs, {}, asked);
}

}  // namespace

TEST_CASE("where both laws say the same, they meet in every precision and overall", "[density][fast]") {
  made_up::Truth truth;
  truth.items = 1e5, truth.loss_error = 0.002, truth.run_noise = 0.0005;
  const auto analysis = analysed(rounded_store(truth), 60);
  const auto& meetings = analysis.meetings;
  REQUIRE(meetings.formats.size() == 3);
  for (const auto& meeting : meetings.formats) {
    const double f = share(int(*meeting.bits));
    CHECK(meeting.runs == 24);
    CHECK_THAT(meeting.share.value().value, WithinRel(f, 0.02));
    CHECK_THAT(meeting.density.value().value, WithinRel(f, 0.1));
    CHECK(meeting.density->lo.value() <= meeting.density->value);
    CHECK(meeting.density->hi.value() >= meeting.density->value);
    CHECK(meeting.ratio->lo.value() < 1.05);
    CHECK(meeting.ratio->hi.value() > 0.95);
    CHECK(meeting.equal.ruling == fit::Ruling::Supported);
    CHECK_THAT(meeting.equal.sentence, ContainsSubstring("supported"));
    CHECK(meeting.slope->lo.value() < 0.02);
    CHECK(meeting.slope->hi.value() > -0.02);
    CHECK(meeting.groups.size() == 3);
  }
  REQUIRE(meetings.overall.has_value());
  CHECK(meetings.overall->ruling == fit::Ruling::Supported);
  REQUIRE(meetings.control.has_value());
  CHECK_THAT(meetings.control->share.value().value, WithinAbs(1, 1e-12));
  CHECK_THAT(meetings.control->density.value().value, WithinRel(1.0, 0.1));
}

TEST_CASE("where densities lie well below the law's share, equality is refuted", "[density][fast]") {
  made_up::Truth truth;
  truth.items = 1e5, truth.loss_error = 0.002, truth.run_noise = 0.0005;
  const auto analysis = analysed(rounded_store(truth, 0, 0.6), 200);
  for (const auto& meeting : analysis.meetings.formats) {
    CHECK(meeting.equal.ruling == fit::Ruling::Refuted);
    CHECK_THAT(meeting.ratio.value().value, WithinRel(0.6, 0.1));
    for (const auto& group : meeting.groups) CHECK(group.parts == "less dense");
  }
  CHECK(analysis.meetings.overall->ruling == fit::Ruling::Refuted);
}

TEST_CASE("a density that falls with the amount of data is seen as its slope", "[density][fast]") {
  made_up::Truth truth;
  truth.items = 1e5, truth.loss_error = 0.002, truth.run_noise = 0.0005;
  const auto analysis = analysed(rounded_store(truth, 0.1), 60);
  for (const auto& meeting : analysis.meetings.formats) {
    CHECK(meeting.slope->lo.value() < -0.1);
    CHECK(meeting.slope->hi.value() > -0.1);
    CHECK_THAT(meeting.slope->value, WithinAbs(-0.1, 0.03));
    CHECK(meeting.slope_verdict == "falls");
  }
  CHECK(analysis.meetings.control->slope_verdict != "falls");
}

TEST_CASE("runs beyond the reference are counted, and half of them leave no median", "[density][fast]") {
  density::ModelDensity inside, beyond;
  inside.density = 0.5, inside.bits = beyond.bits = 4;
  beyond.beyond = 1;
  law::RunPoint point;
  point.params = 1e6, point.tokens = 1e8, point.precision = "int4";
  point.weights = {.rounded = true, .bits = 4, .number = "int4"};
  fit::FitSummary law;
  law.law = "kumar_weights";
  law.symbols = {"E", "A", "B", "alpha", "beta", "gamma_w", "n_w"};
  for (const double value : {1.8, 40.0, 300.0, 0.3, 0.35, 2.0, 0.0}) law.parameters.push_back({value, {}, {}, {}, {}});
  const std::vector<double> none;
  const std::vector<density::Met> two_of_three{{inside, none, point}, {inside, none, point}, {beyond, none, point}};
  const auto most = density::meetings_of(two_of_three, law, Stream(1));
  CHECK_THAT(most.formats[0].density.value().value, WithinRel(0.5, 1e-12));
  CHECK(most.formats[0].beyond == 1);
  CHECK_THAT(most.formats[0].equal.why, ContainsSubstring("open to a side"));
  const auto half = density::meetings_of({{inside, none, point}, {beyond, none, point}}, law, Stream(1));
  CHECK_FALSE(half.formats[0].density.has_value());
  CHECK_THAT(half.formats[0].equal.why, ContainsSubstring("half of the runs"));
  CHECK_FALSE(half.overall.has_value());
}
