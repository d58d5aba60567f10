#include "plan/status.h"

#include <algorithm>
#include <map>
#include <set>

#include "plan/compression.h"
#include "plan/post_training.h"
#include "store/store.h"

namespace fs = std::filesystem;

namespace vernier::plan {

namespace {

std::string_view name_of(State state) {
  return std::find_if(kStates.begin(), kStates.end(), [&](const StateRow& row) { return row.state == state; })->name;
}

/// What the store holds, and who is at work in it.
struct Found {
  std::map<std::string, StoredRun> runs;
  std::map<std::string, std::string> broken;  ///< folder -> why
  std::set<std::string> claimed;              ///< ids of runs whose cohort somebody has claimed
};

Found look_into(const fs::path& path, const std::vector<Cohort>& cohorts) {
  Found found;
  if (!fs::exists(path)) return found;
  std::vector<store::Broken> broken;
  for (auto& run : store::read_runs(path, broken)) found.runs.emplace(run.id, std::move(run));
  for (auto& folder : broken) found.broken.emplace(folder.folder, std::move(folder.why));
  const store::Store store(path);
  for (const auto& cohort : cohorts) {
    if (!store.is_claimed(cohort.name)) continue;
    for (const auto& member : cohort.runs)
      for (const auto& run : member)
        if (run) found.claimed.insert(run->id);
  }
  return found;
}

RunState state_of(const std::string& id, const RunSpec& spec, const Found& found) {
  RunState run{.id = id, .state = State::Missing, .spec = spec, .loss_val = {}, .diverged_at = {}, .why = ""};
  if (const auto stored = found.runs.find(id); stored != found.runs.end()) {
    const RunRecord& record = stored->second.record;
    run.state = record.status == "diverged" ? State::Diverged : State::Done;
    run.loss_val = record.loss_val;
    run.diverged_at = record.diverged_at;
  } else if (found.claimed.contains(id)) {
    run.state = State::Running;
  } else if (const auto folder = found.broken.find(id); folder != found.broken.end()) {
    run.state = State::Broken;
    run.why = folder->second;
  }
  return run;
}

void count(Status& status, const RunState& run) {
  status.done += run.state == State::Done;
  status.running += run.state == State::Running;
  status.missing += run.state == State::Missing;
  status.diverged += run.state == State::Diverged;
  status.broken += run.state == State::Broken;
  if (run.state == State::Done || run.state == State::Diverged) status.tokens_done += run.spec->tokens;
}

/// What is asked of one run after all training, and what of it the store lacks.
void count_rows(Status& status, const std::optional<Compression>& compression, const RunSpec& spec,
                const StoredRun* stored) {
  if (!compression || (stored && stored->record.status != "done")) return;
  const auto asked = variants_of(*compression, spec);
  *status.compression_rows += static_cast<std::int64_t>(asked.size());
  *status.compression_missing +=
      static_cast<std::int64_t>(stored ? variants_missing(compression, *stored).size() : asked.size());
  for (const CompressionTask& task : asked) status.compression_tokens += task.tokens;
}

Json to_json(const RunState& run) {
  Json json{{"id", run.id}, {"state", name_of(run.state)}};
  if (run.spec) {
    json["depth"] = run.spec->shape.depth;
    json["width"] = run.spec->shape.width;
    json["tokens"] = run.spec->tokens;
    json["numbers"] = vernier::to_json(run.spec->numbers);
    json["learning_rate"] = run.spec->training.learning_rate;
    json["seed"] = run.spec->seed;
  }
  if (run.loss_val) json["loss_val"] = *run.loss_val;
  if (run.diverged_at) json["diverged_at"] = *run.diverged_at;
  if (!run.why.empty()) json["why"] = run.why;
  return json;
}

}  // namespace

Status status_of(const std::vector<Cohort>& cohorts, const std::vector<RunSpec>& runs, const fs::path& path,
                 const std::optional<PostTrainingAsked>& post_training,
                 const std::optional<CompressionAsked>& compression) {
  const Found found = look_into(path, cohorts);
  Status status;
  if (post_training) status.post_training_missing = 0;
  if (compression) status.compression_rows = status.compression_missing = 0;
  const auto smaller = compression_of(compression, runs);
  std::set<std::string> planned;
  for (const auto& spec : runs) {
    const std::string id = run_id(spec, cohorts.at(0).corpus_digest);
    if (!planned.insert(id).second) continue;
    status.runs.push_back(state_of(id, spec, found));
    status.tokens_planned += spec.tokens;
    count(status, status.runs.back());
    const auto found_run = found.runs.find(id);
    const StoredRun* stored = found_run == found.runs.end() ? nullptr : &found_run->second;
    if (post_training && stored)
      *status.post_training_missing +=
          !post_training_missing(post_training, stored->record, stored->post_trained).empty();
    count_rows(status, smaller, spec, stored);
  }
  status.planned = static_cast<std::int64_t>(planned.size());
  for (const auto& [folder, why] : found.broken) {
    if (planned.contains(folder)) continue;
    status.runs.push_back(
        {.id = folder, .state = State::Broken, .spec = {}, .loss_val = {}, .diverged_at = {}, .why = why});
    ++status.broken;
  }
  return status;
}

Json to_json(const Status& status) {
  Json json{{"planned", status.planned},         {"done", status.done},
            {"running", status.running},         {"missing", status.missing},
            {"diverged", status.diverged},       {"broken", status.broken},
            {"tokens_done", status.tokens_done}, {"tokens_planned", status.tokens_planned}};
  json["post_training_missing"] = status.post_training_missing ? Json(*status.post_training_missing) : Json();
  const auto or_null = [](const auto& count) { return count ? Json(*count) : Json(); };
  json["compression_rows"] = or_null(status.compression_rows);
  json["compression_missing"] = or_null(status.compression_missing);
  json["runs"] = Json::array();
  for (const auto& run : status.runs) json["runs"].push_back(to_json(run));
  return json;
}

std::string text_of(const Status& status) {
  std::string text = fmt::format("{} of {} runs done", status.done, status.planned);
  for (const auto& [count, what] : {std::pair(status.running, "running"), std::pair(status.missing, "missing"),
                                    std::pair(status.diverged, "diverged"), std::pair(status.broken, "broken")})
    if (count > 0) text += fmt::format(", {} {}", count, what);
  if (status.post_training_missing.value_or(0) > 0)
    text += fmt::format("\n{} done runs lack asked rows of ptq.csv", *status.post_training_missing);
  if (status.compression_rows.value_or(0) > 0)
    text += fmt::format("\n{} of {} rows of compressed.csv done",
                        *status.compression_rows - *status.compression_missing, *status.compression_rows);
  text += fmt::format("\n{:.3g} of {:.3g} tokens\n", static_cast<double>(status.tokens_done),
                      static_cast<double>(status.tokens_planned));
  for (const auto& run : status.runs) {
    if (run.state == State::Diverged)
      text += fmt::format("diverged  {}  at step {}: depth {} width {}, {} tokens, weights {}\n", run.id,
                          run.diverged_at.value_or(0), run.spec->shape.depth, run.spec->shape.width, run.spec->tokens,
                          run.spec->numbers.weights);
    if (run.state == State::Broken) text += fmt::format("broken    {}: {}\n", run.id, run.why);
  }
  return text;
}

}  // namespace vernier::plan
