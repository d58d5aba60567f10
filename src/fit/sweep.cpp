#include "fit/sweep.h"

#include <algorithm>
#include <limits>
#include <map>

#include "record/archive.h"

namespace vernier::fit {
namespace {

/// Names a model, whatever its learning rate and seed.
std::string name_of(const StoredRun& run) {
  RunSpec spec = run.spec;
  spec.training.learning_rate = 0;
  spec.seed = 0;
  return run.record.corpus_digest + to_json(spec).dump();
}

SweptRate rate_of(const std::vector<const StoredRun*>& seeds) {
  SweptRate rate{seeds[0]->spec.training.learning_rate, {}, 0.0};
  for (const StoredRun* run : seeds) {
    rate.runs.push_back(run->id);
    const auto loss = run->record.status == "done" ? run->record.loss_val : std::nullopt;
    rate.loss =
        rate.loss && loss ? std::optional(*rate.loss + *loss / static_cast<double>(seeds.size())) : std::nullopt;
  }
  return rate;
}

double loss_or_infinity(const SweptRate& rate) { return rate.loss.value_or(std::numeric_limits<double>::infinity()); }

}  // namespace

std::vector<RateSweep> rate_sweeps(const std::vector<StoredRun>& runs) {
  std::map<std::string, std::size_t> place;
  std::vector<std::map<double, std::vector<const StoredRun*>>> models;
  for (const StoredRun& run : runs) {
    const auto [at, is_new] = place.try_emplace(name_of(run), models.size());
    if (is_new) models.emplace_back();
    models[at->second][run.spec.training.learning_rate].push_back(&run);
  }
  std::vector<RateSweep> sweeps;
  for (const auto& rates : models) {
    if (rates.size() < 2) continue;
    RateSweep& sweep = sweeps.emplace_back();
    sweep.spec = rates.begin()->second[0]->spec;
    for (const auto& [rate, seeds] : rates) sweep.rates.push_back(rate_of(seeds));
    const auto less = [](const auto& a, const auto& b) { return loss_or_infinity(a) < loss_or_infinity(b); };
    sweep.best =
        static_cast<std::size_t>(std::min_element(sweep.rates.begin(), sweep.rates.end(), less) - sweep.rates.begin());
  }
  return sweeps;
}

std::map<std::string, std::string> beaten_runs(const std::vector<StoredRun>& runs) {
  std::map<std::string, std::string> beaten;
  for (const RateSweep& sweep : rate_sweeps(runs))
    for (const SweptRate& rate : sweep.rates)
      if (const double best = sweep.rates[sweep.best].learning_rate; rate.learning_rate != best)
        for (const std::string& run : rate.runs)
          beaten[run] = fmt::format("the learning rate {:g} gives a smaller loss than {:g}", best, rate.learning_rate);
  return beaten;
}

std::vector<StoredRun> at_best_rates(const std::vector<StoredRun>& runs) {
  const auto beaten = beaten_runs(runs);
  std::vector<StoredRun> kept;
  std::copy_if(runs.begin(), runs.end(), std::back_inserter(kept),
               [&](const StoredRun& run) { return !beaten.contains(run.id); });
  return kept;
}

}  // namespace vernier::fit
