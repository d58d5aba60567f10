// How often the 90 % intervals of densities, and of what follows from them, contain the truth: made-up stores with
// known laws, known densities and noise of realistic size.
#include "density/made_up.h"

#include <atomic>
#include <map>

#include "catch.h"

using namespace vernier;

namespace {

constexpr int kSets = 60;
constexpr std::int64_t kReplicates = 100;
constexpr double kSlope = 0.0025;  ///< of ln rho per day; steps between dates are wide beside the noise, as records
                                   ///< rise by construction and would be too steep
const std::map<int, double> kFormats{{3, 0.45}, {4, 0.8}};

double density_on(const std::string& date) {
  return std::exp(kSlope * (density::days_of(date) - density::days_of("2024-04-09")));
}

/// The family, five dated recipes with one run each, and two formats in every second cell.
std::vector<StoredRun> made_store(const made_up::Truth& truth, const Stream& noise) {
  auto runs = made_up::family(truth, noise);
  for (const auto& [recipe, date] : std::map<std::string, std::string>{{"2017-vaswani", "2022-06-12"},
                                                                       {"2019-gpt2", "2023-02-14"},
                                                                       {"2020-gpt3", "2023-08-28"},
                                                                       {"2025-muon", "2024-12-24"},
                                                                       {"2026-later", "2025-06-24"}})
    runs.push_back(
        made_up::run_of(truth, made_up::spec_of(recipe, 96, 1 << 24), date, density_on(date), noise.child(recipe)));
  for (const auto& [bits, density] : kFormats)
    for (const auto width : {48, 96, 160})
      for (const auto tokens : made_up::kTokens)
        runs.push_back(made_up::run_of(truth,
                                       made_up::spec_of("2024-wsd", width, tokens, fmt::format("int{}/channel", bits)),
                                       "2024-04-09", density, noise.child(std::uint64_t(bits))));
  return runs;
}

struct Tally {
  int inside = 0, all = 0, open = 0;
  /// An open end contains everything to its side.
  void add(double truth, const std::optional<double>& lo, const std::optional<double>& hi) {
    ++all;
    open += !lo || !hi;
    inside += (!lo || *lo <= truth) && (!hi || truth <= *hi);
  }
  double share() const { return double(inside) / double(all); }
};

}  // namespace

TEST_CASE(
    "intervals of density, per bit, of the densing law and its doubling time hold the truth as often as they claim",
    "[density][slow]") {
  const made_up::Truth truth;
  std::map<std::string, Tally> tallies;
  for (int set = 0; set < kSets; ++set) {
    const auto runs = made_store(truth, Stream(2000 + std::uint64_t(set)));
    density::Request asked;
    asked.bootstrap = kReplicates;
    asked.law = "kumar_weights";
    asked.form = density::Form::WithE;
    const auto analysis = density::analyse(runs, {}, asked);
    for (const auto& model : analysis.models) {
      if (model.fitted) continue;
      const double rho = model.precision != "baseline" ? kFormats.at(int(*model.bits)) : density_on(model.recipe_date);
      tallies["density of a run"].add(rho, model.lo, model.hi);
    }
    for (const auto& meeting : analysis.meetings.formats) {
      const double per_bit = 16 / *meeting.bits;
      const auto scaled = [&](const auto& end) { return end ? std::optional(*end * per_bit) : std::nullopt; };
      tallies["density per bit of a format"].add(kFormats.at(int(*meeting.bits)) * per_bit, scaled(meeting.density->lo),
                                                 scaled(meeting.density->hi));
    }
    const auto& law =
        analysis.typical_law;  // one run each but for the reference, whose largest of 24 is no typical one
    REQUIRE(law.slope_per_day.has_value());
    tallies["slope of the densing law"].add(kSlope, law.lo, law.hi);
    tallies["slope over all dates"].add(kSlope, law.all_dates->lo, law.all_dates->hi);
    tallies["doubling time"].add(std::log(2.0) / kSlope, law.doubling_lo, law.doubling_hi);
  }
  for (const auto& [what, tally] : tallies) {
    INFO(fmt::format("{}: {} of {} hold the truth, {} are open to a side", what, tally.inside, tally.all, tally.open));
    fmt::print("{}: {} of {} ({:.1f} %), {} open to a side\n", what, tally.inside, tally.all, 100 * tally.share(),
               tally.open);
    CHECK(tally.share() >= 0.82);
    CHECK(tally.share() <= 0.98);
  }
}
