// Training of a cohort: K models of one shape that read the same batches and differ in precision, learning rate or
// seed.
//
// On a CPU every member is a piece of work of its own that one thread computes from end to end, so a member gives the
// losses that it would give alone, bit for bit, whatever cohort it is in. On a GPU the members are stacked into batched
// products.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/cloze.h"
#include "data/corpus.h"
#include "model/transformer.h"
#include "record/run_record.h"
#include "train/optimizer.h"

namespace vernier::train {

struct Member {
  NumbersSpec numbers;
  double learning_rate = 0;
  std::int64_t seed = 0;
};

struct CohortSpec {
  ShapeSpec shape;
  std::string recipe;
  TrainingSpec training;
  std::vector<Member> members;
  std::int64_t validation_tokens = 0;
  bool exact = false;      ///< fp32 carriers throughout
  bool recompute = false;  ///< activations are computed again in the backward pass, which changes no result
  std::optional<ClozeSpec> cloze = std::nullopt;  ///< absent: no tasks

  std::int64_t step_tokens() const { return training.batch * shape.context; }
  std::int64_t warmup_steps() const { return training.warmup_tokens / step_tokens(); }
};

/// What one member has become, whatever its optimiser: Muon keeps the momentum of matrices in first_moment_P. Copied
/// when a branch leaves the trunk, written to disk to survive anything.
struct MemberState {
  at::Tensor weights_P, first_moment_P, second_moment_P;
  std::optional<std::int64_t> diverged_at;  ///< step whose loss or gradient was not finite; nothing is trained after it
  Curve curve;
  double loss_sum = 0;  ///< of the steps since the last row of the curve
  std::int64_t loss_count = 0;
  double last_rate = 0, last_norm = 0;  ///< of the step before
};

struct CohortState {
  std::int64_t step = 0;  ///< steps done
  std::vector<MemberState> members;
};

/// The state with storage of their own for the members in `active`; the others share theirs, and must not be trained.
CohortState copy_of(const CohortState& state, const std::vector<bool>& active);

/// The loss of one member on the held-out tokens, and its tasks.
struct Evaluation {
  double loss = 0, standard_error = 0;  ///< [nats per token]
  std::optional<double> floor;          ///< of the same tokens [nats per token]
  std::int64_t tokens = 0;
  std::optional<TaskResult> cloze = std::nullopt;        ///< absent where the spec has none, or it is not finite
  std::optional<TaskResult> cloze_known = std::nullopt;  ///< of a model that knows the corpus' probabilities
};

/// Rows of a curve: sixteen in each doubling of the steps, and the last step of a branch.
bool is_curve_step(std::int64_t steps_done);

/// A row of the curve at the step that was done last, unless it is there already.
void close_curve(MemberState& member, std::int64_t steps_done, std::int64_t step_tokens);

class CohortTrainer {
 public:
  CohortTrainer(CohortSpec spec, std::shared_ptr<const data::Corpus> corpus, at::Device device, int threads);

  CohortState initial_state() const;

  /// What `advance` is to do: train steps state.step ... until - 1 of the members in `active`.
  struct Order {
    std::int64_t until = 0;
    std::function<double(const Member&, std::int64_t step)> rate;
    std::vector<bool> active;
    bool close_curve = false;  ///< a row of the curve at `until`, wherever the last one was
    std::function<void(std::int64_t steps)> advanced = {};  ///< is told of progress
    /// Is told of every step of every member, its loss and gradient norm finite or not, by the thread that computed it.
    std::function<void(std::size_t member, std::int64_t step, double loss, double norm)> seen = {};
  };
  /// Returns early, between two steps of all members, when `stop` becomes true.
  void advance(CohortState& state, const Order& order, const std::atomic<bool>& stop) const;
  /// The same with the members stacked (train/stacked.h): what `advance` does on a GPU; on a CPU it gives the same
  /// numbers up to the order of sums.
  void advance_stacked(CohortState& state, const Order& order, const std::atomic<bool>& stop) const;

