#include "fit/optimum.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"
#include "fit/dispatch.h"
#include "fit/select.h"
#include "law/allocate.h"

namespace vernier::fit {
namespace {

constexpr double kFewestBits = 1, kMostBits = 32, kSmallest = 1, kLargest = 1e30;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using law::Surface;

bool is_post_training(const FitSummary& law) { return target_of(law.law) == law::Target::PostTraining; }

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

/// N and D of one precision, each within the range that is searched.
struct Spent {
  double n = 0, d = 0;
  std::vector<std::string> bounds;
};

double clamped(double value, const char* name, std::vector<std::string>& bounds) {
  if (value > kSmallest && value < kLargest) return value;
  const double end = value >= kLargest ? kLargest : kSmallest;
  if (value != end) bounds.push_back(fmt::format("{} = {}", name, end));
  return end;
}

/// The product N D goes to N* and D*, or to the one that is not held.
Spent spend(const Surface& surface, double product, const Budget& budget) {
  Spent spent;
  if (budget.tokens) {
    spent.d = *budget.tokens;
    spent.n = clamped(product / spent.d, "n", spent.bounds);
    return spent;
  }
  spent.n = budget.params ? *budget.params : clamped(law::best_params(surface, product), "n", spent.bounds);
  spent.d = clamped(product / spent.n, "d", spent.bounds);
  if (!budget.params && spent.n * spent.d > product) spent.n = std::max(product / spent.d, kSmallest);
  return spent;
}

double product_of(const Budget& budget, double cost) { return budget.compute / (6 * cost); }

/// All that D_crit leaves of the budget N P.
Spent spend_on_inference(const Surface& surface, double bits, const Budget& budget) {
  Spent spent;
  spent.n = clamped(*budget.inference / bits, "n", spent.bounds);
  spent.d = clamped(law::d_crit(surface, spent.n).value_or(kInfinity), "d", spent.bounds);
  return spent;
}

/// One law, its parameters and the budget: what every choice of precision is judged by.
struct Judge {
  const FitSummary& law;
  const std::vector<double>& parameters;
  const Budget& budget;
  bool by_ratio;  ///< the best precision does not depend on N and D

  Surface surface(const Choice& choice) const { return surface_of(law, parameters, choice.point); }

  Spent spent(const Choice& choice, const Surface& surface) const {
    if (budget.inference) return spend_on_inference(surface, choice.bits.value_or(16), budget);
    return spend(surface, product_of(budget, choice.cost), budget);
  }
  /// The smaller, the better; infinite outside the law.
  double operator()(const Choice& choice) const {
    const Surface surface = this->surface(choice);
    if (!is_inside(surface)) return kInfinity;
    if (by_ratio) return std::log(choice.cost) - std::log(surface.share_n) - std::log(surface.share_d);
    const auto [n, d, bounds] = spent(choice, surface);
    const double above = law::above_floor(surface, n, d);
    return std::isfinite(above) ? above : kInfinity;
  }
};

Judge judge_of(const FitSummary& law, const std::vector<double>& parameters, const Budget& budget) {
  const bool shares = !is_post_training(law) &&
                      with_law(law.law, []<class Law>() { return law::has_share<Law> && law::has_surface<Law>; });
  const bool scales_data = law.law == law::ChinchillaOuter::name;
  return {law, parameters, budget, shares && !budget.params && !(budget.tokens && scales_data) && !budget.inference};
}

Choice at_bits(const Judge& judge, double bits) {
  return {"", bits, bits / 16, point_at_bits(judge.law, judge.parameters, bits, judge.budget.precision)};
}

/// The best of all numbers of bits, or that held.
Choice best_of_bits(const Judge& judge, Optimum& best) {
  if (judge.budget.bits) return at_bits(judge, *judge.budget.bits);
  const double bits = best_bits([&](double p) { return judge(at_bits(judge, p)); });
  const double edge = 1e-6;
  best.interior = bits > kFewestBits * (1 + edge) && bits < kMostBits * (1 - edge);
  return at_bits(judge, bits);
}

void hold_bits(const Judge& judge, Choices& choices) {
  const double bits = *judge.budget.bits;
  if (judge.law.law == law::QatGroup::name) {
    choices.all.front().bits = bits;
    choices.all.front().cost = bits / 16;
    return;
  }
  std::erase_if(choices.all, [&](const Choice& choice) { return choice.bits != bits; });
  if (choices.all.empty())
    throw Error(fmt::format("--hold p: the fit of {} has no constant for {} bits in all parts", judge.law.law, bits));
}

void leave_out_what_is_outside(const Judge& judge, Choices& choices, Optimum& best) {
  best.left_out = choices.left_out;
  std::erase_if(choices.all, [&](const Choice& choice) {
    const bool outside = !is_inside(judge.surface(choice));
    if (outside && !choice.format.empty())
      best.left_out.push_back({choice.format, why_outside(judge.law.law, choice.point)});
    return outside;
  });
}

/// The best of the precisions that the law, or the user, names.
Choice best_of_formats(const Judge& judge, Optimum& best) {
  Choices choices = choices_of(judge.law, judge.budget.precision);
  leave_out_what_is_outside(judge, choices, best);
  if (choices.all.empty()) throw Failure(fmt::format("{}: no precision lies inside the law", judge.law.law));
  const bool any_bits = choices.all.size() > 1;
  if (judge.budget.bits) hold_bits(judge, choices);
  const Choice chosen = *std::min_element(choices.all.begin(), choices.all.end(),
                                          [&](const Choice& a, const Choice& b) { return judge(a) < judge(b); });
  if (!any_bits || judge.budget.bits || !chosen.bits) return chosen;
  bool fewer = false, more = false;
  for (const auto& choice : choices.all) {
    fewer = fewer || choice.bits < chosen.bits;
    more = more || choice.bits > chosen.bits;
  }
  best.interior = fewer && more;
  return chosen;
}

void check_held(const FitSummary& law, const Budget& budget, Problems& problems) {
  for (const auto& [name, held] : {std::pair("n", budget.params), std::pair("d", budget.tokens)}) {
    if (!held) continue;
    expect(problems, *held >= kSmallest && *held <= kLargest, fmt::format("--hold {}", name), "1 to 1e30", *held);
    if (budget.inference) problems.push_back(fmt::format("--hold {}: --inference leaves it to be found", name));
  }
  if (!budget.bits) return;
  expect(problems, *budget.bits >= kFewestBits && *budget.bits <= kMostBits, "--hold p", "1 to 32 bits", *budget.bits);
  if (!has_precision(law) && !budget.inference)
    problems.push_back(fmt::format("--hold p: law {} has no precision", law.law));
}

void check_post_training(const FitSummary& law, const Budget& budget, Problems& problems) {
  if (!is_post_training(law)) {
    if (!budget.precision.post.empty())
      problems.push_back(fmt::format("--post: law {} says nothing of quantization after training", law.law));
    return;
  }
  if (law.base.empty())
    problems.push_back(
        fmt::format("{}: needs the law of the loss before quantization; expected a fit of chinchilla or "
                    "kumar_joint in the same file (vernier fit --law all)",
                    law.law));
  if (budget.precision.post.empty() && !budget.inference)
    problems.push_back(fmt::format("{}: expected --post NUMBER, or --inference in place of --compute", law.law));
}

void check(const FitSummary& law, const Budget& budget) {
  Problems problems;
  if (target_of(law.law) == law::Target::TaskScore)
    throw Error(fmt::format("{}: predicts a score from a loss, and so nothing of N and D", law.law));
  budget.inference ? expect_positive(problems, "--inference", *budget.inference)
                   : expect_positive(problems, "--compute", budget.compute);
  if (!(budget.precision.group > 1))
    problems.push_back(fmt::format("--group: expected more than 1 element per scale, got {}", budget.precision.group));
  check_held(law, budget, problems);
  check_post_training(law, budget, problems);
  const bool penalises = is_post_training(law) || law.law == law::FloatBits::name || law.law == law::QatGroup::name;
  if (budget.inference && !penalises)
    problems.push_back(
        fmt::format("--inference: law {} has no penalty that grows with D, so more data are always "
                    "better; expected float_bits, qat_group, kumar_ptq, kumar_unified or qid",
                    law.law));
  if (budget.inference && law.law == law::QatGroup::name && !budget.bits)
    problems.push_back("--inference: qat_group knows one precision; expected its bits by --hold p=BITS");
  refuse_if(problems);
}

bool is_over_bits(const FitSummary& law, const Budget& budget) {
  if (budget.inference) return law.law != law::QatGroup::name;
  return has_bits(law) && budget.precision.costs.empty();
}

Interval interval_of_sample(double value, const std::vector<double>& sample) {
  Interval found{value, {}, {}, {}, {}};
  if (const auto range = interval_90(sample)) std::tie(found.lo, found.hi) = *range;
  return found;
}

}  // namespace

bool has_precision(const FitSummary& law) {
  return with_law(law.law, []<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.end(),
                       [](const auto& symbol) { return symbol.acts_on != law::ActsOn::All; });
  });
}

