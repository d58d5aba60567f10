#include "quant/cuda/arithmetic.h"

#include "quant/inputs.h"
#include "quant/job.h"
// last, as it says
#include "catch.h"

using namespace vernier;
using namespace inputs;
using namespace quant;

namespace {

std::string difference(float got, float expected, const std::string& what) {
  if (cuda::bits_of(got) == cuda::bits_of(expected) || (std::isnan(got) && std::isnan(expected))) return "";
  return fmt::format("{}: {:a}, expected {:a}", what, got, expected);
}

/// Every element of x rounded as a cast.
std::string cast_complaint(const Matrix& x, const NumberFormat& format, Rounding rounding) {
  const Grid grid = grid_of(format);
  const Stream draws = Stream(12).child("rounding");
  std::string wrong;
  for (std::size_t i = 0; i < x.values.size() && wrong.empty(); ++i) {
    const std::int32_t draw = draws.draw31(i);
    const double expected = rounding == Rounding::Nearest ? round_to_grid(x.values[i], format)
                                                          : round_to_grid_stochastic(x.values[i], format, draw);
    wrong = difference(cuda::rounded(x.values[i], 1, grid, {rounding, draw}), static_cast<float>(expected),
                       fmt::format("{} of {:a}", format.name, x.values[i]));
  }
  return wrong;
}

/// What lane 0 of a warp holds in the end, if every lane does what the kernel says.
double sum_by_warp(cuda::Term term, const float* x, std::int64_t count, float scale, const Grid& grid) {
  std::array<double, kSumLanes> lanes;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane)
    lanes[lane] = cuda::lane_sum(term, x, count, static_cast<std::int64_t>(lane), scale, grid);
  for (std::size_t by = lanes.size() / 2; by > 0; by /= 2) {
    const auto before = lanes;  // a shuffle down: a lane without a partner gets its own value
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
      lanes[lane] += before[lane + by < lanes.size() ? lane + by : lane];
  }
  return lanes[0];
}

double sum_by_warps(cuda::Term term, const std::vector<float>& x, float scale, const Grid& grid) {
  std::vector<double> chunks;
  for (std::int64_t from = 0; from < std::ssize(x); from += kSumChunk)
    chunks.push_back(sum_by_warp(term, x.data() + from, std::min(kSumChunk, std::ssize(x) - from), scale, grid));
  return cuda::sum_of_chunks(chunks.data(), std::ssize(chunks), 1);
}

/// The scale of a group under a rule that sums over it.
float searched_scale(const std::vector<float>& x, float absmax, const Job& job) {
  if (!cuda::is_searched(absmax)) return absmax;
  std::array<double, cuda::kMostSums> sums{};
  const auto take = [&](cuda::Pass pass, const cuda::Best& best) {
    for (int which = 0; which < cuda::sums_of(pass); ++which) {
      const auto moment = job.rule == Scale::Rms ? cuda::Term::Square : cuda::Term::Magnitude;
      const auto term = pass != cuda::Pass::Moments ? cuda::Term::SquaredError : which == 0 ? moment : cuda::Term::Nan;
      const float scale = cuda::candidate_scale(absmax, cuda::multiple_of(pass, which, best), job.grid);
      sums[static_cast<std::size_t>(which)] = sum_by_warps(term, x, scale, job.grid);
    }
  };
  if (job.rule != Scale::Mse) {
    take(cuda::Pass::Moments, {});
    return cuda::moment_scale(sums.data(), std::ssize(x), job.rule, job.multiple, job.grid);
  }
  take(cuda::Pass::Coarse, {});
  const cuda::Best coarse = cuda::best_of(cuda::Pass::Coarse, {}, sums.data());
  take(cuda::Pass::Fine, coarse);
  return cuda::candidate_scale(absmax, cuda::best_of(cuda::Pass::Fine, coarse, sums.data()).multiple, job.grid);
}

float largest_of(const std::vector<float>& x, std::int32_t most) {
  std::int32_t largest = 0;
  for (const float value : x) largest = cuda::larger(largest, cuda::magnitude_up_to(most, value));
  return cuda::float_of(largest);
}

/// The scales of a matrix, group by group.
std::vector<float> scales_of(const Matrix& x, const Number& number) {
  const Job job = job_for(number, x.rows, x.columns);
  const Grouping grouping = grouping_of(number, x.rows, x.columns, Axis::Rows);
  std::vector<std::vector<float>> groups(static_cast<std::size_t>(grouping.groups));
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    groups[static_cast<std::size_t>(group_at(grouping, at / x.columns, at % x.columns))].push_back(x.values[i]);
  }
  std::vector<float> scales;
  for (const auto& group : groups) scales.push_back(largest_of(group, kInfinityBits));
  const float tensor_scale = cuda::upper_level_scale(largest_of(scales, kInfinityBits - 1), job.grid);
  const Grid e4m3 = grid_of(format_named("e4m3"));
  for (std::size_t i = 0; i < groups.size(); ++i)
    scales[i] = job.rule == Scale::E4m3           ? cuda::two_level_scale(scales[i], tensor_scale, job.grid, e4m3)
                : needs_whole_group(number.scale) ? searched_scale(groups[i], scales[i], job)
                                                  : cuda::scale_from_absmax(scales[i], job.rule, job.grid);
  return scales;
}

