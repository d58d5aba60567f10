#include "plan/design.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace vernier::plan {

namespace {

constexpr double kTiny = 1e-9;         // relative improvement of Var that counts
constexpr double kRounding = 1e-12;    // relative, of sums of FLOPs
constexpr int kTrials = 1500;          // exchanges that are tried at most, so that large grids end too
constexpr std::size_t kAspirants = 8;  // options for which others make room, in each round of exchanges

using Eigen::MatrixXd, Eigen::VectorXd;

double steps_cost(const DesignOption& option, std::int64_t trunk) {
  return option.flops_per_step * static_cast<double>(std::max<std::int64_t>(0, option.leave - trunk) + option.cooldown);
}

/// A design as it grows: what it knows, what it costs.
class Growing {
 public:
  explicit Growing(const DesignTask& task) : task_(&task) {
    M_ = task.given.transpose() * task.given;
    M_.diagonal() += task.prior.cwiseAbs2().cwiseInverse();
    solve();
  }

  double variance() const { return variance_; }
  double cost() const { return cost_; }
  const std::set<Choice>& choices() const { return choices_; }

  void add(const Choice& choice) {
    const DesignOption& option = option_of(choice);
    auto& member = members_[{option.track, choice.seed}];
    const double before = cost_of_member(member);
    member.insert({option.leave, choice.option});
    cost_ += cost_of_member(member) - before;
    choices_.insert(choice);
    M_ += option.rows.transpose() * option.rows;
    solve();
  }

  void remove(const Choice& choice) {
    const DesignOption& option = option_of(choice);
    auto& member = members_[{option.track, choice.seed}];
    cost_ -= saving(choice);
    member.erase({option.leave, choice.option});
    choices_.erase(choice);
    M_ -= option.rows.transpose() * option.rows;
    solve();
  }

  /// What taking the run back would save: its branch, and the end of the trunk where no other needs it [FLOP].
  double saving(const Choice& choice) const {
    const DesignOption& option = option_of(choice);
    auto member = members_.at({option.track, choice.seed});
    const double before = cost_of_member(member);
    member.erase({option.leave, choice.option});
    return before - cost_of_member(member);
  }

  /// The seed with which a further run of this option is cheapest, with its cost; absent where all have it.
  std::optional<std::pair<std::size_t, double>> cheapest(std::size_t o) const {
    const DesignOption& option = task_->options[o];
    std::optional<std::pair<std::size_t, double>> best;
    for (std::size_t seed = 0; seed < task_->seeds; ++seed) {
      if (choices_.contains({o, seed}) || option.not_seeds.contains(seed)) continue;
      const auto member = members_.find({option.track, seed});
      const bool is_new = member == members_.end() || member->second.empty();
      const double cost = steps_cost(option, is_new ? 0 : member->second.rbegin()->first);
      if (!best || cost < best->second) best = {seed, cost};
      if (is_new) break;  // further seeds cost the same
    }
    return best;
  }

  /// By how much Var falls with a further run of this option, or rises without one: sign 1 or -1.
  double change(std::size_t o, int sign) const {
    const MatrixXd& G = task_->options[o].rows;
    if (G.rows() == 1) {
      const double w = G.row(0).dot(direction_), s = 1 + sign * G.row(0).dot(covariance_ * G.row(0).transpose());
      return w * w / std::max(s, 1e-12);
    }
    const VectorXd w = G * direction_;
    const MatrixXd S = MatrixXd::Identity(G.rows(), G.rows()) + sign * G * covariance_ * G.transpose();
    return w.dot(S.ldlt().solve(w));
  }

  /// Spends what is left of the budget, always where Var falls most per FLOP.
  void fill() {
    for (;;) {
      std::optional<Choice> best;
      double best_rate = 0;
      for (std::size_t o = 0; o < task_->options.size(); ++o) {
        const auto next = cheapest(o);
        if (!next || !affords(next->second)) continue;
        const double fall = change(o, 1);
        if (fall <= kTiny * variance_ || fall / next->second <= best_rate) continue;
        best_rate = fall / next->second;
        best = {o, next->first};
      }
      if (!best) return;
      add(*best);
    }
  }

  /// The runs that Var misses least per FLOP first.
  std::vector<Choice> by_use() const {
    std::vector<std::pair<double, Choice>> rated;
    for (const Choice& choice : choices_) rated.emplace_back(change(choice.option, -1) / saving(choice), choice);
    std::sort(rated.begin(), rated.end());
    std::vector<Choice> order;
    for (const auto& [rate, choice] : rated) order.push_back(choice);
    return order;
  }

