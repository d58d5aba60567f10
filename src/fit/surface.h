// Fitted laws as functions of N and D at one precision (law/surface.h), with what they need from another fit.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fit/fit.h"
#include "law/surface.h"

namespace vernier::fit {

/// The law at the precision of `point`; NaN members where that lies outside the law or has no constant. A law of
/// quantization after training is its penalty on top of its base law; without a base on top of point.loss_before, which
/// then does not depend on N and D. Throws Error for laws that are no function of N and D (densing_score).
law::Surface surface_of(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point);

/// visit(law, parameters) for every replicate, the law's base holding the parameters of its replicate of that number.
void for_each_replicate(const FitSummary& law,
                        const std::function<void(const FitSummary&, const std::vector<double>&)>& visit);

/// "forward 'int5': ...": what the point has that the fit has no constant for, one problem each, and what it has.
std::vector<std::string> unknown_labels(const FitSummary& law, const law::RunPoint& point);

/// The fit of `law` in FIT.json as read_fit() gives it. Where it predicts the loss after quantization and holds no
/// base, the fit of kumar_joint or chinchilla in the same file is its base, if there is one.
FitSummary read_fit_with_base(const std::string& path, const std::string& law = "");

}  // namespace vernier::fit
