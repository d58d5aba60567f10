#include "sweep/outcome.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "data/corpus.h"
#include "model/rounding.h"
#include "record/recipe.h"

namespace vernier::sweep {

std::string trunk_id(const RunSpec& spec, const std::string& corpus_digest) {
  RunSpec trunk = spec;
  trunk.tokens = 0;
  return run_id(trunk, corpus_digest);
}

namespace {

CountByRole times(const CountByRole& count, double factor) {
  return {count.embedding * factor, count.attention * factor, count.mlp * factor, count.norm * factor,
          count.head * factor};
}

void note_tasks(const train::Evaluation& evaluation, RunRecord& record) {
  if (const auto& cloze = evaluation.cloze) {
    record.task_loss = cloze->loss;
    record.task_loss_se = cloze->loss_se;
    record.task_accuracy = cloze->accuracy;
    record.task_accuracy_se = cloze->accuracy_se;
  }
  if (const auto& known = evaluation.cloze_known) {
    record.task_loss_floor = known->loss;
    record.task_accuracy_ceiling = known->accuracy;
  }
}

}  // namespace

void note_evaluation(const train::Evaluation& evaluation, CurvePoint& point) {
  point.loss_val = evaluation.loss;
  point.cloze = evaluation.cloze;
}

StoredRun stored_run(const plan::NamedRun& run, const train::MemberState& member,
                     const std::optional<train::Evaluation>& evaluation, const BranchFacts& facts) {
  StoredRun stored{run.id, run.spec, {}, member.curve, {}};
  RunRecord& record = stored.record;
  const bool diverged = member.diverged_at || !evaluation;
  record.steps = run.spec.tokens / (run.spec.training.batch * run.spec.shape.context);
  record.status = diverged ? "diverged" : "done";
  if (diverged) record.diverged_at = member.diverged_at.value_or(record.steps);
  if (!diverged) {
    record.loss_val = evaluation->loss;
    record.loss_val_se = evaluation->standard_error;
    record.loss_floor = evaluation->floor;
    if (!member.curve.empty()) record.loss_train = member.curve.back().loss_train;
    if (const auto bytes = facts.experiment.opened->bytes_per_token())
      record.bits_per_byte = evaluation->loss / std::numbers::ln2 / *bytes;
    note_tasks(*evaluation, record);
    if (!stored.curve.empty()) note_evaluation(*evaluation, stored.curve.back());
  }
  record.experiment = facts.experiment.name;
  record.set = facts.experiment.set;
  record.corpus_digest = facts.experiment.corpus_digest;
  record.recipe_date = recipe_named(run.spec.recipe).date;
  record.parameters = parameters_of(architecture_of(run.spec.recipe), run.spec.shape);
  record.flops = times(training_flops_per_token(architecture_of(run.spec.recipe), run.spec.shape),
                       static_cast<double>(run.spec.tokens));
  record.batch_tokens = run.spec.training.batch * run.spec.shape.context;
  record.carrier = quant::name_of(model::carrier_of(run.spec.numbers, run.spec.exact, facts.machine.device.is_cpu()));
  record.parent = trunk_id(run.spec, facts.experiment.corpus_digest);
  record.device = facts.machine.device.str();
  record.threads = facts.machine.threads;
  record.seconds = facts.seconds;
  record.host = plan::host_name();
  record.version = VERNIER_VERSION;
  return stored;
}

}  // namespace vernier::sweep
