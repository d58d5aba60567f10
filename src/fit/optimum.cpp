#include "fit/optimum.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "base/check.h"
#include "fit/dispatch.h"
#include "fit/labels.h"

namespace vernier::fit {
namespace {

constexpr double kFewestBits = 1, kMostBits = 32, kSmallest = 1, kLargest = 1e30;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool has(const FitSummary& law, std::string_view symbol) {
  return std::find(law.symbols.begin(), law.symbols.end(), symbol) != law.symbols.end();
}

double value_of(const FitSummary& law, const std::vector<double>& parameters, std::string_view symbol) {
  const auto found = std::find(law.symbols.begin(), law.symbols.end(), symbol);
  if (found == law.symbols.end()) throw Error(fmt::format("fit of {}: parameter {} is missing", law.law, symbol));
  return parameters.at(std::size_t(found - law.symbols.begin()));
}

bool is_per_precision(const FitSummary& law) {
  return with_law(law.law, []<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.end(),
                       [](const auto& s) { return s.per == law::Per::Precision; });
  });
}

/// Where `cost` over ln P is lowest: a scan, then golden sections between the neighbours of the best.
double best_bits(const std::function<double(double)>& cost) {
  constexpr int kScan = 200, kSections = 60;
  const double golden = (std::sqrt(5.0) - 1) / 2;
  const auto bits_at = [](double place) { return kFewestBits * std::pow(kMostBits / kFewestBits, place / kScan); };
  int best = 0;
  double lowest = kInfinity;
  for (int k = 0; k <= kScan; ++k)
    if (const double here = cost(bits_at(k)); here < lowest) lowest = here, best = k;
  double low = std::max(best - 1, 0), high = std::min(best + 1, kScan);
  double left = high - golden * (high - low), right = low + golden * (high - low);
  double at_left = cost(bits_at(left)), at_right = cost(bits_at(right));
  for (int k = 0; k < kSections; ++k) {
    if (at_left < at_right) {
      high = right, right = left, at_right = at_left;
      left = high - golden * (high - low), at_left = cost(bits_at(left));
    } else {
      low = left, left = right, at_left = at_right;
      right = low + golden * (high - low), at_right = cost(bits_at(right));
    }
  }
  const double inner = bits_at((low + high) / 2);
  return cost(inner) <= lowest ? inner : bits_at(best);
}

/// The constants of a per-precision law by the bits of its formats, the best where several have as many; 1 at 16 bits,
/// the baseline. Precisions whose parts differ in bits have no single P and are left out.
std::map<double, double> shares_by_bits(const FitSummary& law, const std::vector<double>& parameters) {
  std::map<double, double> shares{{16, 1.0}};
  for (const auto& [symbol, label] : law.labels)
    if (const auto bits = common_bits(label))
      shares[*bits] = std::max(shares[*bits], value_of(law, parameters, symbol));
  return shares;
}

/// The best P for this cost, and whether it lies inside the range.
std::pair<double, bool> choose_bits(const FitSummary& law, const std::vector<double>& parameters,
                                    const std::function<double(double)>& cost) {
  const auto guarded = [&](double bits) {
    const double value = cost(bits);
    return std::isfinite(value) ? value : kInfinity;
  };
  if (is_per_precision(law)) {
    const auto shares = shares_by_bits(law, parameters);
    const auto best = std::min_element(shares.begin(), shares.end(), [&](const auto& a, const auto& b) {
      return guarded(a.first) < guarded(b.first);
    });
    return {best->first, best != shares.begin() && std::next(best) != shares.end()};
  }
  const double bits = best_bits(guarded);
  if (!std::isfinite(guarded(bits)))
    throw Failure(fmt::format("{}: no P from 1 to 32 bits lies inside the law", law.law));
  const double edge = 1e-6;
  return {bits, bits > kFewestBits * (1 + edge) && bits < kMostBits * (1 - edge)};
}

void check(const FitSummary& law, const Budget& budget) {
  Problems problems;
  expect_positive(problems, "--compute", budget.compute);
  for (const auto& [name, held] : {std::pair("n", budget.params), std::pair("d", budget.tokens)})
    if (held)
      expect(problems, *held >= kSmallest && *held <= kLargest, fmt::format("--hold {}", name), "1 to 1e30", *held);
  if (budget.bits) {
    expect(problems, *budget.bits >= kFewestBits && *budget.bits <= kMostBits, "--hold p", "1 to 32 bits",
           *budget.bits);
    if (!has_precision(law)) problems.push_back(fmt::format("--hold p: law {} has no precision", law.law));
  }
  refuse_if(problems);
  if (budget.bits && is_per_precision(law) && std::isnan(share_at_bits(law, law.values(), *budget.bits)))
    throw Error(fmt::format("--hold p: the fit of {} has no constant for {} bits in all parts", law.law, *budget.bits));
}

