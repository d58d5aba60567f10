// Which runs are kept out of a fit, to be predicted by it.
#pragma once

#include <string>
#include <vector>

#include "base/stream.h"
#include "law/point.h"

namespace vernier::fit {

struct Split {
  std::vector<law::RunPoint> fitted, held_out;
};

/// `rule`: largest_n:k or largest_d:k hold out all runs of the k largest distinct N or D; fraction:f holds out that
/// share of the runs of each precision, drawn; unseen_precision gives one split for each precision that is not the
/// baseline, which holds out all of its runs. Throws Error for another rule or when nothing, or nothing else, would be
/// held out.
std::vector<Split> splits(const std::vector<law::RunPoint>& points, const std::string& rule, const Stream& stream);

}  // namespace vernier::fit
