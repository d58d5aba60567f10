// The verbs `formats` and `quantize` as a user meets them: the built program, its output and its exit status.
#include <array>
#include <cstdio>
#include <string>

#include "catch.h"

namespace {

struct Ran {
  std::string out;  ///< stdout and stderr
  int status = 0;
};

Ran run(const std::string& input, const std::string& arguments) {
  Ran ran;
  const std::string command = "printf '" + input + "' | " + VERNIER_PROGRAM + " " + arguments + " 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  std::array<char, 4096> piece{};
  for (std::size_t size = 0; (size = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    ran.out.append(piece.data(), size);
  ran.status = pclose(pipe) >> 8;
  return ran;
}

const std::filesystem::path kProgram = VERNIER_PROGRAM;

}  // namespace

TEST_CASE("quantize prints values as hex floats in the shape of its input", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  CHECK(run("7 3.4\\n-0.6 -7\\n", "quantize int4").out == "0x1.cp+2 0x1.8p+1\n-0x1p+0 -0x1.cp+2\n");
  CHECK(run("0.3 -0 1000\\n", "quantize e4m3 --scale 1").out == "0x1.4p-2 -0x0p+0 0x1.cp+8\n");
  CHECK(run("7 6.8\\n3.4 14\\n", "quantize int4/channel --axis columns").out ==
        "0x1.cp+2 0x1.8p+2\n0x1.8p+1 0x1.cp+3\n");
}

TEST_CASE("quantize prints codes as integers or as bit patterns", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  CHECK(run("0.3 -0.3 1000\\n", "quantize int8 --scale 0x1p-4 --codes").out == "5 -5 127\n");
  CHECK(run("0.3 -0.3 -0 1000\\n", "quantize e4m3 --scale 1 --codes").out == "0x2a 0xaa 0x80 0x7e\n");
  CHECK(run("nan\\n", "quantize int4 --codes").status == 2);
}

TEST_CASE("quantize --json adds scales and the count of saturated elements", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  CHECK(run("7 14\\n9 -9\\n", "quantize int4 --scale 1 --json").out ==
        "{\"number\": \"int4\", \"rows\": 2, \"columns\": 2, \"saturated\": 3,\n\"infinite_groups\": [],\n"
        "\"nan_groups\": [],\n"
        "\"scales\": [1.0],\n\"values\": [[7.0, 7.0],\n[7.0, -8.0]]}\n");
}

TEST_CASE("stochastic rounding gives the same output for the same seed", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  const std::string half = "0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5\\n";
  const auto first = run(half, "quantize int4 --scale 1 --round stochastic --seed 1");
  CHECK(first.out == run(half, "quantize int4 --scale 1 --round stochastic --seed 1").out);
  CHECK(first.out != run(half, "quantize int4 --scale 1 --round stochastic --seed 2").out);
}

TEST_CASE("wrong input ends with exit status 2 and says where it is", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  using Catch::Matchers::ContainsSubstring;
  const auto garbage = run("1 2\\n3 x\\n", "quantize int4");
  CHECK(garbage.status == 2);
  CHECK_THAT(garbage.out, ContainsSubstring("line 2, column 3"));
  for (const auto* arguments :
       {"quantize int17", "quantize", "quantize int4 --round up", "quantize int4 --axis diagonal",
        "quantize int4 --scale 0", "quantize int4 --scale inf", "quantize int4 --scale \'\'", "quantize fp32 --scale 1",
        "quantize int4 --seed x", "quantize int4 --seed -1", "quantize int4 extra", "formats int17"})
    CHECK(run("1\\n", arguments).status == 2);
}

TEST_CASE("output that cannot be written is a failure", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  SKIP_WITHOUT(std::filesystem::path("/dev/full"));
  for (const auto* arguments : {"quantize int4 >/dev/full", "formats >/dev/full", "formats --json >/dev/full"})
    CHECK(run("1\\n", arguments).status == 1);
}

TEST_CASE("a group with an infinity becomes NaN with a warning that names it", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  const auto ran = run("1 inf 7\\n", "quantize int4/block2");
  CHECK(ran.status == 0);
  CHECK_THAT(ran.out, Catch::Matchers::ContainsSubstring("group 1 (row 1, columns 1 to 2) holds an infinity"));
  CHECK_THAT(ran.out, Catch::Matchers::ContainsSubstring("nan nan 0x1.cp+2\n"));
}

TEST_CASE("formats --json has the promised keys", "[format][program]") {
  SKIP_WITHOUT(kProgram);
  CHECK(run("", "formats e2m1 --json").out ==
        "{\"formats\":[{\"name\":\"e2m1\",\"bits\":4,\"exponent_bits\":2,\"significand_bits\":2,\"bias\":1,\"max\":6.0,"
        "\"lowest\":-6.0,"
        "\"min_normal\":1.0,\"min_subnormal\":0.5,\"has_inf\":false,\"has_nan\":false,"
        "\"values\":[-6.0,-4.0,-3.0,-2.0,-1.5,-1.0,-0.5,0.0,0.5,1.0,1.5,2.0,3.0,4.0,6.0]}]}\n");
}
