#include "sweep/progress.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {
sweep::Moment moment() {
  return {.share = 0.25,
          .cohort = "depth 4 width 128, 8 members",
          .step = 120,
          .tokens_per_second = 12345.6,
          .peak_share = 0.5,
          .left_cohort = 61,
          .left = 3700,
          .elapsed = 10};
}
}  // namespace

TEST_CASE("a line of progress is pairs of key and value", "[sweep][fast]") {
  CHECK(sweep::line_of(moment()) ==
        "progress share=0.2500 cohort=\"depth 4 width 128, 8 members\" step=120 tokens_per_second=12346 "
        "peak_share=0.5000 left_cohort_s=61 left_s=3700 elapsed_s=10");
}

TEST_CASE("what is not known is left out of progress", "[sweep][fast]") {
  auto some = moment();
  some.peak_share.reset();
  some.left_cohort.reset();
  some.left.reset();
  CHECK(sweep::line_of(some) ==
        "progress share=0.2500 cohort=\"depth 4 width 128, 8 members\" step=120 tokens_per_second=12346 elapsed_s=10");
  CHECK_THAT(sweep::bar_of(some), !ContainsSubstring("left") && !ContainsSubstring("peak"));
}

TEST_CASE("the bar fills with the share and says what is left of the cohort and of all", "[sweep][fast]") {
  CHECK_THAT(sweep::bar_of(moment()), ContainsSubstring("[======                  ]  25.0 %") &&
                                          ContainsSubstring("50 % of peak") &&
                                          ContainsSubstring("left 1:01 of this cohort, 1:01:40 of all"));
}