  bool affords(double flops) const { return cost_ + flops <= task_->budget * (1 + kRounding); }

  /// Each run's part of the cost, trunks paid in the order of their tokens [FLOP].
  double own_cost(const Choice& choice) const {
    const DesignOption& option = option_of(choice);
    std::int64_t trunk = 0;
    for (const auto& [leave, o] : members_.at({option.track, choice.seed})) {
      if (o == choice.option) break;
      trunk = leave;
    }
    return steps_cost(option, trunk);
  }

 private:
  using Member = std::set<std::pair<std::int64_t, std::size_t>>;  // leave, option

  const DesignOption& option_of(const Choice& choice) const { return task_->options[choice.option]; }

  double cost_of_member(const Member& member) const {
    double steps = 0;
    for (const auto& [leave, o] : member) steps += static_cast<double>(task_->options[o].cooldown);
    if (member.empty()) return 0;
    return task_->options[member.begin()->second].flops_per_step *
           (steps + static_cast<double>(member.rbegin()->first));
  }

  void solve() {
    covariance_ = M_.ldlt().solve(MatrixXd::Identity(M_.rows(), M_.cols()));
    direction_ = covariance_ * task_->gradient;
    variance_ = task_->gradient.dot(direction_);
  }

  const DesignTask* task_;
  MatrixXd M_, covariance_;
  VectorXd direction_;  // covariance times gradient
  double variance_ = 0, cost_ = 0;
  std::set<Choice> choices_;
  std::map<std::pair<std::size_t, std::size_t>, Member> members_;  // by track and seed
};

bool is_better(const Growing& a, const Growing& b) { return a.variance() < b.variance() * (1 - kTiny); }

/// Takes one run back and spends what it frees; the first exchange that improves is kept.
bool exchange_one(Growing& design, int& trials) {
  for (const Choice& choice : design.by_use()) {
    if (--trials < 0) return false;
    Growing trial = design;
    trial.remove(choice);
    trial.fill();
    if (!is_better(trial, design)) continue;
    design = std::move(trial);
    return true;
  }
  return false;
}

/// Options that would help most, whatever they cost.
std::vector<std::size_t> aspirants(const Growing& design, std::size_t options) {
  std::vector<std::pair<double, std::size_t>> by_fall;
  for (std::size_t o = 0; o < options; ++o)
    if (design.cheapest(o)) by_fall.emplace_back(-design.change(o, 1), o);
  std::sort(by_fall.begin(), by_fall.end());
  std::vector<std::size_t> best;
  for (std::size_t i = 0; i < std::min(kAspirants, by_fall.size()); ++i) best.push_back(by_fall[i].second);
  return best;
}

/// Makes room for one of them by taking back the least useful runs.
bool exchange_many(Growing& design, std::size_t options, int& trials) {
  for (const std::size_t o : aspirants(design, options)) {
    if (--trials < 0) return false;
    Growing trial = design;
    for (const Choice& choice : design.by_use()) {
      if (trial.affords(trial.cheapest(o)->second)) break;
      trial.remove(choice);
    }
    const auto next = trial.cheapest(o);
    if (!trial.affords(next->second)) continue;
    trial.add({o, next->first});
    trial.fill();
    if (!is_better(trial, design)) continue;
    design = std::move(trial);
    return true;
  }
  return false;
}

Growing grown(const DesignTask& task, const std::vector<Choice>& start) {
  Growing design(task);
  for (const Choice& choice : start) design.add(choice);
  design.fill();
  int trials = kTrials;
  while (exchange_one(design, trials) || exchange_many(design, task.options.size(), trials)) {
  }
  return design;
}

}  // namespace

double cost_of(const DesignTask& task, const std::vector<Choice>& choices) {
  Growing design(task);
  for (const Choice& choice : choices) design.add(choice);
  return design.cost();
}

Design best_design(const DesignTask& task, const std::vector<std::vector<Choice>>& starts) {
  Growing best = grown(task, {});
  for (const auto& start : starts)
    if (cost_of(task, start) <= task.budget * (1 + kRounding))
      if (Growing other = grown(task, start); is_better(other, best)) best = std::move(other);
  Design design;
  design.variance = best.variance();
  design.cost = best.cost();
  for (const Choice& choice : best.choices()) {
    design.choices.push_back(choice);
    design.gain.push_back(best.change(choice.option, -1));
    design.flops.push_back(best.own_cost(choice));
  }
  return design;
}

}  // namespace vernier::plan
