// What the store lacks of a cohort, and the waves in which it is trained.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "plan/cohorts.h"
#include "store/store.h"
#include "train/cohort.h"

namespace vernier::sweep {

/// Members with at least one missing run, and for each which horizons.
struct Remainder {
  plan::Cohort cohort;
  std::vector<std::vector<bool>> wanted;  ///< [member][horizon]

  bool empty() const { return cohort.members.empty(); }
  std::vector<bool> at(std::size_t horizon) const;
  /// Members that still want this horizon or a later one: they ride on the trunk.
  std::vector<bool> from(std::size_t horizon) const;
};

Remainder remainder_of(const plan::Cohort& cohort, const store::Store& store);

/// Waves of `size` members at most. Members whose trunk was saved go first, together, so that what was computed counts;
/// `trunks` are the names of the saved ones.
std::vector<Remainder> waves_of(const Remainder& rest, std::int64_t size, const std::set<std::string>& trunks);

/// Name of each member's trunk.
std::vector<std::string> trunk_names(const plan::Cohort& cohort);

std::int64_t count(const std::vector<bool>& active);

/// Steps of trunk and branches, summed over members.
double member_steps(const Remainder& rest);

/// Work of one member's step, for shares of time: FLOPs, and what the passes between the products cost on top, which
/// for small models is most of the time.
double work_of_step(const plan::Cohort& cohort);

train::CohortSpec spec_of(const plan::Cohort& cohort, bool recompute);

}  // namespace vernier::sweep
