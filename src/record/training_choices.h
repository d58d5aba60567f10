// What a TrainingSpec chooses by name: the optimiser and the schedule of the learning rate. What is the default is not
// written into a spec, so that runs from before there was a choice keep their names.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/table.h"
#include "record/run_spec.h"

namespace vernier {

enum class Optimizer {
  AdamW,  ///< decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)
  Adam,   ///< weight decay as L2 in the gradient (Kingma and Ba, arXiv 1412.6980)
  Muon,   ///< orthogonalised momentum for the matrices of the blocks, AdamW for all else (Jordan et al., 2024)
};

struct OptimizerRow {
  std::string_view name;
  Optimizer optimizer;
};
inline constexpr std::array kOptimizers{OptimizerRow{"adamw", Optimizer::AdamW}, OptimizerRow{"adam", Optimizer::Adam},
                                        OptimizerRow{"muon", Optimizer::Muon}};
static_assert(names_differ(kOptimizers));
inline constexpr std::string_view kDefaultOptimizer = kOptimizers[0].name;

/// How the rate of a matrix of Muon follows from its shape, named as in torch.optim.Muon.
enum class AdjustLr {
  MatchRmsAdamW,  ///< 0.2 sqrt(max(rows, columns)): updates of AdamW's size, so one rate serves both (arXiv 2502.16982)
  Original,       ///< sqrt(max(1, rows / columns)) (Jordan et al., 2024)
};

struct AdjustLrRow {
  std::string_view name;
  AdjustLr rule;
};
inline constexpr std::array kAdjustLrRules{AdjustLrRow{"match_rms_adamw", AdjustLr::MatchRmsAdamW},
                                           AdjustLrRow{"original", AdjustLr::Original}};
static_assert(names_differ(kAdjustLrRules));
inline constexpr std::string_view kDefaultAdjustLr = kAdjustLrRules[0].name;
inline constexpr double kDefaultMomentum = 0.95;  // of Muon

enum class Schedule {
  WarmupStableDecay,  ///< constant, then 1 - sqrt(progress) over the cool-down (arXiv 2405.18392)
  Cosine,             ///< half a cosine from the top to the final rate (arXiv 1608.03983)
  Linear,             ///< straight from the top to the final rate
  InverseSqrt,        ///< sqrt(warm-up / step) (Vaswani et al., arXiv 1706.03762, section 5.3)
};

struct ScheduleRow {
  std::string_view name;
  Schedule schedule;
  bool cools_down;     ///< has a cool-down, whose share is asked for
  bool needs_horizon;  ///< the rate of every step after the warm-up depends on the last one; falls to a final rate
};
inline constexpr std::array kSchedules{ScheduleRow{"wsd", Schedule::WarmupStableDecay, true, false},
                                       ScheduleRow{"cosine", Schedule::Cosine, false, true},
                                       ScheduleRow{"linear", Schedule::Linear, false, true},
                                       ScheduleRow{"inverse-sqrt", Schedule::InverseSqrt, false, false}};
static_assert(names_differ(kSchedules));
inline constexpr std::string_view kDefaultSchedule = kSchedules[0].name;
inline constexpr double kDefaultFinalRate = 0.1;  // of the top (Brown et al., arXiv 2005.14165; arXiv 2203.15556)

inline Optimizer optimizer_of(const TrainingSpec& training) {
  if (!training.optimizer) return Optimizer::AdamW;
  return row_named("optimizer", kOptimizers, *training.optimizer).optimizer;
}

inline AdjustLr adjust_lr_of(const TrainingSpec& training) {
  if (!training.adjust_lr) return AdjustLr::MatchRmsAdamW;
  return row_named("rule for the rate", kAdjustLrRules, *training.adjust_lr).rule;
}

inline const ScheduleRow& schedule_of(const TrainingSpec& training) {
  if (!training.schedule) return kSchedules[0];
  return row_named("schedule", kSchedules, *training.schedule);
}

/// The bounds of a run in whole steps: it shares the trunk's first `leave` steps with the runs of other lengths, and
/// makes the rest on its own branch. The trainer, the planner and the cost use these same numbers.
struct Steps {
  std::int64_t total = 0;     ///< D / (batch x context)
  std::int64_t leave = 0;     ///< steps of the trunk that the run shares: total - cooldown
  std::int64_t cooldown = 0;  ///< steps of the branch
};

/// The branch of warmup-stable-decay is its cool-down, round(share x total) steps and at least one where the share is
/// not 0. A schedule that needs the horizon shares nothing: all of a run is its branch. One that goes on for ever is
/// all trunk.
Steps steps_of(const TrainingSpec& training, std::int64_t total);

}  // namespace vernier
