#include "plan/post_training.h"

#include <algorithm>

#include "plan/numbers.h"

namespace vernier::plan {

std::vector<PtqTask> post_training_missing(const std::optional<PostTrainingAsked>& asked, const RunRecord& record,
                                           const std::vector<PostTrained>& present) {
  std::vector<PtqTask> missing;
  if (!asked || record.status != "done") return missing;
  for (const std::string& weights : asked->weights)
    for (const std::string& method : asked->methods) {
      const auto is_it = [&](const PostTrained& row) {
        return row.method == method && same_numbers({.weights = row.weights}, {.weights = weights});
      };
      if (std::none_of(present.begin(), present.end(), is_it)) missing.push_back({method, weights});
    }
  return missing;
}

}  // namespace vernier::plan
