// A smaller model learns what a larger one thinks of every token.
//
// Axes: K cohort member, R row (sequence and position), V vocabulary.
#pragma once

#include "compress/learner.h"

namespace vernier::compress {

/// How soft and hard targets are mixed.
struct Softening {
  /// Of both softmaxes. At 1 the soft targets are the teacher's own probabilities and the student's loss is the one
  /// that it is judged by; Hinton et al. (section 4.1) tried 1, 2, 5 and 10 where classes are many and mostly alike.
  double temperature = 1;
  /// Of the soft targets; the rest is the hard ones', "a considerably lower weight" (Hinton et al., section 2).
  double soft_weight = 0.9;
};
inline constexpr Softening kSoftening{};

/// For every row, with p and q the softmax of teacher's and student's logits divided by the temperature,
///
///   soft_weight T^2 KL(p || q) + (1 - soft_weight) (-ln softmax(student)[target])   [nats]
///
/// whose gradient by the student's logits is soft_weight T (q - p) + (1 - soft_weight) (softmax(student) - target).
///
/// student_KRV, teacher_KRV  logits, the teacher's without gradient     targets_R  int64
/// returns  [K, R]
/// source   Hinton et al., arXiv 1503.02531, section 2
at::Tensor soft_losses(const at::Tensor& student_KRV, const at::Tensor& teacher_KRV, const at::Tensor& targets_R,
                       const Softening& softening = kSoftening);

/// The mean of soft_losses over a batch. The teacher has the student's vocabulary, and is shared and not changed.
Lesson soft_targets(const Learner& student, const train::Checkpoint& teacher);

}  // namespace vernier::compress
