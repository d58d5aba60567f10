// What is measured of a model, and in which form the reference family's law is taken.
#pragma once

#include <array>
#include <string_view>

#include "base/table.h"

namespace vernier::density {

/// What is inverted to give an effective size.
enum class Measure {
  Score,     ///< share of tasks answered correctly, by both steps of arXiv 2412.04315
  TaskLoss,  ///< conditional loss -ln P(answer | context), by the first step alone
  Loss,      ///< language-model loss on held-out tokens
};

struct MeasureRow {
  std::string_view name;
  Measure measure;
  std::string_view words, unit;
};
inline constexpr std::array kMeasures{
    MeasureRow{"score", Measure::Score, "score", "share of tasks"},
    MeasureRow{"task_loss", Measure::TaskLoss, "conditional loss", "nats per token of an answer"},
    MeasureRow{"loss", Measure::Loss, "loss", "nats per token"}};
static_assert(names_differ(kMeasures));

inline const MeasureRow& row_of(Measure measure) { return kMeasures[static_cast<std::size_t>(measure)]; }
static_assert(kMeasures[1].measure == Measure::TaskLoss && kMeasures[2].measure == Measure::Loss);

/// The law of the conditional loss: as the paper prints it, or with the loss E that no size removes.
enum class Form { Auto, Paper, WithE };

struct FormRow {
  std::string_view name;
  Form form;
};
/// `auto` is the one of the others that predicts runs held out better.
inline constexpr std::array kForms{FormRow{"auto", Form::Auto}, FormRow{"paper", Form::Paper},
                                   FormRow{"with_e", Form::WithE}};
static_assert(names_differ(kForms));

}  // namespace vernier::density
