#include "base/error.h"

#include <fmt/ranges.h>

namespace vernier {

void refuse_if(const Problems& problems) {
  if (!problems.empty()) throw Error(fmt::format("{}", fmt::join(problems, "\n")));
}

}  // namespace vernier
