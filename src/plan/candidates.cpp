#include "plan/candidates.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/corpus.h"
#include "format/number.h"
#include "plan/grid.h"
#include "plan/numbers.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr double kReach = 4;  // beyond the smallest and largest N, and the largest D
constexpr std::int64_t kWidestUnit = 16;
constexpr int kFewestBits = 3, kMostBits = 8;
constexpr std::size_t kSeeds = 8;

/// A size with its rate, as its runs have it.
struct Size {
  Architecture architecture;
  ShapeSpec shape;
  double learning_rate = 0;
  bool operator==(const Size&) const = default;
  double log_params() const { return std::log(parameters_of(architecture, shape).non_embedding()); }
};

template <class Value>
void add_new(std::vector<Value>& list, const Value& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

std::int64_t unit_of_widths(const std::vector<Size>& sizes, const std::vector<NumbersSpec>& numbers) {
  std::int64_t common = 0, unit = kWidestUnit;
  for (const auto& size : sizes) common = std::gcd(common, size.shape.width);
  while (unit > 2 && common % unit != 0) unit /= 2;
  for (const auto& entry : numbers) unit = std::lcm(unit, std::max<std::int64_t>(1, rotation_of(entry)));
  return unit;
}

/// ln rate is linear in ln N between neighbours, and constant beyond the ends. Three digits, as people write rates.
double rate_at(const std::vector<Size>& sizes, double log_params) {
  const Size &first = sizes.front(), &last = sizes.back();
  double rate = log_params <= first.log_params() ? first.learning_rate : last.learning_rate;
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    const double a = sizes[i - 1].log_params(), b = sizes[i].log_params();
    if (!(a < log_params && log_params < b)) continue;
    const double share = (log_params - a) / (b - a);
    rate = std::pow(sizes[i - 1].learning_rate, 1 - share) * std::pow(sizes[i].learning_rate, share);
  }
  return std::stod(fmt::format("{:.3g}", rate));
}

const Size& nearest(const std::vector<Size>& sizes, double log_params) {
  return *std::min_element(sizes.begin(), sizes.end(), [&](const Size& a, const Size& b) {
    return std::abs(a.log_params() - log_params) < std::abs(b.log_params() - log_params);
  });
}

/// The size whose N comes closest (in ratio) to this.
Size size_at(const Experiment& experiment, const std::vector<Size>& sizes, double log_params, std::int64_t unit) {
  const auto of_width = [&](std::int64_t width) {
    const Size& near = nearest(sizes, log_params);
    return Size{near.architecture, shape_of(experiment, {near.shape.depth, width, {}, {}, {}, {}}), 0};
  };
  std::int64_t width = unit;
  while (of_width(width).log_params() < log_params) width += unit;
  const auto distance = [&](std::int64_t w) { return std::abs(of_width(w).log_params() - log_params); };
  if (width > unit && distance(width - unit) < distance(width)) width -= unit;
  Size size = of_width(width);
  size.learning_rate = rate_at(sizes, size.log_params());
  return size;
}

bool suits(const Size& size, const std::vector<NumbersSpec>& numbers) {
  return size.shape.heads > 0 && std::all_of(numbers.begin(), numbers.end(), [&](const NumbersSpec& entry) {
           const std::int64_t block = rotation_of(entry);
           return block == 0 || mlp_width(size.architecture, size.shape) % block == 0;
         });
}

/// Those of the grid by N, then the others.
std::vector<Size> all_sizes(const Experiment& experiment, std::vector<Size> sizes,
                            const std::vector<NumbersSpec>& numbers) {
  std::stable_sort(sizes.begin(), sizes.end(),
                   [](const Size& a, const Size& b) { return a.log_params() < b.log_params(); });
  const std::vector<Size> grid = sizes;
  const std::int64_t unit = unit_of_widths(grid, numbers);
  const double low = grid.front().log_params() - std::log(kReach), high = grid.back().log_params() + std::log(kReach);
  std::vector<double> aims;
  for (double at = low; at < high; at += std::log(2.0)) aims.push_back(at);
  aims.push_back(high);
  for (const double aim : aims) {
    const Size size = size_at(experiment, grid, aim, unit);
    const bool within = size.log_params() >= low && size.log_params() <= high;
    const bool is_new = std::none_of(sizes.begin(), sizes.end(), [&](const Size& known) {
      return known.shape.depth == size.shape.depth && known.shape.width == size.shape.width;
    });
    if (within && is_new && suits(size, numbers)) sizes.push_back(size);
  }
  return sizes;
}

