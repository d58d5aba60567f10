// How both laws are drawn against each other, whatever density was measured by.
#pragma once

#include <string>

#include "record/archive.h"

namespace vernier::report {

/// Density against N_eff/N with both intervals, and the line on which they are the same. Rows have format, share and
/// density, and share_lo, share_hi, density_lo, density_hi where they are known.
Json both_laws_spec(const std::string& title, const Json& rows, const std::string& x_title, const std::string& y_title);

}  // namespace vernier::report
