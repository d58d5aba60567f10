// What is taken for true before anything is trained: a law for any scale, or one that was fitted to other runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/problem.h"
#include "fit/summary.h"
#include "law/point.h"
#include "plan/experiment.h"

namespace vernier::plan {

/// The law that is assumed, so that it fits any scale: at the geometric means of N and D the terms of size and data are
/// `reducible` each. Rounding follows f = 1 - e^(-P/gamma) in every part. What the other laws have beside this stands
/// in a table, from the constants printed in LAWS.md. A law that is among `fits` takes its values from there.
struct Assumed {
  double noise = 0.005;               ///< standard deviation of ln L from seed to seed
  double floor = 1.5;                 ///< E [nats per token]
  double reducible = 0.25;            ///< A N0^-alpha and B D0^-beta [nats per token]
  double exponent = 0.4;              ///< alpha and beta
  double gamma = 2.0;                 ///< [bits]
  std::vector<fit::FitSummary> fits;  ///< of other runs; at most one of each law
};

/// The usual assumptions, with the floor that the corpus knows, where it does.
Assumed assumed_for(const Experiment& experiment);

/// The same with the laws that `path` holds (what `vernier fit --json` printed, or a report's fits.json), and as noise
/// the rms_log of the first of `laws` that is among them, else of the best. Throws Error as fit::read_fits.
void assume_fits(Assumed& assumed, const std::string& path, const std::vector<std::string>& laws);

/// Whether the table has a value for this symbol; every law has one for each of its symbols.
bool has_assumed_value(std::string_view law, std::string_view symbol);

/// The value of a parameter where N and D are divided by their geometric means n0 and d0: coefficients are in nats.
/// `points` say what the rounding of a label is. Throws Failure where the table has no row for it.
double assumed_value(std::string_view law, const fit::Parameter& parameter, const std::vector<law::RunPoint>& points,
                     const Assumed& assumed);

/// The value that a fit among `assumed.fits` has for the parameter, for N and D as they are; absent where none has.
std::optional<double> fitted_value(std::string_view law, const fit::Parameter& parameter, const Assumed& assumed);

/// Geometric means of N and D, in which the assumptions are made.
struct Centre {
  double params = 1, tokens = 1;
};
Centre centre_of(const std::vector<law::RunPoint>& points);

/// Loss of a trained model by the base form, its size times the share that rounding leaves [nats per token].
double assumed_loss(const law::RunPoint& point, const Centre& centre, const Assumed& assumed);

}  // namespace vernier::plan
