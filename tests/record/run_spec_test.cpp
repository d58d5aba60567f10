#include "record/run_spec.h"

#include <functional>
#include <set>

#include "catch.h"

using namespace vernier;

namespace {
RunSpec example() {
  RunSpec spec;
  spec.recipe = "2024-wsd";
  spec.shape = {.depth = 2, .width = 32, .heads = 1, .context = 64, .vocab = 64};
  spec.training = {.batch = 8, .learning_rate = 0.004};
  spec.tokens = 4096;
  return spec;
}
}  // namespace

TEST_CASE("a run is named by 16 hexadecimal digits, always the same", "[record][fast]") {
  const std::string id = run_id(example(), "corpus");
  CHECK(id.size() == 16);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(id == run_id(example(), "corpus"));
}

TEST_CASE("whatever changes a result changes a run's name", "[record][fast]") {
  const std::vector<std::function<void(RunSpec&)>> changes{
      [](RunSpec&) {},
      [](RunSpec& s) { s.corpus.oracle.seed = 2; },
      [](RunSpec& s) { s.recipe = "2023-llama"; },
      [](RunSpec& s) { s.shape.depth = 3; },
      [](RunSpec& s) { s.shape.heads = 2; },
      [](RunSpec& s) { s.numbers.weights = "int4/channel"; },
      [](RunSpec& s) { s.numbers.kv = "int4/channel"; },
      [](RunSpec& s) { s.training.learning_rate = 0.005; },
      [](RunSpec& s) { s.training.cooldown = 0.1; },
      [](RunSpec& s) { s.training.optimizer = "muon"; },
      [](RunSpec& s) { s.training.momentum = 0.9; },
      [](RunSpec& s) { s.training.adjust_lr = "original"; },
      [](RunSpec& s) { s.training.schedule = "cosine"; },
      [](RunSpec& s) { s.training.final_rate = 0; },
      [](RunSpec& s) { s.tokens = 8192; },
      [](RunSpec& s) { s.validation_tokens = 64; },
      [](RunSpec& s) { s.seed = 1; },
      [](RunSpec& s) { s.exact = true; },
  };
  std::set<std::string> names;
  for (const auto& change : changes) {
    RunSpec spec = example();
    change(spec);
    names.insert(run_id(spec, "corpus"));
  }
  names.insert(run_id(example(), "another corpus"));
  CHECK(names.size() == changes.size() + 1);
}

TEST_CASE("where a text lies does not change a run's name, what it says does", "[record][fast]") {
  RunSpec here = example(), there = example();
  here.corpus = there.corpus = {.kind = "text", .oracle = {}, .text = {.path = "here.txt"}};
  there.corpus.text.path = "there.txt";
  CHECK(run_id(here, "same") == run_id(there, "same"));
  CHECK(run_id(here, "same") != run_id(there, "other"));
}
