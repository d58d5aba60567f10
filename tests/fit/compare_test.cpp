#include "fit/compare.h"

#include <algorithm>

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

Comparison compared(const std::vector<double>& bits) {
  FitOptions options;
  options.bootstrap = 0;
  options.starts = 12;
  return compare(synthetic::runs(synthetic::kumar_tied(), bits, 0.002, 4), options);
}

const FitSummary* fit_of(const Comparison& comparison, std::string_view law) {
  const auto found =
      std::find_if(comparison.fits.begin(), comparison.fits.end(), [&](const auto& fit) { return fit.law == law; });
  return found == comparison.fits.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("the law that made the runs predicts those held out better than most, and the yardstick is among them",
          "[fit]") {
  const Comparison all = compared({3, 4, 5, 6, 8, 16});
  const auto order = ranking(all.fits);
  const auto place =
      std::find_if(order.begin(), order.end(), [&](std::size_t k) { return all.fits[k].law == "kumar_tied"; });
  REQUIRE(place != order.end());
  CHECK(place - order.begin() <= 2);
  REQUIRE(fit_of(all, "free_eff"));
  CHECK(best_of(all.fits) == all.fits[order.front()].law);
}

TEST_CASE("a precision that was not seen is predicted by formulas, never by free_eff", "[fit]") {
  const Comparison all = compared({3, 4, 5, 6, 8, 16});
  const Holdout& formula = fit_of(all, "kumar_tied")->holdouts.at("unseen_precision");
  CHECK(formula.rows == 125);
  CHECK(*formula.rms_log < 0.01);
  const Holdout& free = fit_of(all, "free_eff")->holdouts.at("unseen_precision");
  CHECK(free.rows == 0);
  CHECK(free.outside == 125);
  CHECK_FALSE(free.rms_log);
}

TEST_CASE("laws that the data do not allow are skipped with their reasons", "[fit]") {
  const Comparison all = compared({16});
  CHECK(fit_of(all, "chinchilla"));
  const auto why = [&](std::string_view law) {
    const auto found =
        std::find_if(all.skipped.begin(), all.skipped.end(), [&](const auto& s) { return s.law == law; });
    return found == all.skipped.end() ? std::string() : found->why;
  };
  CHECK_THAT(why("kumar_weights"), Catch::Matchers::ContainsSubstring("no run is rounded"));
  CHECK_THAT(why("kumar_ptq"), Catch::Matchers::ContainsSubstring("quantized after training"));
}