/// Scales and scaled elements, both roundings.
std::string matrix_complaint(const Matrix& x, const Number& number) {
  if (number.scale == Scale::None) return "";
  const Job job = job_for(number, x.rows, x.columns);
  const std::vector<float> scales = scales_of(x, number);
  std::string wrong;
  for (const Rounding rounding : {Rounding::Nearest, Rounding::Stochastic}) {
    const Quantized reference =
        quantized(x, number, {.axis = Axis::Rows, .scale = {}, .rounding = rounding, .seed = 12});
    const Stream draws = Stream(12).child("rounding");
    for (std::size_t i = 0; i < scales.size() && wrong.empty(); ++i)
      wrong = difference(scales[i], reference.scales[i], fmt::format("{} scale {}", number.text, i));
    for (std::size_t i = 0; i < x.values.size() && wrong.empty(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const float scale =
          scales[static_cast<std::size_t>(group_at(reference.grouping, at / x.columns, at % x.columns))];
      wrong = difference(cuda::rounded(x.values[i], scale, job.grid, {rounding, draws.draw31(i)}),
                         reference.grid.values[i], fmt::format("{} element {}", number.text, i));
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("the arithmetic of CUDA kernels equals scalar rounding on every value and tie of every format",
          "[quant][fast]") {
  std::string wrong;
  for (const auto& format : all_formats()) {
    const Matrix x = every_value_and_tie(format);
    for (const Rounding rounding : {Rounding::Nearest, Rounding::Stochastic})
      if (wrong.empty()) wrong = cast_complaint(x, format, rounding);
  }
  CHECK(wrong == "");
}

TEST_CASE("the arithmetic of CUDA kernels equals the reference for every granularity and scale rule", "[quant][fast]") {
  std::string wrong;
  for (const Special special : {Special::None, Special::Nan, Special::Infinity})
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{9, 83}, {1, 1}, {5, 32}}) {
      const Matrix x = wild(rows, columns, static_cast<std::uint64_t>(rows), special);
      for (const auto& number : numbers_to_try())
        if (wrong.empty()) wrong = matrix_complaint(x, number);
    }
  for (const auto& number : numbers_to_try())
    if (wrong.empty()) wrong = matrix_complaint({2, 3, {0.0F, -0.0F, 0.0F, 0.0F, 0.0F, -0.0F}}, number);
  CHECK(wrong == "");
}

TEST_CASE("the arithmetic of CUDA kernels sums long groups chunk by chunk, as the reference does", "[quant][fast]") {
  for (const int columns : {4096, 4097, 9001})
    for (const auto* text : {"int4/tensor:mse", "e4m3/channel:rms", "int8/channel:lsq", "e2m1/block5000:mse"})
      CHECK(matrix_complaint(wild(2, columns, 3, Special::Nan), parse_number(text)) == "");
}

TEST_CASE("sums by warps equal ordered sums in every bit", "[quant][fast]") {
  const Grid grid = grid_of(format_named("int4"));
  const Stream stream = Stream(3).child("terms");
  std::int64_t differ = 0;
  for (const std::int64_t count : {0, 1, 31, 32, 33, 100, 4095, 4096, 4097, 20000}) {
    std::vector<float> x;
    for (std::int64_t i = 0; i < count; ++i)
      x.push_back(static_cast<float>(stream.normals(static_cast<std::uint64_t>(i))[0]));
    const auto square = [&](std::int64_t i) {
      const double value = x[static_cast<std::size_t>(i)];
      return value * value;
    };
    const double sum = sum_by_warps(cuda::Term::Square, x, 1, grid);
    CHECK(sum == ordered_sum(count, square));
    double in_a_row = 0;
    for (std::int64_t i = 0; i < count; ++i) in_a_row += square(i);
    differ += sum != in_a_row;
  }
  CHECK(differ > 0);  // another order is another number
}

TEST_CASE("the search by passes finds the multiple that the search one by one finds", "[quant][fast]") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Stream stream(seed);
    const auto error = [&](std::int64_t multiple) {  // few values, so that many are equal
      return static_cast<double>(stream.below(seed % 2 == 0 ? 5 : 1000000, static_cast<std::uint64_t>(multiple)));
    };
    const auto pass = [&](cuda::Pass which_pass, const cuda::Best& before) {
      std::array<double, cuda::kMostSums> errors{};
      for (int which = 0; which < cuda::sums_of(which_pass); ++which)
        errors[static_cast<std::size_t>(which)] = error(cuda::multiple_of(which_pass, which, before));
      return cuda::best_of(which_pass, before, errors.data());
    };
    CHECK(pass(cuda::Pass::Fine, pass(cuda::Pass::Coarse, {})).multiple == best_mse_multiple(error));
  }
}

TEST_CASE("draws of the CUDA kernels are those of the stream", "[quant][fast]") {
  for (const std::uint64_t key : {0ULL, 77ULL, 0xA4093822299F31D0ULL})
    for (const std::uint64_t first : {0ULL, 1ULL << 20, (1ULL << 34) - 4, ~0ULL - 7})
      for (std::uint64_t element = first; element < first + 7; ++element)
        CHECK(cuda::draw31(cuda::draws_of(key, element / 4), static_cast<int>(element % 4)) ==
              Stream(key).draw31(element));
}

TEST_CASE("gradients of the CUDA kernels pass within the bounds and nowhere else", "[quant][fast]") {
  const auto passed = [](float x, float scale) { return cuda::passed_within(3, x, scale, -8, 7.5F); };
  CHECK(passed(15, 2) == 3);
  CHECK(passed(-16, 2) == 3);
  CHECK(passed(15.1F, 2) == 0);
  CHECK(passed(-16.1F, 2) == 0);
  CHECK(passed(5, 0) == 3);  // a group of zeros is divided by 1
  CHECK(passed(1, kInf) == 0);
  CHECK(passed(kNan, 1) == 0);
}
