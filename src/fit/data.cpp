#include "fit/data.h"

#include <filesystem>

#include "fit/parts.h"
#include "fit/row_problem.h"
#include "fit/table_reader.h"
#include "fit/where.h"
#include "store/dataset.h"
#include "store/store.h"

namespace vernier::fit {
namespace {

using law::RunPoint;

/// Why the model of a run cannot be fitted; empty when it can.
std::string problem_of(const StoredRun& run) {
  if (run.record.status == "diverged") return "diverged";
  if (const double params = run.record.parameters.non_embedding(); !is_positive(params))
    return not_positive("N", params);
  if (const auto tokens = static_cast<double>(run.spec.tokens); !is_positive(tokens)) return not_positive("D", tokens);
  return is_positive(run.record.loss_val) ? "" : not_positive("loss", run.record.loss_val);
}

RunPoint point_of(const StoredRun& run) {
  RunPoint point;
  point.run = run.id;
  point.params = run.record.parameters.non_embedding();
  point.tokens = static_cast<double>(run.spec.tokens);
  describe(point, run.spec.numbers, static_cast<double>(run.spec.shape.width),
           static_cast<double>(run.spec.training.batch * run.spec.shape.context));
  point.loss = run.record.loss_val.value_or(0);
  point.task_loss = run.record.task_loss.value_or(law::kUnknown);
  point.task_accuracy = run.record.task_accuracy.value_or(law::kUnknown);
  point.task_loss_se = run.record.task_loss_se.value_or(law::kUnknown);
  point.task_accuracy_se = run.record.task_accuracy_se.value_or(law::kUnknown);
  point.seed = fmt::format("{}", run.spec.seed);
  return point;
}

/// A model that was quantized answers for itself.
void describe_tasks(RunPoint& point, const std::optional<TaskResult>& cloze) {
  point.task_loss = cloze ? cloze->loss : law::kUnknown;
  point.task_loss_se = cloze ? cloze->loss_se : law::kUnknown;
  point.task_accuracy = cloze ? cloze->accuracy : law::kUnknown;
  point.task_accuracy_se = cloze ? cloze->accuracy_se : law::kUnknown;
}

void add_post_trained(Data& data, const StoredRun& run, const RunPoint& trained, const std::string& why_not_trained) {
  const ElementsPerScale elements = elements_of_weights(static_cast<double>(run.spec.shape.width));
  for (const PostTrained& row : run.post_trained) {
    RunPoint point = trained;
    std::string why = why_not_trained;
    point.run = fmt::format("{}/{}/{}", run.id, row.method, row.weights);
    point.post = part_of(row.weights, elements);
    point.method = row.method;
    point.loss_before = trained.loss;
    point.loss = row.loss.value_or(0);
    describe_tasks(point, row.cloze);
    ++data.post_rows;
    if (why.empty() && !point.post.rounded) why = fmt::format("'{}' rounds nothing", row.weights);
    if (why.empty() && !is_positive(row.loss)) why = not_positive("loss", row.loss);
    if (why.empty())
      data.post_trained.push_back(std::move(point));
    else
      data.post_excluded.push_back({std::move(point.run), std::move(why)});
  }
}

void add_run(Data& data, const StoredRun& run) {
  RunPoint point = point_of(run);
  const std::string why = problem_of(run);
  add_post_trained(data, run, point, why);
  ++data.rows;
  if (why.empty())
    data.points.push_back(std::move(point));
  else
    data.excluded.push_back({run.id, why});
}

Data read_store(const std::string& path, const ReadOptions& options) {
  std::vector<store::Broken> broken;
  const auto runs = store::read_runs(path, broken);
  if (runs.empty() && broken.empty()) throw Error(fmt::format("{}: the store holds no run", path));
  const Condition condition = parse_where(options.where);
  std::vector<StoredRun> selected;
  for (const auto& run : runs) {
    const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
      for (const auto& column : store::run_columns())
        if (column.name == name) {
          const auto text = store::text_of(column.of(run));
          return text.empty() ? std::nullopt : std::optional(text);
        }
      throw Error(fmt::format("--where: runs have no column '{}'", name));
    };
    if (holds(condition, value_of)) selected.push_back(run);
  }
  Data data = points_from_runs(selected);
  data.rows += broken.size();
  for (const auto& folder : broken) data.excluded.push_back({folder.folder, folder.why});
  return data;
}

}  // namespace

std::vector<RunPoint> Data::all() const {
  std::vector<RunPoint> both = points;
  both.insert(both.end(), post_trained.begin(), post_trained.end());
  return both;
}

Data points_from_runs(const std::vector<StoredRun>& runs) {
  Data data;
  for (const auto& run : runs) add_run(data, run);
  return data;
}

Data read_data(const std::string& path, const ReadOptions& options) {
  if (!std::filesystem::exists(path)) throw Error(fmt::format("{}: expected a store or a table, found nothing", path));
  return std::filesystem::is_directory(path) ? read_store(path, options) : read_points(path, options);
}

}  // namespace vernier::fit
