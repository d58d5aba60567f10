#include "sweep/compression.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include <memory>
#include <mutex>

#include "compress/compress.h"
#include "train/on_threads.h"

namespace vernier::sweep {

namespace {

/// One row that is missing, and what it is made of.
struct Job {
  std::shared_ptr<const StoredRun> run;
  std::shared_ptr<const train::Checkpoint> model;
  CompressionTask task;
};

/// The stored runs of a cohort that lack rows.
std::vector<StoredRun> lacking(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                               const store::Store& store) {
  std::vector<StoredRun> runs;
  if (!compression) return runs;
  for (const auto& member : cohort.runs)
    for (const auto& run : member) {
      if (!run || plan::variants_of(*compression, run->spec).empty() || !store.has(run->id)) continue;
      StoredRun stored = store::read_run(store.folder_of(run->id));
      if (!plan::variants_missing(compression, stored).empty()) runs.push_back(std::move(stored));
    }
  return runs;
}

bool is_student(const Job& job) { return job.task.depth.has_value(); }

/// Students first, which take longest: threads then end at about the same time.
std::vector<Job> jobs_of(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                         const Site& site) {
  std::vector<Job> jobs;
  for (StoredRun& run : lacking(compression, cohort, site.store)) {
    const auto shared = std::make_shared<const StoredRun>(std::move(run));
    const auto model = std::make_shared<const train::Checkpoint>(
        train::read_checkpoint(site.store.folder_of(shared->id), site.machine.device));
    for (CompressionTask& task : plan::variants_missing(compression, *shared))
      jobs.push_back({shared, model, std::move(task)});
  }
  std::stable_partition(jobs.begin(), jobs.end(), is_student);
  return jobs;
}

std::string text_of(const CompressionTask& task) {
  if (task.share) return fmt::format("{} {}", task.method, *task.share);
  return fmt::format("{} to depth {} width {}", task.method, task.depth.value_or(0), task.width.value_or(0));
}

void announce(const Job& job, const Compressed& row) {
  const std::string loss = row.loss ? fmt::format("loss {:.4f}", *row.loss) : "no finite loss";
  spdlog::info("run {} (loss {:.4f}) {}, {} tokens more: {:.0f} parameters, {}", job.run->id,
               job.run->record.loss_val.value_or(NAN), text_of(job.task), job.task.tokens, row.params, loss);
}

/// Every piece on one thread: pieces that do not fill all threads would be computed one after another.
void share_out(const Machine& machine, std::size_t pieces, const std::function<void(std::size_t)>& work) {
  const auto threads = static_cast<std::size_t>(machine.device.is_cpu() ? std::max(machine.threads, 1) : 1);
  const std::size_t filled = (pieces + threads - 1) / threads * threads;
  train::on_threads(static_cast<int>(threads), filled, [&](std::size_t i) {
    if (i < pieces) work(i);
  });
}

}  // namespace

bool lacks_compressed(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                      const store::Store& store) {
  return !lacking(compression, cohort, store).empty();
}

std::int64_t add_compressed(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                            const Site& site) {
  const std::vector<Job> jobs = jobs_of(compression, cohort, site);
  std::mutex writing;
  share_out(site.machine, jobs.size(), [&](std::size_t i) {
    const auto& [run, model, task] = jobs[i];
    const ptq::Ground ground{site.experiment.opened, run->spec, site.machine.device, 1};
    const Compressed row = compress::compressed(ground, *model, task, site.stop);
    const std::lock_guard lock(writing);
    site.store.add_compressed(run->id, {row});
    site.progress.make_way();
    announce(jobs[i], row);
  });
  return static_cast<std::int64_t>(jobs.size());
}

}  // namespace vernier::sweep
