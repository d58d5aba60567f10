#include "train/spikes.h"

#include <cmath>
#include <limits>
#include <vector>

#include "catch.h"

using vernier::train::spike_at;
using vernier::train::SpikeWatch;

namespace {

/// Falls as training does, and wobbles.
double calm(std::int64_t step) {
  return 2 + 3 * std::exp(-static_cast<double>(step) / 50) + 0.02 * std::sin(static_cast<double>(step * step));
}

std::vector<vernier::train::Spike> spikes_of(const std::vector<double>& losses) {
  SpikeWatch watch;
  std::vector<vernier::train::Spike> spikes;
  for (std::size_t i = 0; i < losses.size(); ++i)
    if (const auto spike = spike_at(watch, static_cast<std::int64_t>(i + 1), losses[i])) spikes.push_back(*spike);
  return spikes;
}

std::vector<double> calm_losses(std::size_t steps) {
  std::vector<double> losses;
  for (std::size_t i = 0; i < steps; ++i) losses.push_back(calm(static_cast<std::int64_t>(i)));
  return losses;
}

}  // namespace

TEST_CASE("a loss that falls and wobbles has no spikes", "[train][fast]") {
  CHECK(spikes_of(calm_losses(500)).empty());
}

TEST_CASE("a jump is told once, with its first step and how far it reaches", "[train][fast]") {
  auto losses = calm_losses(500);
  for (std::size_t i = 300; i < 310; ++i) losses[i] += 1.5;
  losses[400] += 0.8;
  const auto spikes = spikes_of(losses);
  REQUIRE(spikes.size() == 2);
  CHECK(spikes[0].step == 301);
  CHECK(spikes[0].loss == losses[300]);
  CHECK(std::abs(spikes[0].above - 1.5) < 0.1);
  CHECK(spikes[1].step == 401);
}

TEST_CASE("a jump to a level that stays is one spike", "[train][fast]") {
  auto losses = calm_losses(500);
  for (std::size_t i = 300; i < losses.size(); ++i) losses[i] += 2;
  CHECK(spikes_of(losses).size() == 1);
}

TEST_CASE("where losses spread widely, only what lies beyond their spread is a spike", "[train][fast]") {
  std::vector<double> losses;
  for (int i = 0; i < 200; ++i) losses.push_back(4 + (i % 2 == 0 ? 0.4 : -0.4));
  losses[150] = 6;
  CHECK(spikes_of(losses).empty());
  losses[150] = 13;
  CHECK(spikes_of(losses).size() == 1);
}

TEST_CASE("losses that are no numbers are no spikes, and hide none", "[train][fast]") {
  auto losses = calm_losses(500);
  losses[200] = std::numeric_limits<double>::quiet_NaN();
  losses[201] = std::numeric_limits<double>::infinity();
  losses[300] += 1;
  CHECK(spikes_of(losses).size() == 1);
}
