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

namespace {

struct Estimate {
  double mean, error;  ///< of the mean
};

/// Rounds groups of normal numbers under their own absmax scale; the mean squared error over groups.
Estimate simulated(const std::string& format, std::int64_t group, std::int64_t groups) {
  Matrix x{groups, group, {}};
  for (std::int64_t i = 0; i < groups * group; ++i)
    x.values.push_back(static_cast<float>(Stream(7).normals(static_cast<std::uint64_t>(i))[0]));
  const auto rounded = quantized(x, parse_number(format + "/channel"), {});
  double sum = 0, squares = 0;
  for (std::int64_t row = 0; row < groups; ++row) {
    double error = 0;
    for (std::int64_t k = 0; k < group; ++k)
      error += std::pow(x.values[static_cast<std::size_t>(row * group + k)] - value_at(rounded, row, k), 2);
    error /= static_cast<double>(group);
    sum += error;
    squares += error * error;
  }
  const auto n = static_cast<double>(groups);
  return {sum / n, std::sqrt((squares / n - sum / n * sum / n) / n)};
}

}  // namespace

TEST_CASE("the error under an absmax scale is that of simulated groups, to three standard errors", "[format]") {
  for (const std::int64_t group : {2, 16, 128})
    for (const auto* name : {"ternary", "int3", "sint4", "e2m1", "e4m3", "int8", "e3m4"}) {
      const Estimate found = simulated(name, group, 100000 / group);
      const double expected = gaussian_error_of_absmax(format_named(name), static_cast<double>(group));
      INFO(name << " in groups of " << group << ": simulated " << found.mean << " +- " << found.error);
      CHECK(std::abs(found.mean - expected) < 3 * found.error);
    }
}

TEST_CASE("an element alone under its scale is exact, and a group of unknown size has no error", "[format][fast]") {
  CHECK(gaussian_error_of_absmax(format_named("int4"), 1) == 0);
  CHECK(std::isnan(gaussian_error_of_absmax(format_named("int4"), std::nan(""))));
  CHECK(std::isnan(gaussian_error(parse_number("int4/channel"), std::nan(""))));
}

TEST_CASE("larger groups err more under an absmax scale, and never less than the best scale would", "[format][fast]") {
  for (const auto* name : {"int4", "e2m1", "int8"}) {
    const NumberFormat format = format_named(name);
    double before = 0;
    for (const double group : {2., 8., 32., 128., 512.}) {
      const double error = gaussian_error_of_absmax(format, group);
      INFO(name << " in groups of " << group);
      CHECK(error > before);
      before = error;
    }
    CHECK(gaussian_error_of_absmax(format, 1e6) > gaussian_error(format, gaussian_optimum(format)));
  }
}

namespace {

/// The same expectation by another way: the error of all normal numbers, less that of those beyond the largest, on a
/// fine grid of the largest. For formats that reach as far down as up.
double absmax_error_from_tails(const NumberFormat& format, double group) {
  constexpr double kStep = 0.02;
  double sum = 0;
  for (double m = kStep; m < 8; m += kStep) {
    const double density = std::exp(-m * m / 2) / std::sqrt(2 * M_PI), within = std::erf(m / std::sqrt(2.0));
    const double tails = (1 + m * m) * std::erfc(m / std::sqrt(2.0)) - 2 * m * density;
    const double weight = group * std::pow(within, group - 1) * 2 * density;
    sum += kStep * weight * (gaussian_error(format, m) - tails) / within;
  }
  return sum * (group - 1) / group;
}

}  // namespace

TEST_CASE("the error under an absmax scale is that of the whole less its tails, above 10 bits too", "[format][fast]") {
  for (const auto* name : {"sint4", "e2m3", "sint10", "e4m5", "e5m4"}) {
    INFO(name);
    const NumberFormat format = format_named(name);
    CHECK(std::abs(gaussian_error_of_absmax(format, 64) / absmax_error_from_tails(format, 64) - 1) < 1e-5);
  }
  for (const auto* name : {"sint11", "e4m6", "e5m5"}) {  // step^2/12, where one bit less is summed cell by cell
    INFO(name);
    const NumberFormat format = format_named(name);
    CHECK(std::abs(gaussian_error_of_absmax(format, 64) / absmax_error_from_tails(format, 64) - 1) < 1e-3);
  }
}

TEST_CASE("evenly spaced levels without zero have the known errors", "[format][fast]") {
  // LAWS.md, section 2.3, first column.
  const std::pair<int, double> known[] = {{1, 0.363380},   {2, 0.118846},   {3, 0.0374397}, {4, 0.0115429},
                                          {5, 3.49521e-3}, {6, 1.04005e-3}, {8, 8.76862e-5}};
  for (const auto& [bits, error] : known) {
    INFO(bits << " bits");
    CHECK(std::abs(gaussian_error_of_levels(bits) / error - 1) < 5e-6);
  }
  CHECK(gaussian_error_of_levels(16) < gaussian_error_of_levels(15));
}

TEST_CASE("a number's error follows from its own scale rule", "[format][fast]") {
  const NumberFormat format = format_named("int4");
  const double best = gaussian_error(format, gaussian_optimum(format));
  for (const auto* name : {"int4/channel:mse", "int4/tensor:rms", "int4/channel:lsq"})
    CHECK(gaussian_error(parse_number(name), 64) == best);
  for (const auto* name : {"int4/channel", "int4/block32:e8m0"})
    CHECK(gaussian_error(parse_number(name), 64) == gaussian_error_of_absmax(format, 64));
  const double cast = gaussian_error(parse_number("bf16"), 64);  // steps are 2^-8 to 2^-7 of x
  CHECK(cast > std::ldexp(1.0, -16) / 12);
  CHECK(cast < std::ldexp(1.0, -14) / 12);
}
