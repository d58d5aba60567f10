// Which runs shrink the variance of one quantity most, for a number of FLOPs. With c the gradient of the quantity,
//
//   Var = c^T M^-1 c,   M = I_prior + sum over runs of J_i^T J_i / sigma^2
//
// (a c-optimal design; Pukelsheim, "Optimal Design of Experiments", chapter 2). Runs cost what they add: members of a
// cohort train one trunk and a branch for each number of tokens (plan/cohorts.h), so a branch from a trunk that is
// there is cheap.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <set>
#include <vector>

namespace vernier::plan {

struct DesignOption {
  std::size_t track = 0;            ///< options of one track and member share a trunk
  std::int64_t leave = 0;           ///< steps of the trunk that the run shares
  std::int64_t cooldown = 0;        ///< steps of its branch
  double flops_per_step = 0;        ///< the same for all of a track
  Eigen::MatrixXd rows;             ///< J / sigma, one row for each observation that the run makes
  std::set<std::size_t> not_seeds;  ///< members that have this run already, and not from this design
};

struct DesignTask {
  std::vector<DesignOption> options;
  std::size_t seeds = 1;     ///< members that a track may have
  Eigen::MatrixXd given;     ///< J / sigma of what is there already, and costs nothing
  Eigen::VectorXd prior;     ///< standard deviation of each coordinate before any run; all above 0
  Eigen::VectorXd gradient;  ///< c
  double budget = 0;         ///< [FLOP]
};

/// One run of a design.
struct Choice {
  std::size_t option = 0, seed = 0;
  auto operator<=>(const Choice&) const = default;
};

struct Design {
  std::vector<Choice> choices;  ///< ascending
  std::vector<double> gain;     ///< by how much Var would be larger without each
  std::vector<double> flops;    ///< of each, where the runs of a trunk pay for it in the order of their tokens [FLOP]
  double variance = 0, cost = 0;
};

/// Greedy by the decrease of Var per FLOP, then exchanges: a run is taken back, or as many of the least useful as
/// another needs, and the budget spent anew, until nothing improves. Begins with nothing, and with each of `starts`
/// that the budget allows; the best end wins, the first of equals. The same task gives the same design.
Design best_design(const DesignTask& task, const std::vector<std::vector<Choice>>& starts = {});

/// FLOPs of trunks and branches of these runs.
double cost_of(const DesignTask& task, const std::vector<Choice>& choices);

}  // namespace vernier::plan
