#include "fit/student.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::WithinAbs;

TEST_CASE("the probability of a t is that of its quantile", "[fit][fast]") {
  for (std::size_t degrees = 1; degrees <= 40; ++degrees)
    CHECK_THAT(fit::student_p(fit::student_95(degrees), degrees), WithinAbs(0.10, 2e-4));  // the expansion has so many digits
  CHECK_THAT(fit::student_p(12.706205, 1), WithinAbs(0.05, 1e-6));
  CHECK_THAT(fit::student_p(-2.570582, 5), WithinAbs(0.05, 1e-6));
  CHECK_THAT(fit::student_p(3.169273, 10), WithinAbs(0.01, 1e-6));
  CHECK(fit::student_p(0, 3) == 1);
}
