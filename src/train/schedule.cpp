#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "record/training_choices.h"

namespace vernier::train {

double trunk_rate(double top, std::int64_t step, std::int64_t warmup_steps) {
  if (warmup_steps <= 0) return top;
  return top * std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup_steps));
}

double branch_rate(double top, std::int64_t step, std::int64_t leave, std::int64_t end) {
  return top * (1 - std::sqrt(static_cast<double>(step - leave) / static_cast<double>(end - leave)));
}

namespace {

double inverse_sqrt_rate(double top, std::int64_t step, std::int64_t warmup_steps) {
  if (step < warmup_steps) return trunk_rate(top, step, warmup_steps);
  const auto warmup = static_cast<double>(std::max<std::int64_t>(warmup_steps, 1));
  return top * std::sqrt(warmup / static_cast<double>(step + 1));
}

/// Share of the way from the top to the final rate that is left at `progress` from 0 to 1.
double left_of_fall(Schedule schedule, double progress) {
  return schedule == Schedule::Cosine ? (1 + std::cos(std::numbers::pi * progress)) / 2 : 1 - progress;
}

double falling_rate(const TrainingSpec& training, double top, std::int64_t step, std::int64_t warmup_steps,
                    std::int64_t total_steps) {
  if (step < warmup_steps) return trunk_rate(top, step, warmup_steps);
  const double progress = static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
  const double final_rate = training.final_rate.value_or(kDefaultFinalRate);
  return top * (final_rate + (1 - final_rate) * left_of_fall(schedule_of(training).schedule, progress));
}

}  // namespace

double rate_at(const TrainingSpec& training, double top, std::int64_t step, std::int64_t warmup_steps,
               std::int64_t total_steps) {
  const ScheduleRow& schedule = schedule_of(training);
  if (schedule.needs_horizon) return falling_rate(training, top, step, warmup_steps, total_steps);
  if (schedule.schedule == Schedule::InverseSqrt) return inverse_sqrt_rate(top, step, warmup_steps);
  const std::int64_t leave = steps_of(training, total_steps).leave;
  return step < leave ? trunk_rate(top, step, warmup_steps) : branch_rate(top, step, leave, total_steps);
}

}  // namespace vernier::train
