#include "record/archive.h"

#include <limits>

#include "catch.h"
#include "record/run_record.h"
#include "record/run_spec.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Inner {
  std::int64_t count = 3;
  std::optional<double> rate;
  template <class Archive>
  void fields(Archive& a) {
    a("count", count);
    a.optional("rate", rate);
  }
};

struct Outer {
  std::string name = "none";
  bool flag = false;
  double value = 0.5;
  std::vector<Inner> list;
  std::vector<std::int64_t> numbers{7};
  template <class Archive>
  void fields(Archive& a) {
    a("name", name);
    a.optional("flag", flag);
    a.optional("value", value);
    a.optional("list", list);
    a.optional("numbers", numbers);
  }
};

Problems problems_of(const std::string& text, Outer& value) {
  Problems problems;
  read_fields(parse_yaml(text, "f.yaml"), "f.yaml", value, problems);
  return problems;
}

Problems problems_of(const std::string& text) {
  Outer value;
  return problems_of(text, value);
}

}  // namespace

TEST_CASE("what a file gives is read, and what it may leave out keeps its value", "[record][fast]") {
  Outer value;
  CHECK(problems_of("name: x\nflag: true\nlist:\n  - {count: 5, rate: 1e-3}\n  - {count: 6}\n", value).empty());
  CHECK(value.name == "x");
  CHECK(value.flag);
  CHECK(value.value == 0.5);
  REQUIRE(value.list.size() == 2);
  CHECK(value.list[0].rate == 1e-3);
  CHECK_FALSE(value.list[1].rate);
  CHECK(value.numbers == std::vector<std::int64_t>{7});
}

TEST_CASE("each kind of problem is told with file, line, key, what was found and what was expected", "[record][fast]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"name: x\nnmae: y", "f.yaml:2: nmae: unknown key; expected one of name, flag, value, list, numbers"},
      {"flag: true", "f.yaml:1: name: missing; expected this key"},
      {"name: x\nflag: true\nflag: false", "f.yaml:3: flag: duplicate key; expected it once"},
      {"name: x\nflag: yes", "f.yaml:2: flag: expected true or false, got 'yes'"},
      {"name: x\nvalue: much", "f.yaml:2: value: expected a finite number, got 'much'"},
      {"name: x\nvalue: .inf", "f.yaml:2: value: expected a finite number, got '.inf'"},
      {"name: x\nvalue: 1.5x", "f.yaml:2: value: expected a finite number, got '1.5x'"},
      {"name: x\nvalue:", "f.yaml:2: value: expected a finite number, got nothing"},
      {"name: x\nvalue: [1]", "f.yaml:2: value: expected a finite number, got a list"},
      {"name: x\nlist: {count: 1}", "f.yaml:2: list: expected a list, got a map"},
      {"name: x\nlist: [5]", "f.yaml:2: list[0]: expected a map of keys, got '5'"},
      {"name: x\nlist:\n  - {count: 1}\n  - {rate: 1}", "f.yaml:4: list[1].count: missing; expected this key"},
      {"name: x\nnumbers: [1, 2.5]", "f.yaml:2: numbers[1]: expected a whole number, got '2.5'"},
      {"name: x\nnumbers: [9223372036854775808]",
       "f.yaml:2: numbers[0]: expected a whole number, got '9223372036854775808'"},
      {"name: {}", "f.yaml:1: name: expected a word, got a map"},
  }));
  INFO(text);
  CHECK(problems_of(text) == Problems{expected});
}

TEST_CASE("all problems of a file come at once", "[record][fast]") {
  const Problems problems = problems_of("flag: maybe\nvalue: x\nlist: [{count: a, extra: 1}]\nnumbers: 3\n");
  CHECK(problems.size() == 6);  // name, flag, value, count, extra, numbers
}

TEST_CASE("a document that is no map of keys is one problem, and text that is no YAML an Error with its line",
          "[record][fast]") {
  CHECK(problems_of("just words") == Problems{"f.yaml:1: document: expected a map of keys, got 'just words'"});
  CHECK(problems_of("").size() == 1);
  CHECK_THROWS_WITH(parse_yaml("a: 1\nb: [1, 2\n", "f.yaml"),
                    ContainsSubstring("f.yaml:") && ContainsSubstring("not YAML"));
}

TEST_CASE("whole numbers may be written as 1e6, and stay whole", "[record][fast]") {
  Outer value;
  CHECK(problems_of("name: x\nnumbers: [1e6, -4, 9223372036854775807]", value).empty());
  CHECK(value.numbers == std::vector<std::int64_t>{1000000, -4, std::numeric_limits<std::int64_t>::max()});
}

TEST_CASE("what was written as YAML or JSON reads back the same, to the last bit of a double", "[record][fast]") {
  Outer value;
  value.name = "a: [b] #c 'd' \"e\"";
  value.value = 0.1 + 0.2;
  value.list = {{.count = -1, .rate = 1e-300}, {.count = 2, .rate = {}}};
  for (const auto& text : {yaml_text(to_json(value)), to_json(value).dump(2)}) {
    const auto again = value_from_text<Outer>(text, "f.yaml");
    CHECK(again.name == value.name);
    CHECK(again.value == value.value);
    REQUIRE(again.list.size() == 2);
    CHECK(again.list[0].rate == 1e-300);
    CHECK_FALSE(again.list[1].rate);
    CHECK(to_json(again) == to_json(value));
  }
}

TEST_CASE("a text that looks like a number or a truth reads back as the text that it was", "[record][fast]") {
  for (const std::string name : {"1e5", "true", "null", "~", "- x", "0x10", "a\nb", "x: y"}) {
    Outer value;
    value.name = name;
    CHECK(value_from_text<Outer>(yaml_text(to_json(value)), "f.yaml").name == name);
  }
}

TEST_CASE("every field of a run's spec and record survives writing and reading", "[record][fast]") {
  RunSpec spec;
  spec.corpus.kind = "text";
  spec.corpus.text = {.path = "a/b.txt", .validation_share = 0.1};
  spec.recipe = "2024-wsd";
  spec.shape = {.depth = 2, .width = 32, .heads = 1, .context = 64, .vocab = 256};
  spec.numbers.weights = "e2m1/block32:e8m0";
  spec.numbers.head = "int8/channel";
  spec.training = {.batch = 8,
                   .learning_rate = 0.004,
                   .warmup_tokens = 512,
                   .cooldown = 0.2,
                   .beta1 = 0.9,
                   .beta2 = 0.95,
                   .epsilon = 1e-8,
                   .weight_decay = 0.1,
                   .clip = 1};
  spec.tokens = 1 << 20;
  spec.validation_tokens = 4096;
  spec.seed = 3;
  spec.exact = true;
  const auto again = value_from_text<RunSpec>(yaml_text(to_json(spec)), "spec.yaml");
  CHECK(to_json(again) == to_json(spec));
  CHECK(run_id(again, "d") == run_id(spec, "d"));

  RunRecord record;
  record.status = "done";
  record.experiment = "quick";
  record.corpus_digest = "0123";
  record.recipe_date = "2024-04-09";
  record.loss_val = 2.7182818284590452;
  record.parameters = {.embedding = 1, .attention = 2, .mlp = 3, .norm = 4, .head = 5};
  record.carrier = "bf16";
  record.device = "cpu";
  record.host = "here";
  record.version = "0.1.0";
  const auto record_again = value_from_text<RunRecord>(to_json(record).dump(2), "record.json");
  CHECK(to_json(record_again) == to_json(record));
  CHECK_FALSE(to_json(record).contains("loss_train"));  // a missing value is absent
}