std::vector<std::int64_t> all_tokens(const Experiment& experiment, const std::set<std::int64_t>& grid) {
  const std::int64_t step = experiment.training.batch * experiment.context;
  std::set<std::int64_t> tokens = grid;
  const double most = kReach * static_cast<double>(*grid.rbegin());
  for (double count = static_cast<double>(*grid.begin()); count <= most; count *= 2)
    tokens.insert(std::llround(count / static_cast<double>(step)) * step);
  std::erase_if(tokens, [&](std::int64_t count) {
    return !data::shortage(*experiment.opened, count, 0, experiment.context).empty();
  });
  return {tokens.begin(), tokens.end()};
}

/// Bits of an integer format and the word before them ("int", "sint"); 0 bits for any other number.
std::pair<std::string, int> integer_of(const std::string& number) {
  const std::string format = number.substr(0, number.find_first_of("/:"));
  for (const char* word : {"int", "sint"})
    if (const auto bits = number.starts_with(word) ? format.substr(std::string(word).size()) : "";
        !bits.empty() && std::all_of(bits.begin(), bits.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return {word, std::stoi(bits)};
  return {"", 0};
}

/// The same number with other bits where it is an integer of `from` bits.
void change(std::string& number, int from, int to) {
  const auto [word, bits] = integer_of(number);
  if (bits != from) return;
  const std::size_t rest = number.find_first_of("/:");
  number = fmt::format("{}{}{}", word, to, rest == std::string::npos ? "" : number.substr(rest));
}

void add_variants(std::vector<NumbersSpec>& all, const NumbersSpec& numbers) {
  std::set<int> present;
  for (const std::string* part : {&numbers.weights, &numbers.activations, &numbers.kv, &numbers.attention})
    present.insert(integer_of(*part).second);
  present.erase(0);
  for (const int from : present)
    for (int to = kMostBits; to >= kFewestBits; --to) {
      NumbersSpec other = numbers;
      for (std::string* part : {&other.weights, &other.activations, &other.kv, &other.attention})
        change(*part, from, to);
      const auto same = [&](const NumbersSpec& known) { return same_numbers(known, other); };
      if (std::none_of(all.begin(), all.end(), same)) all.push_back(other);
    }
}

std::vector<std::int64_t> all_seeds(std::vector<std::int64_t> seeds) {
  for (std::int64_t next = 1; seeds.size() < kSeeds; ++next) add_new(seeds, next);
  return seeds;
}

}  // namespace

Candidates candidates_of(const Experiment& experiment) {
  std::vector<Size> sizes;
  std::vector<NumbersSpec> numbers;
  std::set<std::int64_t> tokens;
  Candidates all;
  for (const RunSpec& run : runs_of_recipe(experiment)) {
    add_new(sizes, {architecture_of(run.recipe), run.shape, run.training.learning_rate});
    add_new(numbers, run.numbers);
    add_new(all.seeds, run.seed);
    tokens.insert(run.tokens);
  }
  for (const NumbersSpec& entry : std::vector<NumbersSpec>(numbers)) add_variants(numbers, entry);
  all.seeds = all_seeds(all.seeds);
  const auto horizons = all_tokens(experiment, tokens);
  std::size_t track = 0;
  for (const Size& size : all_sizes(experiment, sizes, numbers))
    for (const NumbersSpec& entry : numbers) {
      for (const std::int64_t count : horizons) {
        RunAsked asked{size.shape.depth, size.shape.width, size.shape.heads, size.learning_rate, count, entry, 0};
        Candidate candidate{track, run_of(experiment, asked), {}, 0};
        const RunSpec& run = candidate.run;
        candidate.steps = steps_of(run.training, experiment.context, count);
        candidate.flops_per_step = training_flops_per_token(architecture_of(run.recipe), run.shape).total() *
                                   static_cast<double>(run.training.batch * experiment.context);
        all.runs.push_back(std::move(candidate));
      }
      ++track;
    }
  return all;
}

}  // namespace vernier::plan
