#include "fit/compare.h"

#include <algorithm>

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

EveryLaw compared(const std::vector<double>& bits) {
  FitOptions options;
  options.bootstrap = 0;
  options.starts = 12;
  return fit_every_law(synthetic::runs(synthetic::kumar_tied(), bits, 0.002, 4), options);
}

const FitSummary* fit_of(const EveryLaw& every, std::string_view law) {
  const auto found =
      std::find_if(every.fits.begin(), every.fits.end(), [&](const auto& fit) { return fit.law == law; });
  return found == every.fits.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("the law that made the runs predicts those held out nearly as well as the best, and the yardstick is there",
          "[fit]") {
  const EveryLaw all = compared({3, 4, 5, 6, 8, 16});
  const auto order = ranking(all.fits);
  const FitSummary &maker = *fit_of(all, "kumar_tied"), &best = all.fits[order.front()],
                   &worst = all.fits[order.back()];
  CHECK(*maker.holdout->rms_log < 1.2 * *best.holdout->rms_log);
  CHECK(*worst.holdout->rms_log > 2 * *best.holdout->rms_log);  // a law without precision
  CHECK(best_of(all.fits) == best.law);
  REQUIRE(fit_of(all, "free_eff"));
}

TEST_CASE("a precision that was not seen is predicted by formulas, never by free_eff", "[fit]") {
  const EveryLaw all = compared({3, 4, 5, 6, 8, 16});
  const Holdout& formula = fit_of(all, "kumar_tied")->holdouts.at("unseen_precision");
  CHECK(formula.rows == 125);
  CHECK(*formula.rms_log < 0.01);
  const Holdout& free = fit_of(all, "free_eff")->holdouts.at("unseen_precision");
  CHECK(free.rows == 0);
  CHECK(free.outside == 125);
  CHECK_FALSE(free.rms_log);
}

TEST_CASE("laws that the data do not allow are skipped with their reasons", "[fit]") {
  const EveryLaw all = compared({16});
  CHECK(fit_of(all, "chinchilla"));
  const auto why = [&](std::string_view law) {
    const auto found =
        std::find_if(all.skipped.begin(), all.skipped.end(), [&](const auto& s) { return s.law == law; });
    return found == all.skipped.end() ? std::string() : found->why;
  };
  CHECK_THAT(why("kumar_weights"), Catch::Matchers::ContainsSubstring("no run is rounded"));
  CHECK_THAT(why("kumar_ptq"), Catch::Matchers::ContainsSubstring("quantized after training"));
}
