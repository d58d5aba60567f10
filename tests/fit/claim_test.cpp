#include "fit/claim.h"

#include "fit/fit.h"
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;
using Kind = Claim::Kind;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Hypothesis of(const std::string& text, const std::string& law = "", const std::vector<std::string>& laws = law_names(),
              double margin = 0.2) {
  return hypothesis_of(parse_claim(text), law, margin, laws);
}

}  // namespace

TEST_CASE("every kind of claim is read, however it is spaced", "[fit][fast]") {
  const Claim tie = parse_claim("  gamma_w==gamma_a ");
  CHECK((tie.kind == Kind::Equality && tie.left == "gamma_w" && tie.right == "gamma_a"));
  CHECK(tie.text == "gamma_w==gamma_a");
  const Claim fix = parse_claim("n_w == -0.5");
  CHECK((fix.kind == Kind::Equality && fix.right.empty() && fix.lo == -0.5 && fix.hi == -0.5));
  const Claim shared = parse_claim("E does not depend on P");
  CHECK((shared.kind == Kind::Independence && shared.left == "E"));
  const Claim above = parse_claim("alpha > 0.3");
  CHECK((above.kind == Kind::Interval && above.lo == 0.3 && above.hi == kInfinity));
  const Claim below = parse_claim("P* < 8");
  CHECK((below.kind == Kind::Interval && below.left == kBestBits && below.lo == -kInfinity && below.hi == 8));
  const Claim within = parse_claim("alpha in [0.3, 5e-1]");
  CHECK((within.kind == Kind::Interval && within.lo == 0.3 && within.hi == 0.5));
  const Claim grows = parse_claim("delta_ptq grows with D/N"), falls = parse_claim("loss falls with N");
  CHECK((grows.kind == Kind::Trend && grows.left == "delta_ptq" && grows.right == "D/N" && grows.grows));
  CHECK((falls.kind == Kind::Trend && falls.left == "loss" && falls.right == "N" && !falls.grows));
}

TEST_CASE("a long name of a format is a parameter too", "[fit][fast]") {
  const Claim claim = parse_claim("eff_int4/channel int8/tensor fp32 > 0.5");
  CHECK(claim.left == "eff_int4/channel int8/tensor fp32");
  CHECK(hypothesis_of(claim, "", 0.2, law_names()).law == "free_eff");
}

TEST_CASE("what is no claim is refused with examples of what is", "[fit][fast]") {
  for (const char* text :
       {"", "gamma_w", "alpha = 3", "alpha > beta", "== 3", "3 == alpha", "alpha == ", "alpha in [1", "alpha in [a, b]",
        "P* == 8", "delta_ptq rises with D", "alpha > nan", "0.2 < alpha < 0.4"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_claim(text), ContainsSubstring("expected a claim such as"));
  }
  CHECK_THROWS_WITH(parse_claim("alpha in [2, 1]"), ContainsSubstring("expected the smaller bound first"));
  CHECK_THROWS_WITH(parse_claim("E does not depend on N"), ContainsSubstring("got 'N'"));
  CHECK_THROWS_WITH(parse_claim("gain grows with D"),
                    ContainsSubstring("expected a trend of one of loss, delta, delta_ptq"));
  CHECK_THROWS_WITH(parse_claim("loss grows with C"), ContainsSubstring("expected a trend with one of D/N, D, N, P"));
}

TEST_CASE("a claim finds the only law that has its symbols, and asks where several do", "[fit][fast]") {
  CHECK(of("gamma_w == gamma_a", "", {"chinchilla", "kumar_weights", "kumar_joint"}).law == "kumar_joint");
  CHECK(of("P* < 8", "", {"chinchilla", "kumar_tied"}).law == "kumar_tied");
  CHECK(of("loss grows with D").law.empty());
  CHECK(of("E does not depend on P", "", {"chinchilla"}).law == "free_eff");
  CHECK(of("A does not depend on P", "", {"free_eff"}).law == "chinchilla");
  CHECK_THROWS_WITH(of("alpha > 0.3", "", {"chinchilla", "kumar_tied"}),
                    ContainsSubstring("several laws have alpha; name one of chinchilla, kumar_tied"));
  CHECK_THROWS_WITH(of("gamma_a > 2", "", {"chinchilla", "kumar_tied"}),
                    ContainsSubstring("none of the laws chinchilla, kumar_tied has gamma_a"));
  CHECK(parse_hypothesis("kumar_tied: alpha > 0.3", 0.1, {}).law == "kumar_tied");
}

TEST_CASE("a law must have what is claimed of it, in comparable units", "[fit][fast]") {
  CHECK_THROWS_WITH(of("zeta > 1", "chinchilla"),
                    ContainsSubstring("no parameter 'zeta'; it has E, A, B, alpha, beta"));
  CHECK_THROWS_WITH(of("gamma_w == alpha", "kumar_joint"), ContainsSubstring("expected parameters of one unit"));
  CHECK_THROWS_WITH(of("a == b", "gadre"), ContainsSubstring("enters the loss linearly"));
  CHECK_THROWS_WITH(of("alpha == alpha", "chinchilla"), ContainsSubstring("two different parameters"));
  CHECK_THROWS_WITH(of("alpha == 7", "chinchilla"), ContainsSubstring("from 0.01 to 2.5, got 7"));
  CHECK_THROWS_WITH(of("gamma does not depend on P", "kumar_tied"), ContainsSubstring("a parameter that all runs"));
  CHECK_THROWS_WITH(of("P* < 8", "chinchilla"), ContainsSubstring("has no N_eff/N in bits"));
  CHECK_THROWS_WITH(of("loss grows with D", "chinchilla"), ContainsSubstring("has no law"));
  CHECK_THROWS_WITH(of("alpha > 1", "kepler"), ContainsSubstring("no law is called 'kepler'"));
  CHECK_THROWS_WITH(of("alpha > 1", "chinchilla", {}, -1), ContainsSubstring("margin: expected a positive"));
}

TEST_CASE("runs that cannot speak of a claim are said to lack what it needs", "[fit][fast]") {
  const auto plain = synthetic::runs(synthetic::chinchilla(), {16}, 0, 1),
             rounded = synthetic::runs(synthetic::kumar_tied(), {4, 16}, 0, 1);
  CHECK(lacking(of("alpha == beta", "chinchilla"), plain).empty());
  CHECK(lacking(of("gamma == 2", "kumar_tied"), rounded).empty());
  CHECK_THAT(lacking(of("gamma == 2", "kumar_tied"), plain), ContainsSubstring("say nothing about gamma"));
  CHECK_THAT(lacking(of("E does not depend on P"), plain), ContainsSubstring("one precision"));
  CHECK_THAT(lacking(of("P* < 8", "kumar_tied"), plain), ContainsSubstring("no run is rounded"));
  CHECK_THAT(lacking(of("gD > 0.1", "kumar_ptq"), rounded), ContainsSubstring("no run is quantized after training"));
  CHECK_THAT(lacking(of("delta_ptq grows with D"), rounded), ContainsSubstring("no run is quantized after training"));
  CHECK_THAT(lacking(of("delta grows with D"), plain), ContainsSubstring("no rounded run has an unrounded one"));
  CHECK_THAT(lacking(of("loss falls with P"), plain), ContainsSubstring("no run is rounded to the same bits"));
}
