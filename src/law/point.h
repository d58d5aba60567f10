// What a law is asked about: one run, reduced to its size, its data, its bits and its loss.
#pragma once

#include <string>

namespace vernier::law {

/// One part of a model (weights, activations, or keys and values) as a precision law sees it.
struct Part {
  bool rounded = false;         ///< false: the factor of this part is 1 exactly
  double bits = 16;             ///< of one stored value, scales left out [bits]
  std::string number = "fp32";  ///< the number string, for laws with one constant per format
  bool stated = true;           ///< false where foreign data have no column for this part
};

struct RunPoint {
  std::string run;    ///< id, or the row of a foreign file
  double params = 0;  ///< N, parameters outside embeddings unless the fit says otherwise [1]
  double tokens = 0;  ///< D, training tokens [1]
  double loss = 0;    ///< L, on held-out tokens [nats per token]
  Part weights, activations, kv;
  /// What the rounding of this run is called; runs of one label share one constant of `free_eff`. "baseline" when
  /// nothing is rounded, else for example "int4/channel int4/tensor int4/tensor".
  std::string precision = "baseline";
  double weight = 1;  ///< of this run in the objective
};

}  // namespace vernier::law
