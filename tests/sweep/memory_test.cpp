// The estimate of `plan` against the truth: the largest resident size of a child process that trains, less that of one
// that trains next to nothing.
#include "plan/memory.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "catch.h"
#include "plan/grid.h"
#include "sweep/machine.h"

using namespace vernier;

namespace {

struct Case {
  std::string size;
  std::int64_t context, batch, members;
};

std::string text_of(const Case& c) {
  std::string seeds = "1";
  for (std::int64_t seed = 2; seed <= c.members; ++seed) seeds += fmt::format(", {}", seed);
  return fmt::format(
      "name: memory\ncorpus: {{kind: oracle, vocab: 64}}\nrecipe: 2024-wsd\ncontext: {}\n"
      "training: {{batch: {}, learning_rate: 0.001, warmup_tokens: 0}}\nvalidation_tokens: {}\n"
      "grid: {{sizes: [{}], tokens: [{}], numbers: [{{weights: int4/channel, activations: int8/token}}], seeds: "
      "[{}]}}\n"
      "fit: {{bootstrap: 0, laws: [chinchilla], holdout: none}}\n",
      c.context, c.batch, c.context * c.batch, c.size, 4 * c.context * c.batch, seeds);
}

struct Scratch {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("vernier-memory-" + std::to_string(::getpid()));
  explicit Scratch(const Case& c) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "experiment.yaml") << text_of(c);
  }
  ~Scratch() { std::filesystem::remove_all(folder); }
};

/// Largest resident size of `vernier run` on this experiment [bytes].
std::int64_t resident_of_run(const Scratch& scratch) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(VERNIER_PROGRAM, VERNIER_PROGRAM, "run", scratch.folder.c_str(), "--device", "cpu", nullptr);
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  REQUIRE(::wait4(child, &status, 0, &used) == child);
  REQUIRE(status == 0);
  return 1024 * used.ru_maxrss;
}

std::int64_t estimated(const Scratch& scratch) {
  const auto experiment = plan::read_experiment(scratch.folder);
  const auto cohort = plan::cohorts_of(plan::runs_of(experiment), experiment.corpus_digest).at(0);
  const auto members = static_cast<std::int64_t>(cohort.members.size());
  return plan::peak_bytes(cohort, members, sweep::resources_of(sweep::machine_named("cpu")), false);
}

}  // namespace

TEST_CASE("the estimated peak of memory is within 15 % of the truth", "[sweep][slow]") {
  const auto c = GENERATE(Case{"{depth: 4, width: 256, heads: 4}", 256, 8, 2},
                          Case{"{depth: 8, width: 128, heads: 4}", 256, 16, 2},
                          Case{"{depth: 2, width: 512, heads: 8}", 64, 2, 4});
  const std::int64_t program = resident_of_run(Scratch({"{depth: 1, width: 8, heads: 1}", 32, 2, 1}));
  const Scratch scratch(c);
  const double truth = static_cast<double>(resident_of_run(scratch) - program);
  const double estimate = static_cast<double>(estimated(scratch));
  INFO(c.size << ": estimated " << estimate / 1e6 << " MB, found " << truth / 1e6 << " MB");
  CHECK(std::abs(estimate / truth - 1) < 0.15);
}
