// Stands in for app/training where vernier was built without LibTorch: the verbs exist and say what is needed.
#include <algorithm>
#include <limits>
#include <thread>

#include "app/measure.h"
#include "app/verbs.h"
#include "base/error.h"

namespace vernier::app {

namespace {
void refuse(CLI::App& program, const std::string& name, const std::string& above = "") {
  CLI::App* verb = program.add_subcommand(name, "needs the training half (absent from this build)");
  verb->allow_extras();
  verb->callback([whole = above + name] {
    throw Error(whole +
                ": this build has no training half; configure it with VERNIER_TRAINING=ON (the release preset)");
  });
}
}  // namespace

std::optional<double> measured_speed(const plan::Cohort&) { return std::nullopt; }

namespace {
std::int64_t threads_here() { return std::max<std::int64_t>(1, std::thread::hardware_concurrency()); }
}  // namespace

plan::Resources resources_here() {
  return {plan::memory_available().value_or(std::numeric_limits<std::int64_t>::max()), threads_here(), false};
}

plan::SpeedBook speeds_here(const std::filesystem::path& store) {
  return plan::SpeedBook(store, {plan::host_name(), "cpu", threads_here()});
}

void add_run(CLI::App& program) { refuse(program, "run"); }
void add_eval(CLI::App& program) { refuse(program, "eval"); }
void add_ptq(CLI::App& program) { refuse(program, "ptq"); }
void add_signature(CLI::App& program) { refuse(program, "signature"); }

void add_bench(CLI::App& program) {
  CLI::App* bench = program.add_subcommand("bench", "speed of this machine");
  bench->require_subcommand(1);
  add_bench_fit(*bench);
  for (const char* name : {"train", "quantize", "carrier"}) refuse(*bench, name, "bench ");
}

}  // namespace vernier::app
