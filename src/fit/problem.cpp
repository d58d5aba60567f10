#include "fit/problem.h"

#include "fit/dispatch.h"
#include "fit/law_problem.h"

namespace vernier::fit {

std::unique_ptr<Problem> make_problem(std::string_view law, const std::vector<law::RunPoint>& points, bool centred) {
  return with_law(
      law, [&]<class Law>() -> std::unique_ptr<Problem> { return std::make_unique<LawProblem<Law>>(points, centred); });
}

}  // namespace vernier::fit
