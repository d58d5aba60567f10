// The quantity that an experiment is to find out: a parameter of a law, or what follows from its parameters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/identify.h"

namespace vernier::plan {

struct NamedQuantity {
  std::string law, name;
  std::string why;  ///< "given", or why it was chosen
};

/// Finds the law of `name` (empty: see plan/improve.h) among `laws`; `foreseen` is what the grid as written says.
/// Throws Error naming what could be asked for.
NamedQuantity choose_quantity(const std::string& name, const std::vector<std::string>& laws, const Foreseen& foreseen);

/// The value of a quantity and its derivatives by the coordinates.
struct Slope {
  double value = 0;
  bool log = false;  ///< the gradient is that of its logarithm
  Eigen::VectorXd gradient;
  Judged rule;
};

/// Of a quantity that was chosen by its name in `written`, by the coordinates of `at`, which may know more labels and
/// so give them other names. Throws Error where N* lacks `compute`, and where the quantity does not move with the
/// parameters: a P* at an end of its range or one of a list of formats.
Slope slope_of(const NamedQuantity& quantity, const Sensitivity& at, const Sensitivity& written,
               std::optional<double> compute);

}  // namespace vernier::plan
