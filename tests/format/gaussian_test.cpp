#include "format/gaussian.h"

#include <cmath>

#include "base/stream.h"
#include "catch.h"
#include "format/quantize_matrix.h"

using namespace vernier;

namespace {

struct Known {
  const char* format;
  double error, optimum;  ///< smallest error, and largest value / sigma there; 0: not stated
};

/// LAWS.md, section 2.3, computed there by another program.
constexpr Known kKnown[] = {{"int2", 0.149431, 0},         {"int3", 0.0406382, 0},      {"int4", 0.0118640, 0},
                            {"int5", 3.52596e-3, 0},       {"int6", 1.04285e-3, 0},     {"int8", 8.77069e-5, 0},
                            {"sint2", 0.190174, 0},        {"sint3", 0.0468600, 0},     {"sint4", 0.0128894, 0},
                            {"sint5", 3.69322e-3, 0},      {"sint6", 1.06929e-3, 0},    {"sint8", 8.83080e-5, 0},
                            {"ternary", 0.190174, 1.2240}, {"e2m1", 0.0126849, 2.9225}, {"e2m3", 8.29147e-4, 3.7475},
                            {"e3m2", 2.76611e-3, 4.5418},  {"e4m3", 6.98749e-4, 9.13},  {"e5m2", 2.76557e-3, 9.04}};

}  // namespace

TEST_CASE("the smallest error of a Gaussian under each format is the known one", "[format][fast]") {
  for (const Known& known : kKnown) {
    INFO(known.format);
    const NumberFormat format = format_named(known.format);
    const double optimum = gaussian_optimum(format);
    CHECK(std::abs(gaussian_error(format, optimum) / known.error - 1) < 2e-5);
  }
}

TEST_CASE("the best largest value over sigma is the known one", "[format][fast]") {
  for (const Known& known : kKnown) {
    if (known.optimum == 0) continue;
    INFO(known.format);
    CHECK(std::abs(gaussian_optimum(format_named(known.format)) / known.optimum - 1) < 3e-3);
  }
}

TEST_CASE("the error of rounded draws agrees with the closed form", "[format][fast]") {
  constexpr std::int64_t kDraws = 100000;
  Matrix x{1, kDraws, {}};
  for (std::int64_t i = 0; i < kDraws; ++i)
    x.values.push_back(static_cast<float>(Stream(4).normals(static_cast<std::uint64_t>(i))[0]));
  for (const auto* name : {"int3", "int4", "e2m1", "e4m3", "int8"}) {
    const NumberFormat format = format_named(name);
    const float scale = static_cast<float>(2.5 / format.largest);
    const auto result = quantized(x, parse_number(name), {.scale = scale});
    double sum = 0;
    for (std::int64_t i = 0; i < kDraws; ++i)
      sum += std::pow(x.values[static_cast<std::size_t>(i)] - value_at(result, 0, i), 2);
    INFO(name);
    CHECK(std::abs(sum / kDraws / gaussian_error(format, 2.5) - 1) < 0.05);
  }
}

TEST_CASE("every format has an optimum", "[format][fast]") {
  for (const auto* name : {"int16", "bf16", "fp16", "e8m7", "e1m2", "e5m0", "e8m0"}) {
    const double optimum = gaussian_optimum(format_named(name));
    INFO(name);
    CHECK(optimum >= 0.24);
    CHECK(optimum <= 70);
  }
}
