#include "train/muon.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "record/training_choices.h"

// Axes: M matrix, R row, C column.

namespace vernier::train {

namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr int kIterations = 5;
constexpr double kSmallestNorm = 1e-7;

/// A matrix as it lies in the storage.
struct Matrix {
  std::int64_t offset, rows, columns;
};

bool is_hidden(const model::Layout& layout, const model::Parameter& p) {
  const bool in_block = p.role == model::Role::Attention || p.role == model::Role::Mlp;
  return in_block && p.offset < layout.decayed;
}

/// Maps that one product computes, but that are no single matrix to the model.
std::int64_t maps_in(const model::Parameter& p) {
  if (p.name.ends_with(".qkv")) return 3;
  return p.name.ends_with(".gate_up") ? 2 : 1;
}

std::vector<Matrix> hidden_matrices(const model::Layout& layout) {
  std::vector<Matrix> matrices;
  for (const model::Parameter& p : layout.parameters) {
    if (!is_hidden(layout, p)) continue;
    const std::int64_t maps = maps_in(p), rows = p.rows / maps;
    for (std::int64_t i = 0; i < maps; ++i) matrices.push_back({p.offset + i * rows * p.columns, rows, p.columns});
  }
  return matrices;
}

/// What a matrix' rate is multiplied with.
double adjustment(AdjustLr rule, const Matrix& matrix) {
  const auto rows = static_cast<double>(matrix.rows), columns = static_cast<double>(matrix.columns);
  if (rule == AdjustLr::Original) return std::sqrt(std::max(1.0, rows / columns));
  return 0.2 * std::sqrt(std::max(rows, columns));
}

at::Tensor view_of(const at::Tensor& flat, const Matrix& m) {
  return flat.narrow(0, m.offset, m.rows * m.columns).view({m.rows, m.columns});
}

at::Tensor wide(const at::Tensor& x_RC, const Matrix& m) { return m.rows > m.columns ? x_RC.t() : x_RC; }

/// Takes the gradient into the momentum, and looks one step ahead (Nesterov).
at::Tensor direction(const TrainingSpec& training, const MemberStep& member, const Matrix& matrix) {
  const double momentum = training.momentum.value_or(kDefaultMomentum);
  const at::Tensor gradient = view_of(member.state.gradient, matrix) * member.step.gradient_factor;
  at::Tensor average = view_of(member.state.first_moment, matrix);
  average.lerp_(gradient, 1 - momentum);
  return gradient.lerp(average, momentum);
}

void move(const TrainingSpec& training, const MemberStep& member, const Matrix& matrix, const at::Tensor& along_RC) {
  const double rate = member.step.learning_rate;
  view_of(member.state.weights, matrix)
      .mul_(1 - rate * training.weight_decay)
      .add_(along_RC, -rate * adjustment(adjust_lr_of(training), matrix));
  view_of(member.state.gradient, matrix).zero_();
}

/// Matrices of one shape when laid wide, and whose they are.
struct Batch {
  std::vector<std::pair<const MemberStep*, Matrix>> parts;
  std::vector<at::Tensor> directions_RC;
};

using Batches = std::map<std::pair<std::int64_t, std::int64_t>, Batch>;  // by wide shape

Batches batches_of(const TrainingSpec& training, const model::Layout& layout, std::span<const MemberStep> members) {
  Batches batches;
  for (const MemberStep& member : members)
    for (const Matrix& matrix : hidden_matrices(layout)) {
      Batch& batch = batches[std::minmax(matrix.rows, matrix.columns)];
      batch.parts.emplace_back(&member, matrix);
      batch.directions_RC.push_back(wide(direction(training, member, matrix), matrix));
    }
  return batches;
}

void adamw_elsewhere(const TrainingSpec& training, const model::Layout& layout, const MemberStep& member) {
  for (const model::Parameter& p : layout.parameters)
    if (!is_hidden(layout, p))
      adam(training, member.step, p.offset < layout.decayed ? Decay::Decoupled : Decay::None,
           {p.offset, p.offset + p.size()}, member.state);
}

}  // namespace

at::Tensor orthogonalised(const at::Tensor& x_MRC) {
  at::Tensor x = x_MRC / x_MRC.norm(2, {1, 2}, /*keepdim=*/true).clamp_min(kSmallestNorm);
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor gram_MRR = at::bmm(x, x.transpose(1, 2));
    const at::Tensor polynomial_MRR = at::baddbmm(gram_MRR, gram_MRR, gram_MRR, kB, kC);
    x = at::baddbmm(x, polynomial_MRR, x, kA, 1);
  }
  return x;
}

void muon(const TrainingSpec& training, const model::Layout& layout, std::span<const MemberStep> members) {
  const at::NoGradGuard no_gradients;
  for (const auto& [shape, batch] : batches_of(training, layout, members)) {
    const at::Tensor x_MRC = orthogonalised(at::stack(batch.directions_RC));
    for (std::size_t i = 0; i < batch.parts.size(); ++i) {
      const auto& [member, matrix] = batch.parts[i];
      move(training, *member, matrix, wide(x_MRC[static_cast<std::int64_t>(i)], matrix));
    }
  }
  for (const MemberStep& member : members) adamw_elsewhere(training, layout, member);
}

}  // namespace vernier::train
