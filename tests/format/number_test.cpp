#include "format/number.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;

TEST_CASE("a number string gives format, granularity and scale", "[format][fast]") {
  const Number mxfp4 = parse_number("e2m1/block32:e8m0");
  CHECK(mxfp4.text == "e2m1/block32:e8m0");
  CHECK(mxfp4.rounded);
  CHECK(mxfp4.format.name == "e2m1");
  CHECK(mxfp4.granularity == Granularity::Block);
  CHECK(mxfp4.block == 32);
  CHECK(mxfp4.scale == Scale::E8m0);
  CHECK(mxfp4.bits() == 4);
  CHECK(parse_number("int4/channel").granularity == Granularity::Channel);
  CHECK(parse_number("int4/channel").scale == Scale::Absmax);
  CHECK(parse_number("int8/token:e8m0-rceil").scale == Scale::E8m0Rceil);
  CHECK(parse_number("e2m1/block16:e4m3").scale == Scale::E4m3);
}

TEST_CASE("bare bf16, fp16 and fp32 are casts, and any other bare format has one scale for the tensor",
          "[format][fast]") {
  for (const auto* text : {"bf16", "fp16", "fp32"}) CHECK(parse_number(text).scale == Scale::None);
  CHECK(parse_number("bf16").rounded);
  CHECK_FALSE(parse_number("fp32").rounded);
  CHECK(parse_number("fp32").bits() == 32);
  for (const auto* text : {"int4", "e4m3", "ternary", "e5m10", "int4:absmax", "bf16/tensor"}) {
    CHECK(parse_number(text).granularity == Granularity::Tensor);
    CHECK(parse_number(text).scale == Scale::Absmax);
  }
}

TEST_CASE("every format takes every granularity and scale that exist", "[format][fast]") {
  for (const auto& format : all_formats())
    for (const auto* granularity : {"tensor", "channel", "token", "block1", "block128"})
      for (const auto& scale : kScales) {
        const std::string text = fmt::format("{}/{}:{}", format.name, granularity, scale.name);
        if (scale.scale == Scale::E4m3 && !std::string_view(granularity).starts_with("block"))
          CHECK_THROWS_AS(parse_number(text), Error);
        else
          CHECK(parse_number(text).format.name == format.name);
      }
}

TEST_CASE("an impossible number is refused with what was found and what is known", "[format][fast]") {
  for (const auto* text : {"",
                           "/",
                           ":",
                           "int4/",
                           "int4:",
                           "int17",
                           "e9m9",
                           "int4/block0",
                           "int4/block",
                           "int4/block-1",
                           "int4/row",
                           "int4/block32x",
                           "int4:e8m1",
                           "int4/tensor/channel",
                           "int4:e8m0:e8m0",
                           "fp32/tensor",
                           "fp32:e8m0",
                           " int4",
                           "int4 ",
                           "int4:e8m0/tensor",
                           "int4/block99999999999"})
    CHECK_THROWS_WITH(parse_number(text), ContainsSubstring("number '" + std::string(text) + "'"));
  CHECK_THROWS_WITH(parse_number("int4/row"), ContainsSubstring("tensor, channel, token, block<G>"));
  CHECK_THROWS_WITH(parse_number("int4:e8m1"), ContainsSubstring("absmax, e8m0, e8m0-ceil"));
}

TEST_CASE("the refusal of a number names the nearest ones that are numbers", "[format][fast]") {
  using Names = std::vector<std::string>;
  const std::vector<std::pair<std::string, Names>> kNearest{
      {"int17", {"int16"}},
      {"int1", {"int2"}},
      {"sint1", {"sint2"}},
      {"e9m9", {"e8m7"}},
      {"e0m3", {"e1m3"}},
      {"e1m0", {"e1m1"}},
      {"INT4", {"int4"}},
      {"float8_e4m3fn", {"e4m3"}},
      {"fp4", {"e2m1"}},
      {"fp6", {"e3m2", "e2m3"}},
      {"fp8", {"e4m3", "e5m2"}},
      {"bfloat16", {"bf16"}},
      {"float16", {"fp16"}},
      {"half", {"fp16"}},
      {"mxfp4", {"e2m1/block32:e8m0"}},
      {"MXFP8", {"e4m3/block32:e8m0", "e5m2/block32:e8m0"}},
      {"mxint8", {"int8/block32:e8m0"}},
      {"nvfp4", {"e2m1/block16:e4m3"}},
      {"int4/block0", {"int4/block16", "int4/block32"}},
      {"int4/blockx", {"int4/block16", "int4/block32"}},
      {"int4/group128", {"int4/block128"}},
      {"int4/tensr", {"int4/tensor"}},
      {"int4/per_channel", {"int4/channel"}},
      {"int4/row", {"int4/channel", "int4/token"}},
      {"int4/", {"int4"}},
      {"int4:", {"int4"}},
      {"int8:e8m0-floor", {"int8:e8m0"}},
      {"int17/chanel:e8m0-cel", {"int16/channel:e8m0-ceil"}},
      {"e2m1/channel:e4m3", {"e2m1/block16:e4m3"}},
      {"fp32/tensor", {"fp32"}},
  };
  for (const auto& [text, nearest] : kNearest) {
    CHECK_THROWS_WITH(parse_number(text), EndsWith(fmt::format("nearest: {})", fmt::join(nearest, ", "))));
    for (const auto& number : nearest) CHECK(parse_number(number).text == number);
  }
  for (const auto* text : {"", "/tensor", "garbage"})
    CHECK_THROWS_WITH(parse_number(text), ContainsSubstring("for example: int4/"));
}
