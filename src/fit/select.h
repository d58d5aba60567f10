// Which of the rows a law speaks about, and why it does not speak about one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fit/summary.h"
#include "law/point.h"
#include "law/symbol.h"

namespace vernier::fit {

/// What `law` predicts; throws Error for an unknown law.
law::Target target_of(std::string_view law);

/// The rows that have what `law` predicts, in their order, with that as their `loss`:
///
///   Loss          trained models, not those quantized afterwards
///   PostTraining  models quantized after training whose loss before it is known
///   TaskLoss      models with a conditional loss of tasks; where no row has one, the loss of trained models stands in
///   TaskScore     models with a conditional loss and a score
std::vector<law::RunPoint> points_for(std::string_view law, const std::vector<law::RunPoint>& points);

/// Those of the points of its kind (trained, or quantized after training) that `law` is not fitted to, as they do not
/// have what it predicts.
std::vector<Excluded> without_target(std::string_view law, const std::vector<law::RunPoint>& points);

/// Points in one order, whatever order they came in, so that sums and draws do not depend on it.
std::vector<law::RunPoint> in_one_order(std::vector<law::RunPoint> points);

/// Why `law` cannot say anything about a point, for one about which it says NaN whatever its parameters.
std::string why_outside(std::string_view law, const law::RunPoint& point);

}  // namespace vernier::fit