double share_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits) {
  if (has_bits(law)) return n_eff_share(law, parameters, point_at_bits(law, parameters, bits));
  double share = law::kUnknown;
  for (const auto& choice : choices_of(law, {}).all)
    if (choice.bits == bits) share = std::fmax(share, surface_of(law, parameters, choice.point).share_n);
  return share;
}

Optimum optimum(const FitSummary& law, const std::vector<double>& parameters, const Budget& budget) {
  check(law, budget);
  const Judge judge = judge_of(law, parameters, budget);
  Optimum best;
  const Choice chosen = is_over_bits(law, budget) ? best_of_bits(judge, best) : best_of_formats(judge, best);
  const Surface surface = judge.surface(chosen);
  if (!is_inside(surface))
    throw Failure(budget.bits ? fmt::format("{}: a factor is not above zero at {} bits", law.law, *budget.bits)
                              : fmt::format("{}: no P from 1 to 32 bits lies inside the law", law.law));
  const Spent spent = judge.spent(chosen, surface);
  best.n = spent.n, best.d = spent.d, best.p = chosen.bits, best.format = chosen.format;
  best.loss = law::loss_at(surface, best.n, best.d);
  if (!best.interior) best.bounds.push_back(fmt::format("p = {:.6g}", *best.p));
  best.bounds.insert(best.bounds.end(), spent.bounds.begin(), spent.bounds.end());
  return best;
}

OptimumIntervals optimum_with_intervals(const FitSummary& law, const Budget& budget) {
  OptimumIntervals result;
  result.best = optimum(law, law.values(), budget);
  std::array<std::vector<double>, 4> samples;
  for_each_replicate(law, [&](const FitSummary& varied, const std::vector<double>& replicate) {
    try {
      const Optimum o = optimum(varied, replicate, budget);
      samples[0].push_back(o.n), samples[1].push_back(o.d), samples[2].push_back(o.loss);
      if (o.p) samples[3].push_back(*o.p);
    } catch (const Failure&) {  // this replicate has no optimum in the range
    }
  });
  result.n = interval_of_sample(result.best.n, samples[0]);
  result.d = interval_of_sample(result.best.d, samples[1]);
  result.loss = interval_of_sample(result.best.loss, samples[2]);
  if (result.best.p) result.p = interval_of_sample(*result.best.p, samples[3]);
  return result;
}

}  // namespace vernier::fit
