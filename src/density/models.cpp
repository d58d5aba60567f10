#include "density/models.h"

#include <cmath>

namespace vernier::density {

namespace {

void set_tasks(ModelDensity& model, const std::optional<TaskResult>& result) {
  model.score.reset(), model.score_se.reset(), model.task_loss.reset(), model.task_loss_se.reset();
  if (!result) return;
  model.score = result->accuracy, model.score_se = result->accuracy_se;
  model.task_loss = result->loss, model.task_loss_se = result->loss_se;
}

void describe(ModelDensity& model, const StoredRun& run, const Storage& storage) {
  model.recipe = run.spec.recipe;
  model.recipe_date = run.record.recipe_date;
  model.learning_rate = run.spec.training.learning_rate;
  model.stored_bits = storage.mean;
  model.total_bits = storage.total;
  if (const double flops = flops_per_token(run); flops > 0) model.flops_per_token = flops;
}

ModelDensity post_trained(const ModelDensity& parent, const StoredRun& run, const PostTrained& row) {
  ModelDensity model = parent;
  model.run = fmt::format("{}/{}/{}", run.id, row.method, row.weights);
  model.kind = Kind::PostTrained;
  model.parent = run.id;
  model.method = row.method;
  model.precision = fmt::format("{} after {}", row.weights, parent.precision);
  model.reference = false;
  model.loss = row.loss;
  set_tasks(model, row.cloze);
  const Storage storage = storage_of(run, row.weights, row.method);
  model.bits = model.stored_bits = storage.mean;
  model.total_bits = storage.total;
  return model;
}

/// "0.5", "d2w32h2": what the task says beside its method and tokens.
std::string shape_of(const CompressionTask& task) {
  if (task.share) return fmt::format("{:g}", *task.share);
  std::string text;
  if (task.depth) text += fmt::format("d{}", *task.depth);
  if (task.width) text += fmt::format("w{}", *task.width);
  if (task.heads) text += fmt::format("h{}", *task.heads);
  return text;
}

std::string name_of(const StoredRun& run, const CompressionTask& task) {
  std::string name = fmt::format("{}/{}/{}/{}", run.id, task.method, shape_of(task), task.tokens);
  if (task.learning_rate) name += fmt::format("/{:g}", *task.learning_rate);
  return name;
}

/// Embedding and head are as wide as a student; pruning leaves them.
double outer_bits(const StoredRun& run, const Storage& storage, const CompressionTask& task) {
  const double outer = storage.total - storage.mean * run.record.parameters.non_embedding();
  return task.width ? outer * static_cast<double>(*task.width) / static_cast<double>(run.spec.shape.width) : outer;
}

ModelDensity compressed(const ModelDensity& parent, const StoredRun& run, const Compressed& row,
                        const FlopsOfSize& flops) {
  ModelDensity model = parent;
  model.run = name_of(run, row.task);
  model.kind = Kind::Compressed;
  model.parent = run.id;
  model.method = row.task.method;
  model.reference = false;
  model.params = row.params;
  model.loss = row.loss;
  set_tasks(model, row.cloze);
  model.total_bits =
      *parent.stored_bits * row.params + outer_bits(run, storage_of(run, run.spec.numbers.weights), row.task);
  if (!(row.params > 0)) {
    model.params.reset(), model.total_bits.reset(), model.flops_per_token.reset();
    model.why_absent = model.why_open = "no parameters are left";
    return model;
  }
  if (parent.flops_per_token)
    model.flops_per_token = *parent.flops_per_token *
                            std::exp(flops.log_flops(std::log(row.params)) - flops.log_flops(std::log(*parent.params)));
  return model;
}

}  // namespace

std::vector<ModelDensity> models_of(const std::vector<StoredRun>& runs, const fit::Data& data, const FlopsOfSize& flops,
                                    bool with_made) {
  std::map<std::string, const StoredRun*> by_id;
  for (const StoredRun& run : runs) by_id[run.id] = &run;
  std::vector<ModelDensity> models, made;
  for (const law::RunPoint& point : data.points) {
    const StoredRun& run = *by_id.at(point.run);
    ModelDensity model = model_of(point);
    describe(model, run, storage_of(run, run.spec.numbers.weights));
    if (with_made) {
      for (const PostTrained& row : run.post_trained) made.push_back(post_trained(model, run, row));
      for (const Compressed& row : run.compressed) made.push_back(compressed(model, run, row, flops));
    }
    models.push_back(std::move(model));
  }
  for (const fit::Excluded& run : data.excluded) {
    ModelDensity& model = models.emplace_back();
    model.run = run.run;
    model.why_absent = model.why_open = run.why;
  }
  models.insert(models.end(), std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
  return models;
}

}  // namespace vernier::density
