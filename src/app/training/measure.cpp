#include "app/measure.h"

#include "data/corpus.h"
#include "sweep/speed.h"

namespace vernier::app {

std::optional<double> measured_speed(const plan::Cohort& cohort) {
  constexpr double kSeconds = 0.7;
  CorpusSpec corpus;  // the speed does not depend on what the tokens say
  corpus.oracle.vocab = cohort.shape.vocab;
  return sweep::measured_speed(cohort, data::open_corpus(corpus), sweep::machine_named("auto"), kSeconds).mean;
}

plan::Resources resources_here() { return sweep::resources_of(sweep::machine_named("auto")); }

plan::SpeedBook speeds_here(const std::filesystem::path& store) {
  return plan::SpeedBook(store, sweep::name_of(sweep::machine_named("auto")));
}

}  // namespace vernier::app
