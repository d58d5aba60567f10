#include "plan/post_training.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::plan;

namespace {

RunRecord record_of(const std::string& status) {
  RunRecord record;
  record.status = status;
  return record;
}

const PostTrainingAsked kAsked{{"rtn", "gptq"}, {"int4", "int3/channel"}, 8};

}  // namespace

TEST_CASE("a run lacks every asked combination that it has no row for", "[plan][fast]") {
  const auto all = post_training_missing(kAsked, record_of("done"), {});
  REQUIRE(all.size() == 4);
  CHECK((all[0].method == "rtn" && all[0].weights == "int4"));
  CHECK((all[1].method == "gptq" && all[1].weights == "int4"));
  const std::vector<PostTrained> present{{"rtn", "int4/tensor", 2.0, 0.1}, {"gptq", "int3/channel", {}, {}}};
  const auto rest = post_training_missing(kAsked, record_of("done"), present);
  REQUIRE(rest.size() == 2);
  CHECK((rest[0].method == "gptq" && rest[0].weights == "int4"));
  CHECK((rest[1].method == "rtn" && rest[1].weights == "int3/channel"));
}

TEST_CASE("a diverged run lacks nothing, nor does any where nothing is asked", "[plan][fast]") {
  CHECK(post_training_missing(kAsked, record_of("diverged"), {}).empty());
  CHECK(post_training_missing({}, record_of("done"), {}).empty());
}
