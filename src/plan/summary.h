// What `vernier plan` says before anything is trained.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/cost.h"
#include "plan/experiment.h"
#include "plan/identify.h"
#include "plan/improve.h"
#include "plan/status.h"
#include "plan/waves.h"
#include "record/archive.h"

namespace vernier::plan {

/// A cohort, and how many of its members will be trained at the same time.
struct CohortWaves {
  ShapeSpec shape;
  std::int64_t members = 0;
  Waves waves;
};

struct Summary {
  std::string name, question;
  Cost cost;
  std::string speed_from;  ///< what the time estimate rests on; empty where there is none
  std::vector<CohortWaves> waves;
  Status status;
  Assumed assumed;
  Foreseen foreseen;
  std::optional<Improvement> improvement;  ///< where one was asked for
};

/// CONTRACTS.md, `vernier plan --json`.
Json to_json(const Summary& summary);

/// The same for a terminal.
std::string text_of(const Summary& summary);

}  // namespace vernier::plan
