// Decisions in words.
#pragma once

#include <string>

#include "fit/hypothesis.h"

namespace vernier::fit {

/// One or two sentences that a researcher can quote.
std::string sentence_of(const Decision& decision);

}  // namespace vernier::fit
