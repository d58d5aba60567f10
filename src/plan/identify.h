// What a grid will be able to identify, before anything is trained: the interval of each parameter that
// plan/sensitivity.h expects.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "fit/fit.h"
#include "plan/assumed.h"
#include "plan/sensitivity.h"
#include "record/run_spec.h"

namespace vernier::plan {

struct Expected {
  std::string law, parameter;
  double value = 0;              ///< assumed
  std::optional<double> lo, hi;  ///< expected 90 % interval; absent where the runs leave the parameter free
  bool identified = false;
  std::vector<std::string> with;  ///< of one that is not identified: parameters that move with it, closest first
};

/// A law of which nothing is foreseen.
struct NotForeseen {
  std::string law, why;
};

struct Foreseen {
  std::vector<Expected> identifies;
  std::vector<NotForeseen> not_foreseen;
};

/// Expected intervals of the parameters of `laws` from these points. Parameters that act on no run are left out, as in
/// a fit, and those that `options` or the law's usual values fix. A law that knows no precision takes unrounded runs
/// only. Throws Error for a law that is not known.
///
/// A law is not foreseen where it predicts scores of tasks, where no point has what it predicts or lies within it, and
/// where a fit would refuse the options.
Foreseen foresee(const std::vector<std::string>& laws, const std::vector<law::RunPoint>& points, const Assumed& assumed,
                 const fit::FitOptions& options = {});

/// How an interval is judged: the rule of fit/identified.h, without the profile, which only data have.
struct Judged {
  bool may_be_zero = false;  ///< it may be half as wide as 1, others as half of their value
  bool scaled = false;       ///< a coefficient whose unit depends on an exponent: its ends may differ by a factor of 3
  double lowest = -INFINITY, highest = INFINITY;  ///< which it may not touch
};
Judged judged(const Sensitivity& at, std::size_t p);

/// The expected interval of something with this value and error; absent error: left free.
Expected expected_of(double value, bool log, std::optional<double> error, const Judged& rule);

/// Those of the points that `law` would be fitted to; throws Error that says why there are none.
std::vector<law::RunPoint> points_of_law(const std::string& law, const std::vector<law::RunPoint>& points);

/// The points of `law` with it; throws Error that says why it cannot be foreseen.
Sensitivity foresight(const std::string& law, const std::vector<law::RunPoint>& points,
                      const std::vector<law::RunPoint>& anchor, const Assumed& assumed, const fit::FitOptions& options);

/// Runs that do not exist yet as points of a law; their losses are not known.
std::vector<law::RunPoint> points_of(const std::vector<RunSpec>& runs);

/// What post-training quantization makes of such points: one for each with every method and number, its loss before
/// that of the assumed law about `centre`.
std::vector<law::RunPoint> post_trained(const std::vector<law::RunPoint>& points, const PostTrainingAsked& asked,
                                        const Centre& centre, const Assumed& assumed);

/// All points that an experiment makes of these runs, trained ones first; assumptions about the loss before
/// quantization are made at `centre`, where none is given at that of the runs.
std::vector<law::RunPoint> points_of(const Experiment& experiment, const std::vector<RunSpec>& runs,
                                     const Assumed& assumed, std::optional<Centre> centre = {});

/// `fit.tie` and `fit.fix` of an experiment as options of a fit of `law`; throws Error for what is neither.
fit::FitOptions options_of(const FitAsked& asked);

/// Names of the laws of law/laws.h.
std::vector<std::string> law_names();

}  // namespace vernier::plan
