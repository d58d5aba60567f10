#include "base/error.h"
#include "catch.h"
#include "report/report.h"

using namespace vernier;

TEST_CASE("what an experiment asks of its fits reaches them", "[report]") {
  plan::Experiment experiment;
  experiment.name = "quick";
  experiment.question = "why?";
  experiment.fit = {{"kumar_tied"}, 250, 12, 9, 2e-3, "none", {"alpha=beta"}, {"n=0.5"}};
  experiment.hypotheses = {{"gamma > 2", {}, 0.1}};
  const auto asked = report::asked_by(experiment);
  CHECK(asked.experiment == "quick");
  CHECK(asked.laws == std::vector<std::string>{"kumar_tied"});
  CHECK(asked.options.bootstrap == 250);
  CHECK(asked.options.starts == 12);
  CHECK(asked.options.seed == 9);
  CHECK(asked.options.huber_delta == 2e-3);
  CHECK(asked.options.holdout == "");
  CHECK(asked.options.ties == std::vector<std::pair<std::string, std::string>>{{"alpha", "beta"}});
  CHECK(asked.options.fix == std::map<std::string, double>{{"n", 0.5}});
  CHECK(asked.planned.empty());
  REQUIRE(asked.hypotheses.size() == 1);
  CHECK((asked.hypotheses[0].law == "kumar_tied" && asked.hypotheses[0].margin == 0.1));
}

TEST_CASE("a tie or a fixed value that cannot be read is refused with its key", "[report]") {
  plan::Experiment experiment;
  for (const auto* wrong : {"n", "n=", "=3", "n=three"}) {
    INFO(wrong);
    experiment.fit.fix = {wrong};
    CHECK_THROWS_AS(report::asked_by(experiment), Error);
  }
}
