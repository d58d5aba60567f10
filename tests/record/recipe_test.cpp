#include "record/recipe.h"

#include <map>

#include "base/digest.h"
#include "record/archive.h"
#include "record/recipe_files.h"
#include "record/training.h"
#include "record/training_choices.h"

#include "catch.h"

using namespace vernier;

TEST_CASE("parameters are counted by role, against a count by hand", "[record][fast]") {
  // depth 2, width 48, vocabulary 100: mlp of 128 = 8/3 of the width
  const ShapeSpec shape{.depth = 2, .width = 48, .heads = 2, .context = 64, .vocab = 100};
  CHECK(mlp_width({}, shape) == 128);
  const CountByRole count = parameters_of({}, shape);
  CHECK(count.embedding == 4800);
  CHECK(count.head == 4800);
  CHECK(count.attention == 2 * (3 * 48 * 48 + 48 * 48));
  CHECK(count.mlp == 2 * (2 * 48 * 128 + 128 * 48));
  CHECK(count.norm == 2 * 2 * 48 + 48);
  CHECK(count.non_embedding() == 18432 + 36864 + 240);
  CHECK(count.total() == count.non_embedding() + 9600);
}

TEST_CASE("parameters of older recipes are counted by role, against a count by hand", "[record][fast]") {
  const ShapeSpec shape{.depth = 2, .width = 48, .heads = 2, .context = 64, .vocab = 100};
  const CountByRole vaswani = parameters_of(architecture_of("2017-vaswani"), shape);
  CHECK(vaswani.embedding == 4800);
  CHECK(vaswani.head == 0);  // tied
  CHECK(vaswani.attention == 2 * (3 * 48 * 48 + 48 * 48));
  CHECK(vaswani.mlp == 2 * (48 * 192 + 192 + 192 * 48 + 48));
  CHECK(vaswani.norm == 2 * 2 * (48 + 48));  // none after the last block
  for (const char* name : {"2019-gpt2", "2020-gpt3"}) {
    const CountByRole gpt = parameters_of(architecture_of(name), shape);
    CHECK(gpt.embedding == 4800 + 64 * 48);  // positions
    CHECK(gpt.head == 0);
    CHECK(gpt.attention == 2 * (3 * 48 * 48 + 3 * 48 + 48 * 48 + 48));
    CHECK(gpt.mlp == vaswani.mlp);
    CHECK(gpt.norm == 5 * (48 + 48));
    CHECK(gpt.non_embedding() == gpt.attention + gpt.mlp + gpt.norm);
  }
  const CountByRole muon = parameters_of(architecture_of("2025-muon"), shape);
  CHECK(muon.embedding == 4800);
  CHECK(muon.head == 4800);
  CHECK(muon.mlp == 2 * (48 * 192 + 192 * 48));
  CHECK(muon.norm == 5 * 48);
}

TEST_CASE("a tied head costs what another one does, and positions cost nothing", "[record][fast]") {
  const ShapeSpec shape{.depth = 2, .width = 48, .heads = 2, .context = 64, .vocab = 100};
  for (const Recipe& recipe : recipes()) {
    const CountByRole flops = training_flops_per_token(recipe.architecture, shape);
    CHECK(flops.head == 6.0 * 100 * 48);
    CHECK(flops.embedding == 0);
  }
}

TEST_CASE("the mlp without a gate is four times as wide as the model", "[record][fast]") {
  CHECK(mlp_width(architecture_of("2019-gpt2"), {.width = 37}) == 148);
  CHECK(mlp_width(architecture_of("2025-muon"), {.width = 48}) == 192);
}

TEST_CASE("the mlp is at least 8/3 of the width, and a multiple of 16", "[record][fast]") {
  for (std::int64_t width = 2; width <= 1024; width += 2) {
    const std::int64_t hidden = mlp_width({}, {.depth = 1, .width = width, .heads = 1, .context = 1, .vocab = 1});
    CHECK(hidden % 16 == 0);
    CHECK(3 * hidden >= 8 * width);
    CHECK(3 * hidden < 8 * width + 48);
  }
}

TEST_CASE("training costs six FLOPs per weight and token, and attention grows with the context", "[record][fast]") {
  ShapeSpec shape{.depth = 3, .width = 64, .heads = 2, .context = 128, .vocab = 50};
  const CountByRole parameters = parameters_of({}, shape), flops = training_flops_per_token({}, shape);
  CHECK(flops.embedding == 0);
  CHECK(flops.mlp == 6 * parameters.mlp);
  CHECK(flops.head == 6 * parameters.head);
  CHECK(flops.attention == 6 * parameters.attention + 6.0 * 3 * 128 * 64);
  shape.context = 256;
  CHECK(training_flops_per_token({}, shape).attention - flops.attention == 6.0 * 3 * 128 * 64);
}

TEST_CASE("recipes have a date, and an unknown one is answered with the known", "[record][fast]") {
  for (const auto& recipe : recipes()) {
    CHECK(recipe.date.size() == 10);
    CHECK(recipe.date.substr(0, 4) == recipe.name.substr(0, 4));
    CHECK(recipe_named(recipe.name).date == recipe.date);
  }
  CHECK_THROWS_WITH(recipe_named("2099-x"), Catch::Matchers::ContainsSubstring("2024-wsd"));
}

