#include "record/recipe.h"

#include "catch.h"

using namespace vernier;

TEST_CASE("parameters are counted by role, against a count by hand", "[record][fast]") {
  // depth 2, width 48, vocabulary 100: mlp of 128 = 8/3 of the width
  const ShapeSpec shape{.depth = 2, .width = 48, .heads = 2, .context = 64, .vocab = 100};
  CHECK(mlp_width(shape) == 128);
  const CountByRole count = parameters_of(shape);
  CHECK(count.embedding == 4800);
  CHECK(count.head == 4800);
  CHECK(count.attention == 2 * (3 * 48 * 48 + 48 * 48));
  CHECK(count.mlp == 2 * (2 * 48 * 128 + 128 * 48));
  CHECK(count.norm == 2 * 2 * 48 + 48);
  CHECK(count.non_embedding() == 18432 + 36864 + 240);
  CHECK(count.total() == count.non_embedding() + 9600);
}

TEST_CASE("the mlp is at least 8/3 of the width, and a multiple of 16", "[record][fast]") {
  for (std::int64_t width = 2; width <= 1024; width += 2) {
    const std::int64_t hidden = mlp_width({.depth = 1, .width = width, .heads = 1, .context = 1, .vocab = 1});
    CHECK(hidden % 16 == 0);
    CHECK(3 * hidden >= 8 * width);
    CHECK(3 * hidden < 8 * width + 48);
  }
}

TEST_CASE("training costs six FLOPs per weight and token, and attention grows with the context", "[record][fast]") {
  ShapeSpec shape{.depth = 3, .width = 64, .heads = 2, .context = 128, .vocab = 50};
  const CountByRole parameters = parameters_of(shape), flops = training_flops_per_token(shape);
  CHECK(flops.embedding == 0);
  CHECK(flops.mlp == 6 * parameters.mlp);
  CHECK(flops.head == 6 * parameters.head);
  CHECK(flops.attention == 6 * parameters.attention + 6.0 * 3 * 128 * 64);
  shape.context = 256;
  CHECK(training_flops_per_token(shape).attention - flops.attention == 6.0 * 3 * 128 * 64);
}

TEST_CASE("recipes have a date, and an unknown one is answered with the known", "[record][fast]") {
  for (const auto& recipe : kRecipes) {
    CHECK(recipe.date.size() == 10);
    CHECK(recipe.date.substr(0, 4) == recipe.name.substr(0, 4));
    CHECK(recipe.cooldown >= 0);
    CHECK(recipe.cooldown < 1);
  }
  CHECK_THROWS_WITH(row_named("recipe", kRecipes, "2099-x"), Catch::Matchers::ContainsSubstring("2024-wsd"));
}
