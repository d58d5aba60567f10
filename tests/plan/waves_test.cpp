#include "plan/waves.h"

#include <unistd.h>

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "plan/speeds.h"
#include "record/footprint.h"
#include "record/recipe.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Twelve members: two numbers, six seeds.
Cohort twelve() {
  const Experiment experiment = read(kSmall, {"grid.sizes=[{depth: 2, width: 32}]", "grid.seeds=[1, 2, 3, 4, 5, 6]"});
  return cohorts_of(runs_of(experiment), experiment.corpus_digest).at(0);
}

Resources with_room_for(std::int64_t members, std::int64_t workers = 2) {
  Resources resources{0, workers, false};
  resources.bytes = peak_bytes(twelve(), members, resources, false) * 5 / 4 + 2;
  return resources;
}

}  // namespace

TEST_CASE("the peak grows with members by their states, with workers by their activations", "[plan][fast]") {
  const Cohort cohort = twelve();
  const auto floats = static_cast<std::int64_t>(parameters_of({}, cohort.shape).total());
  const auto peak = [&](std::int64_t members, std::int64_t workers) {
    return peak_bytes(cohort, members, {0, workers, false}, false);
  };
  CHECK(peak(8, 2) - peak(7, 2) == 2 * 12 * floats);
  CHECK(peak(8, 3) - peak(8, 2) ==
        4 * floats + step_bytes({}, cohort.shape, cohort.training.batch, cohort.members[0].numbers, false, false));
  CHECK(peak(1, 2) == peak(1, 1));
  CHECK(peak_bytes(cohort, 4, {0, 2, true}, false) > peak(4, 4));
  CHECK(peak_bytes(cohort, 4, {0, 2, false}, true) < peak(4, 2));
}

TEST_CASE("sizes of waves double up to all", "[plan][fast]") {
  CHECK(wave_sizes(12) == std::vector<std::int64_t>{1, 2, 4, 8, 12});
  CHECK(wave_sizes(8) == std::vector<std::int64_t>{1, 2, 4, 8});
  CHECK(wave_sizes(1) == std::vector<std::int64_t>{1});
}

TEST_CASE("no size leaves threads of a CPU idle where another one fits", "[plan][fast]") {
  CHECK(sizes_that_fit(twelve(), with_room_for(12, 4), false) == std::vector<std::int64_t>{4, 8, 12});
  CHECK(sizes_that_fit(twelve(), with_room_for(2, 4), false) == std::vector<std::int64_t>{2});
}

TEST_CASE("all members are trained at once where they fit", "[plan][fast]") {
  const Waves waves = waves_of(twelve(), with_room_for(12));
  CHECK((waves.members == 12 && waves.count == 1 && waves.fits && !waves.recompute));
  CHECK(waves.why == "all fit into the free memory");
}

TEST_CASE("memory limits the members of a wave, and waves are about equally large", "[plan][fast]") {
  const Waves waves = waves_of(twelve(), with_room_for(8));
  CHECK((waves.members == 6 && waves.count == 2));
  CHECK(waves.bytes == peak_bytes(twelve(), 6, with_room_for(8), false));
  CHECK_THAT(text_of(waves, 12), ContainsSubstring("6 of 12 members at a time (as many as fit into"));
}

TEST_CASE("activations are computed again only where not even one member fits", "[plan][fast]") {
  const Cohort cohort = twelve();
  Resources resources = with_room_for(1);
  CHECK(!waves_of(cohort, resources).recompute);
  resources.bytes = peak_bytes(cohort, 1, resources, true) * 5 / 4 + 2;
  const Waves tight = waves_of(cohort, resources);
  CHECK((tight.recompute && tight.fits && tight.members == 1));
  CHECK_THAT(text_of(tight, 12), ContainsSubstring("computed again"));
  resources.bytes = 1000;
  CHECK(!waves_of(cohort, resources).fits);
  CHECK(waves_of(cohort, resources).members == 1);
}

TEST_CASE("a smaller wave is chosen where it was measured to be clearly faster", "[plan][fast]") {
  const auto with_speed_of_four = [](double speed) {
    return waves_of(twelve(), with_room_for(12), [=](std::int64_t members) -> std::optional<double> {
      if (members == 12) return 1000;
      return members == 4 ? std::optional(speed) : std::nullopt;
    });
  };
  CHECK(with_speed_of_four(1010).members == 12);
  CHECK(with_speed_of_four(1300).members == 4);
  CHECK_THAT(with_speed_of_four(1300).why, ContainsSubstring("measured: 1300 tokens/s, 12 at a time 1000"));
}

TEST_CASE("a measured speed is remembered for its shape, members and machine only", "[plan][fast]") {
  const auto store = std::filesystem::temp_directory_path() / fmt::format("vernier-speeds-{}", ::getpid());
  const Cohort cohort = twelve();
  const SpeedBook book(store, {"here", "cpu", 2});
  CHECK(!book.find(cohort, 4));
  book.add(cohort, 4, 1234.5);
  CHECK(book.find(cohort, 4) == 1234.5);
  CHECK(!book.find(cohort, 8));
  CHECK(!SpeedBook(store, {"there", "cpu", 2}).find(cohort, 4));
  Cohort wider = cohort;
  wider.shape.width *= 2;
  CHECK(!book.find(wider, 4));
  std::filesystem::remove_all(store);
}

TEST_CASE("this machine has free memory", "[plan][fast]") { CHECK(memory_available().value_or(1) > 0); }
