#include "plan/compression.h"

#include <algorithm>

#include "plan/numbers.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

bool is_smaller(const ShapeSpec& student, const RunSpec& run) {
  const Architecture& architecture = architecture_of(run.recipe);
  return parameters_of(architecture, student).non_embedding() < parameters_of(architecture, run.shape).non_embedding();
}

std::int64_t most_tokens(const std::vector<RunSpec>& runs) {
  std::int64_t most = 0;
  for (const RunSpec& run : runs)
    if (run.tokens > most && is_unrounded(run)) most = run.tokens;
  return most;
}

}  // namespace

bool is_unrounded(const RunSpec& run) { return same_numbers(run.numbers, NumbersSpec{}); }

std::optional<Compression> compression_of(const std::optional<CompressionAsked>& asked,
                                          const std::vector<RunSpec>& runs) {
  if (!asked) return std::nullopt;
  return Compression{asked->of_tokens ? *asked->of_tokens : most_tokens(runs), asked->variants};
}

ShapeSpec student_of(const RunSpec& run, const CompressionTask& task) {
  ShapeSpec shape = run.shape;
  shape.depth = task.depth.value_or(shape.depth);
  shape.width = task.width.value_or(shape.width);
  shape.heads = task.heads ? *task.heads : default_heads(run.recipe, shape.width);
  return shape;
}

std::vector<CompressionTask> variants_of(const Compression& compression, const RunSpec& run) {
  std::vector<CompressionTask> variants;
  if (run.tokens != compression.of_tokens || !is_unrounded(run)) return variants;
  for (CompressionTask task : compression.variants) {
    if (row_named("method", kCompressionMethods, task.method).method == CompressionMethod::Distilled) {
      const ShapeSpec student = student_of(run, task);
      if (!is_smaller(student, run)) continue;
      task.heads = student.heads;
    }
    variants.push_back(std::move(task));
  }
  return variants;
}

std::vector<CompressionTask> variants_missing(const std::optional<Compression>& compression, const StoredRun& run) {
  if (!compression || run.record.status != "done") return {};
  auto missing = variants_of(*compression, run.spec);
  std::erase_if(missing, [&](const CompressionTask& task) {
    return std::any_of(run.compressed.begin(), run.compressed.end(),
                       [&](const Compressed& row) { return row.task == task; });
  });
  return missing;
}

}  // namespace vernier::plan
