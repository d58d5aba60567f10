// Says at once what goes wrong in training: jumps of a loss, and losses that are no numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/cohorts.h"
#include "train/spikes.h"

namespace vernier::sweep {

/// Watches the members of a cohort. A copy goes its own way: a branch takes one of the trunk's along. Nothing that is
/// stored depends on it.
class Alarms {
 public:
  explicit Alarms(const plan::Cohort& cohort);

  /// One step of a member, by whichever thread computed it; a member's steps come in order. Gives what there is to say.
  std::optional<std::string> seen(std::size_t member, std::int64_t step, double loss, double norm);

 private:
  struct Watched {
    std::string name;
    train::SpikeWatch spikes;
    bool diverged = false;
  };
  std::vector<Watched> members_;
};

}  // namespace vernier::sweep
