#include "plan/overrides.h"

#include "catch.h"
#include "plan/example.h"
#include "record/archive.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("an override by --set replaces one value, in maps and in lists, with either spelling of an index", "[plan][fast]") {
  CHECK(read(kSmall, {"training.batch=8"}).training.batch == 8);
  CHECK(read(kSmall, {"grid.tokens.1=38400"}).grid.tokens == std::vector<std::int64_t>{12800, 38400, 128000});
  CHECK(read(kSmall, {"grid.tokens[1]=38400"}).grid.tokens[1] == 38400);
  CHECK(read(kSmall, {"grid.sizes[0].width=64"}).grid.sizes[0].width == 64);
  CHECK(read(kSmall, {"grid.tokens=[25600]", "grid.tokens[0]=12800"}).grid.tokens == std::vector<std::int64_t>{12800});
  CHECK(read(kSmall, {"grid.seeds[1]=2"}).grid.seeds == std::vector<std::int64_t>{1, 2});
  CHECK(read(kSmall, {"grid.numbers=[{weights: bf16}]"}).grid.numbers[0].weights == "bf16");
}

TEST_CASE("an override by --set adds a key that the file leaves out, and is remembered", "[plan][fast]") {
  const Experiment experiment = read(kSmall, {"fit.bootstrap=10"});
  CHECK(experiment.fit.bootstrap == 10);
  CHECK(experiment.set == std::vector<std::string>{"fit.bootstrap=10"});
}

TEST_CASE("what --set gets wrong is refused without a line of the file", "[plan][fast]") {
  CHECK(complaints(kSmall, {"training.batch=many"}) ==
        "experiment.yaml: training.batch: expected a whole number, got 'many'");
  CHECK_THAT(complaints(kSmall, {"traning.batch=8"}), ContainsSubstring("traning: unknown key"));
  CHECK_THAT(complaints(kSmall, {"grid.tokens[7]=8"}),
             ContainsSubstring("--set grid.tokens[7]=8: expected an index up to 3"));
  CHECK_THAT(complaints(kSmall, {"name.first=x"}), ContainsSubstring("expected a map or a list to hold 'first'"));
  CHECK_THAT(complaints(kSmall, {"batch"}), ContainsSubstring("--set batch: expected key.path=value"));
  CHECK_THAT(complaints(kSmall, {"=3", "grid.tokens=[1"}),
             ContainsSubstring("--set =3") && ContainsSubstring("not YAML"));
}

TEST_CASE("lines of the rest of the file stay right under --set, and duplicates stay refused", "[plan][fast]") {
  const std::string said =
      complaints(with("batch: 4", "batch: 4, batch: 5", with("seeds: [1]\n", "seeds: [-1]\n")), {"training.clip=2"});
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:6: training.batch: duplicate key"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:16: grid.seeds[0]: expected a seed of 0 or more, got -1"));
}

TEST_CASE("an override by --set changes one use of an anchor only, and not the document it was given", "[plan][fast]") {
  Problems problems;
  const YAML::Node before = parse_yaml("{a: &x [1, 2], b: *x}", "f");
  const YAML::Node after = with_override(before, "a[0]=9", problems);
  CHECK(problems.empty());
  CHECK(after["a"][0].as<int>() == 9);
  CHECK(after["b"][0].as<int>() == 1);
  CHECK(before["a"][0].as<int>() == 1);
}
