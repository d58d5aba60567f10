// Ways to make a smaller model of one that is trained already; src/compress/README.md says what each does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/table.h"
#include "record/tasks.h"

namespace vernier {

enum class CompressionMethod {
  Unstructured,  ///< the smallest weights of the blocks' matrices become 0 (Han et al., arXiv 1506.02626)
  Structured,  ///< the weakest heads and hidden channels go (Xia et al., arXiv 2310.06694; Ma et al., arXiv 2305.11627)
  Distilled,   ///< a smaller model learns the larger one's probabilities (Hinton et al., arXiv 1503.02531)
};

struct CompressionMethodRow {
  std::string_view name;
  CompressionMethod method;
};
inline constexpr std::array kCompressionMethods{CompressionMethodRow{"unstructured", CompressionMethod::Unstructured},
                                                CompressionMethodRow{"structured", CompressionMethod::Structured},
                                                CompressionMethodRow{"distilled", CompressionMethod::Distilled}};
static_assert(names_differ(kCompressionMethods));

/// What to make of a trained model.
struct CompressionTask {
  std::string method;           ///< of kCompressionMethods
  std::optional<double> share;  ///< removed: of the blocks' weights, or of heads and hidden channels
  std::optional<std::int64_t> depth, width, heads;  ///< of the student of a distillation
  std::int64_t tokens = 0;              ///< trained on afterwards; all that a student is trained on [tokens]
  std::optional<double> learning_rate;  ///< absent: the run's

  template <class Archive>
  void fields(Archive& a) {
    a("method", method);
    a.optional("share", share);
    a.optional("depth", depth);
    a.optional("width", width);
    a.optional("heads", heads);
    a("tokens", tokens);
    a.optional("learning_rate", learning_rate);
  }
  bool operator==(const CompressionTask&) const = default;
};

/// One row of compressed.csv. Absent values were not finite, or nobody asked for tasks.
struct Compressed {
  CompressionTask task;
  double params = 0;           ///< N of what is left, by the same convention; zeros of unstructured pruning are not
  std::optional<double> loss;  ///< on the run's held-out tokens [nats per token]
  std::optional<TaskResult> cloze;
};

}  // namespace vernier