TEST_CASE("a dated recipe never changes: another choice is another name", "[record][fast]") {
  const std::map<std::string, std::string> known{
      {"2017-vaswani", "6dd8ccf3439e80af"}, {"2019-gpt2", "b5e43f7e72a33f4e"}, {"2020-gpt3", "2ad64c6de10e6ea6"},
      {"2023-llama", "bcd3f27bea5b3700"},   {"2024-wsd", "d62a761ee2ae718e"},  {"2025-muon", "78a45e83570e2562"},
  };
  REQUIRE(recipes().size() == known.size());
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name << " is not what runs of this name were made of; what it says now needs a name of its own");
    const std::string decides = recipe.date + to_json(recipe.architecture).dump() +
                                to_json(recipe.initialisation).dump() + to_json(recipe.training).dump();
    CHECK(digest_of(decides).substr(0, 16) == known.at(recipe.name));
  }
}

TEST_CASE("the program carries every file of configs/recipes, under the name that it says", "[record][fast]") {
  REQUIRE(recipe_files().size() == recipes().size());
  for (const auto& [file, text] : recipe_files()) {
    CHECK(text == text_of_file(VERNIER_SOURCE_DIR "/" + file));
    CHECK(file == "configs/recipes/" + recipe_from_text(text, file).name + ".yaml");
  }
}

TEST_CASE("recipes come oldest first, each with works that it follows", "[record][fast]") {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    names.push_back(recipe.name);
    CHECK_FALSE(recipe.sources.empty());
    CHECK_FALSE(recipe.left_out.empty());
  }
  CHECK(names ==
        std::vector<std::string>{"2017-vaswani", "2019-gpt2", "2020-gpt3", "2023-llama", "2024-wsd", "2025-muon"});
}

TEST_CASE("a recipe survives writing and reading", "[record][fast]") {
  for (const Recipe& recipe : recipes()) {
    const std::string text = yaml_text(to_json(recipe));
    CHECK(yaml_text(to_json(recipe_from_text(text, "again"))) == text);
  }
}

namespace {
/// What reading a recipe's file with one text replaced by another is answered with.
std::string answer_to(const std::string& recipe, const std::string& from, const std::string& to) {
  for (auto [file, text] : recipe_files()) {
    if (file.find(recipe) == std::string::npos) continue;
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
    try {
      recipe_from_text(text, file);
    } catch (const Error& error) {
      return error.what();
    }
  }
  return "";
}
}  // namespace

TEST_CASE("a recipe's file is read strictly", "[record][fast]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(answer_to("2019", "qk_norm: false", "qk_nrom: false"),
             ContainsSubstring("2019-gpt2.yaml") && ContainsSubstring("qk_nrom"));
  CHECK_THAT(answer_to("2019", "norm: layer", "norm: batch"),
             ContainsSubstring("2019-gpt2.yaml") && ContainsSubstring("batch") && ContainsSubstring("rms"));
  CHECK_THAT(answer_to("2019", "  positions: 0.01\n", ""), ContainsSubstring("initialisation.positions"));
  CHECK_THAT(answer_to("2019", "embedding: 0.02", "embedding: -1"),
             ContainsSubstring("-1") && ContainsSubstring("1/sqrt(inputs)"));
  CHECK_THAT(answer_to("2024", "  head: 1/sqrt(inputs)\n", ""), ContainsSubstring("initialisation.head"));
  CHECK_THAT(answer_to("2024", "cooldown: 0.2", "momentum: 0.9"),
             ContainsSubstring("training.momentum") && ContainsSubstring("muon"));
  CHECK_THAT(answer_to("2025", "2025-muon", "2024-muon"), ContainsSubstring("year"));
}

TEST_CASE("a recipe's training says only what is not the default", "[record][fast]") {
  const auto spec = [](const char* name) { return training_by(recipe_named(name), 4, 0.01, 512); };
  for (const char* name : {"2023-llama", "2024-wsd"})
    CHECK(spec(name) == TrainingSpec{.batch = 4,
                                     .learning_rate = 0.01,
                                     .warmup_tokens = 512,
                                     .cooldown = 0.2,
                                     .beta1 = 0.9,
                                     .beta2 = 0.95,
                                     .epsilon = 1e-8,
                                     .weight_decay = 0.1,
                                     .clip = 1});
  CHECK(spec("2017-vaswani").optimizer == "adam");
  CHECK(spec("2017-vaswani").schedule == "inverse-sqrt");
  CHECK(spec("2017-vaswani").cooldown == 0);
  CHECK(spec("2017-vaswani").weight_decay == 0);
  CHECK_FALSE(spec("2017-vaswani").final_rate);
  CHECK_FALSE(spec("2019-gpt2").optimizer);
  CHECK(spec("2019-gpt2").schedule == "cosine");
  CHECK(spec("2019-gpt2").final_rate == 0);
  CHECK(spec("2020-gpt3").final_rate == 0.1);
  CHECK(spec("2025-muon").optimizer == "muon");
  CHECK(spec("2025-muon").momentum == 0.95);
  CHECK(spec("2025-muon").adjust_lr == "match_rms_adamw");
  CHECK_FALSE(spec("2025-muon").schedule);
}
