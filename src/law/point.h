// What a law is asked about: one run, reduced to its size, its data, its bits and its loss.
#pragma once

#include <limits>
#include <string>

namespace vernier::law {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// One part of a model (weights, activations, keys and values, or gradients) as a precision law sees it.
struct Part {
  bool rounded = false;         ///< false: the factor of this part is 1 exactly
  double bits = 16;             ///< of one stored value, scales left out [bits]; NaN for a format known by name alone
  std::string number = "fp32";  ///< the number string, for laws with one constant per format
  bool stated = true;           ///< false where foreign data have no column for this part
  double gaussian_error = kUnknown;  ///< mean of (x - Q(x))^2 for x ~ N(0, 1), the scale rule being the number's [1]
  double group = kUnknown;           ///< elements per scale [1]
  double exponent_bits = kUnknown,
         mantissa_bits = kUnknown;  ///< of a float format, sign and hidden bit left out [bits]
};

struct RunPoint {
  std::string run;    ///< id, or the row of a foreign file
  double params = 0;  ///< N, parameters outside embeddings unless the fit says otherwise [1]
  double tokens = 0;  ///< D, training tokens [1]
  double loss = 0;    ///< what the law predicts: L on held-out tokens [nats per token], or a score
  Part weights, activations, kv;
  /// What the rounding of this run is called; runs of one label share one constant of `free_eff`. "baseline" when
  /// nothing is rounded, else for example "int4/channel int4/tensor int4/tensor".
  std::string precision = "baseline";
  std::string forward = "baseline", backward = "baseline";  ///< the same of either pass alone
  Part post{false, kUnknown, "fp32", false};  ///< weights quantized after training; `rounded` false where nothing was
  std::string method;                         ///< of that quantization: rtn | gptq | awq, or a foreign name
  double loss_before = kUnknown;              ///< of the same model without it [nats per token]
  double task_loss = kUnknown;                ///< conditional loss -ln P(answer | context) [nats]
  double task_accuracy = kUnknown;            ///< share of tasks answered correctly [1]
  double task_loss_se = kUnknown, task_accuracy_se = kUnknown;  ///< standard errors of these over tasks
  std::string seed;                                             ///< of a replicate; empty where the data state none
  double weight = 1;                                            ///< of this run in the objective
};

}  // namespace vernier::law
