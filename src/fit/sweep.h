// Sweeps of the learning rate: which rate stands for a model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "record/run_record.h"

namespace vernier::fit {

/// One learning rate of a model.
struct SweptRate {
  double learning_rate = 0;
  std::vector<std::string> runs;  ///< one for each seed
  std::optional<double> loss;     ///< mean over seeds [nats per token]; absent where one has diverged
};

/// Runs that differ in learning rate and seed only.
struct RateSweep {
  RunSpec spec;                  ///< of its first run
  std::vector<SweptRate> rates;  ///< ascending
  std::size_t best = 0;          ///< the least mean loss; the lowest rate where all diverged

  /// True where the best rate is the lowest or the highest, so that a better one may lie beyond.
  bool at_edge() const { return best == 0 || best + 1 == rates.size(); }
};

/// Models that were trained at more than one rate, in order of their first run.
std::vector<RateSweep> rate_sweeps(const std::vector<StoredRun>& runs);

/// Runs of a rate that is not the best of its sweep, and which one beat it.
std::map<std::string, std::string> beaten_runs(const std::vector<StoredRun>& runs);

/// The runs without those of a rate that is not the best of its sweep: what a law is fitted to.
std::vector<StoredRun> at_best_rates(const std::vector<StoredRun>& runs);

}  // namespace vernier::fit