  /// One evaluation per member, tasks included; absent for diverged ones and those not active.
  std::vector<std::optional<Evaluation>> evaluate(const CohortState& state, const std::vector<bool>& active) const;
  /// What every member makes of the tasks of the spec, which must have some; absent likewise, and where a loss is not
  /// finite.
  std::vector<std::optional<TaskResult>> answers(const CohortState& state, const std::vector<bool>& active) const;

  /// Of a member's storage; members differ in it where they learn scales.
  const model::Layout& layout(std::size_t member) const { return layouts_[member]; }
  const CohortSpec& spec() const { return spec_; }
  const at::Device& device() const { return device_; }

 private:
  struct Group;  ///< members that are computed together: one on a CPU, on a GPU all of one layout
  std::vector<Group> groups_of(const CohortState& state, const std::vector<bool>& active) const;
  /// How the members of a group round at a step; absent: in evaluation.
  std::vector<model::Rules> rules_of(const Group& group, std::optional<std::int64_t> step) const;
  void train_group(Group& group, CohortState& state, const Order& order, const at::Tensor& tokens_SBT1) const;
  void unstack(const Group& group, CohortState& state) const;
  /// Members whose numbers the fused step knows, and their place at work.
  struct Worker;
  std::vector<std::size_t> fused_of(const CohortState& state, const std::vector<bool>& active) const;
  Worker& worker() const;
  void make_workers();
  void train_fused(std::size_t member, CohortState& state, const Order& order, const at::Tensor& tokens_SBT1) const;
  /// Sequences to be evaluated, of any length up to that of training, and which of their losses are asked for.
  struct Sequences {
    at::Tensor tokens_ST1;
    std::int64_t batch = 0;      ///< at a time; whose activations share a scale where it is one per tensor
    std::int64_t first_row = 0;  ///< rows before it are left out of the mean
  };
  std::vector<double> fused_losses(std::size_t member, const MemberState& state, const Sequences& sequences) const;
  std::vector<std::vector<double>> group_losses(const Group& group, const Sequences& sequences) const;
  /// Ends a step: reports it, and updates the weights unless the member has diverged, which it returns.
  struct Ended {
    std::size_t member;
    std::int64_t step;
    double loss, norm;
  };
  bool diverges(const Ended& ended, const OptimizerState& storages, MemberState& member, const Order& order) const;
  struct Stack;
  std::vector<std::shared_ptr<Stack>> stacks_of(const CohortState& state, const std::vector<bool>& active) const;
  std::shared_ptr<Stack> stack_of(const std::vector<std::size_t>& members) const;
  struct HeldOut {
    at::Tensor tokens_ST1;
    std::optional<double> floor;
  };
  HeldOut held_out() const;
  Sequences questions() const;
  /// Mean loss of every sequence, per member.
  std::vector<std::vector<double>> sequence_losses(const CohortState& state, const std::vector<bool>& active,
                                                   const Sequences& sequences) const;
  at::Tensor batches(std::int64_t first_step, std::int64_t steps) const;
  void on_threads(std::size_t pieces, const std::function<void(std::size_t)>& work) const;

  CohortSpec spec_;
  std::shared_ptr<const data::Corpus> corpus_;
  at::Device device_;
  int threads_;
  std::optional<data::Cloze> cloze_;
  std::vector<model::Layout> layouts_;
  std::vector<bool> fused_;                             ///< members whose numbers the fused step knows
  std::vector<std::shared_ptr<Worker>> workers_;        ///< one for each thread, with the memory of its steps
  mutable std::vector<std::shared_ptr<Stack>> stacks_;  ///< those of the last call, with what they have recorded
};

/// Takes one step's loss into a member's curve, and closes a row where one is due.
void note(MemberState& member, double loss, double norm, double rate, std::int64_t steps_done, std::int64_t step_tokens,
          bool last);

}  // namespace vernier::train
