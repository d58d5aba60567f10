#include "sweep/post_training.h"

#include <torch/torch.h>

#include "plan/post_training.h"
#include "ptq/evaluate.h"

namespace vernier::sweep {

namespace {

std::vector<PtqTask> missing_of(const plan::Experiment& experiment, const StoredRun& run) {
  return plan::post_training_missing(experiment.post_training, run.record, run.post_trained);
}

/// The stored runs of a cohort that lack rows.
std::vector<StoredRun> lacking(const plan::Experiment& experiment, const plan::Cohort& cohort,
                               const store::Store& store) {
  std::vector<StoredRun> runs;
  if (!experiment.post_training) return runs;
  for (const auto& member : cohort.runs)
    for (const auto& run : member) {
      if (!run || !store.has(run->id)) continue;
      StoredRun stored = store::read_run(store.folder_of(run->id));
      if (!missing_of(experiment, stored).empty()) runs.push_back(std::move(stored));
    }
  return runs;
}

}  // namespace

std::vector<PostTrained> missing_post_trained(const plan::Experiment& experiment, const StoredRun& run,
                                              const train::Checkpoint& checkpoint, const Machine& machine) {
  const auto tasks = missing_of(experiment, run);
  if (tasks.empty()) return {};
  return ptq::post_trained({experiment.opened, run.spec, machine.device, machine.threads}, checkpoint,
                           *run.record.loss_val, tasks, experiment.post_training->calibration);
}

bool lacks_post_trained(const plan::Experiment& experiment, const plan::Cohort& cohort, const store::Store& store) {
  return !lacking(experiment, cohort, store).empty();
}

std::int64_t add_post_trained(const plan::Experiment& experiment, const plan::Cohort& cohort, const store::Store& store,
                              const Machine& machine, const std::atomic<bool>& stop) {
  const auto runs = lacking(experiment, cohort, store);
  for (const StoredRun& run : runs) {
    if (stop) throw Interrupted("stopped; everything finished is kept, and the same command continues");
    const auto checkpoint = train::read_checkpoint(store.folder_of(run.id), machine.device);
    store.add_post_trained(run.id, missing_post_trained(experiment, run, checkpoint, machine));
  }
  return static_cast<std::int64_t>(runs.size());
}

}  // namespace vernier::sweep
