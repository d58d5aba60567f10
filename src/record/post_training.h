// Ways to quantize the weights of a model that is trained already; src/ptq/README.md says what each does.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/table.h"

namespace vernier {

enum class PtqMethod {
  Rtn,   ///< round to nearest
  Gptq,  ///< Frantar et al., arXiv 2210.17323
  Awq,   ///< Lin et al., arXiv 2306.00978
};

struct PtqMethodRow {
  std::string_view name;
  PtqMethod method;
};
inline constexpr std::array kPtqMethods{PtqMethodRow{"rtn", PtqMethod::Rtn}, PtqMethodRow{"gptq", PtqMethod::Gptq},
                                        PtqMethodRow{"awq", PtqMethod::Awq}};
static_assert(names_differ(kPtqMethods));

/// What to make of a trained model.
struct PtqTask {
  std::string method;   ///< of kPtqMethods
  std::string weights;  ///< number string
};

inline constexpr std::int64_t kCalibrationSequences = 128;  ///< of the training part, unless asked otherwise

}  // namespace vernier
