#include "app/measure.h"

#include "data/corpus.h"
#include "sweep/executor.h"

namespace vernier::app {

std::optional<double> measured_speed(const plan::Cohort& cohort) {
  constexpr double kSeconds = 0.7;
  CorpusSpec corpus;  // the speed does not depend on what the tokens say
  corpus.oracle.vocab = cohort.shape.vocab;
  return sweep::measured_speed(cohort, data::open_corpus(corpus), sweep::machine_named("auto"), kSeconds);
}

}  // namespace vernier::app