double clamped(double value, const char* name, std::vector<std::string>& bounds) {
  if (value <= kSmallest || std::isnan(value)) bounds.push_back(fmt::format("{} = {}", name, kSmallest));
  if (value >= kLargest) bounds.push_back(fmt::format("{} = {}", name, kLargest));
  return std::isnan(value) ? kSmallest : std::clamp(value, kSmallest, kLargest);
}

}  // namespace

BaseTerms base_terms(const FitSummary& law, const std::vector<double>& parameters) {
  const auto get = [&](std::string_view symbol) { return value_of(law, parameters, symbol); };
  if (law.law == law::Gadre::name) {
    const double eta = get("eta"), six = std::pow(6.0, -eta);
    return {get("E"), get("a") * six, 2 * eta, get("b") * six, 2 * eta};
  }
  return {get("E"), get("A"), get("alpha"), get("B"), get("beta")};
}

bool has_precision(const FitSummary& law) {
  return with_law(law.law, []<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.end(),
                       [](const auto& symbol) { return symbol.acts_on != law::ActsOn::All; });
  });
}

double share_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits) {
  if (is_per_precision(law)) {
    const auto shares = shares_by_bits(law, parameters);
    const auto found = shares.find(bits);
    return found == shares.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  }
  const bool each = has(law, "gamma_w") || has(law, "gamma_a") || has(law, "gamma_kv");
  const law::Part part{true, bits, "", true}, absent{false, 16, "fp32", true};
  law::RunPoint point;
  point.params = point.tokens = 1;
  point.weights = !each || has(law, "gamma_w") ? part : absent;
  point.activations = !each || has(law, "gamma_a") ? part : absent;
  point.kv = !each || has(law, "gamma_kv") ? part : absent;
  point.precision = fmt::format("{}bit", bits);
  return n_eff_share(law, parameters, point);
}

Optimum optimum(const FitSummary& law, const std::vector<double>& parameters, const Budget& budget) {
  check(law, budget);
  const BaseTerms base = base_terms(law, parameters);
  const bool precision = has_precision(law);
  const auto share = [&](double bits) { return precision ? share_at_bits(law, parameters, bits) : 1.0; };
  const auto product = [&](double bits) { return 16 * budget.compute / (6 * bits); };  // N D
  const auto loss_above_floor = [&](double n, double d, double bits) {
    return base.A * std::pow(n * share(bits), -base.alpha) + base.B * std::pow(d, -base.beta);
  };
  Optimum best;
  double bits = budget.bits.value_or(16);
  if (precision && !budget.bits) {
    const auto cost = [&](double p) {
      if (budget.params) return loss_above_floor(*budget.params, product(p) / *budget.params, p);
      return std::log(p) - std::log(share(p));
    };
    std::tie(bits, best.interior) = choose_bits(law, parameters, cost);
    if (!best.interior) best.bounds.push_back(fmt::format("p = {:.6g}", bits));
  }
  const double f = share(bits);
  if (!(f > 0)) throw Failure(fmt::format("{}: a factor is not above zero at {} bits", law.law, bits));
  const double A = base.A * std::pow(f, -base.alpha), sum = base.alpha + base.beta;
  double n = std::pow(base.alpha * A / (base.beta * base.B), 1 / sum) * std::pow(product(bits), base.beta / sum);
  if (budget.params) n = *budget.params;
  if (budget.tokens) n = product(bits) / *budget.tokens;
  best.n = clamped(n, "n", best.bounds);
  best.d = budget.tokens ? *budget.tokens : clamped(product(bits) / best.n, "d", best.bounds);
  if (best.d * best.n != product(bits) && !budget.params) best.n = clamped(product(bits) / best.d, "n", best.bounds);
  if (precision) best.p = bits;
  best.loss = base.E + loss_above_floor(best.n, best.d, bits);
  return best;
}

OptimumIntervals optimum_with_intervals(const FitSummary& law, const Budget& budget) {
  OptimumIntervals result;
  result.best = optimum(law, law.values(), budget);
  std::array<std::vector<double>, 4> samples;
  for (const auto& replicate : law.bootstrap) {
    try {
      const Optimum o = optimum(law, replicate, budget);
      samples[0].push_back(o.n), samples[1].push_back(o.d), samples[2].push_back(o.loss);
      if (o.p) samples[3].push_back(*o.p);
    } catch (const Failure&) {  // this replicate has no optimum in the range
    }
  }
  const auto interval = [](double value, const std::vector<double>& sample) {
    Interval found{value, {}, {}, {}, {}};
    if (const auto range = interval_90(sample)) std::tie(found.lo, found.hi) = *range;
    return found;
  };
  result.n = interval(result.best.n, samples[0]);
  result.d = interval(result.best.d, samples[1]);
  result.loss = interval(result.best.loss, samples[2]);
  if (result.best.p) result.p = interval(*result.best.p, samples[3]);
  return result;
}

}  // namespace vernier::fit
