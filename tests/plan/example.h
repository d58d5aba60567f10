// Experiments for tests: a file in a folder of its own, and what reading it says.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "plan/experiment.h"

namespace vernier::plan {

inline const std::string kSmall = R"(name: small
question: does it read?
corpus: {kind: oracle, vocab: 32, orders: 2, contexts: 1024}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.004, warmup_tokens: 1280}
validation_tokens: 1024
grid:
  sizes:
    - {depth: 2, width: 32}
    - {depth: 2, width: 48, heads: 2, learning_rate: 0.003, seeds: [1, 2]}
  tokens: [12800, 25600, 128000]
  numbers:
    - {weights: fp32}
    - {weights: int4/channel, activations: int4/tensor, kv: int4/tensor}
  seeds: [1]
)";

class Example {
 public:
  explicit Example(const std::string& text)
      : folder_(std::filesystem::temp_directory_path() / fmt::format("vernier-plan-{}-{}", ::getpid(), count()++)) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "experiment.yaml") << text;
  }
  ~Example() { std::filesystem::remove_all(folder_); }
  Example(const Example&) = delete;
  Example& operator=(const Example&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  static int& count() {
    static int count = 0;
    return count;
  }
  std::filesystem::path folder_;
};

inline Experiment read(const std::string& text, const std::vector<std::string>& set = {}) {
  const Example example(text);
  return read_experiment(example.folder(), set);
}

/// kSmall with one line replaced by another.
inline std::string with(const std::string& from, const std::string& to, std::string text = kSmall) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw Failure("the example has no '" + from + "'");
  return text.replace(at, from.size(), to);
}

/// All that reading complains about, the folder left out: "experiment.yaml:6: training.batch: ...".
inline std::string complaints(const std::string& text, const std::vector<std::string>& set = {}) {
  const Example example(text);
  try {
    read_experiment(example.folder(), set);
    return "";
  } catch (const Error& problem) {
    std::string said = problem.what();
    const std::string folder = example.folder().string() + "/";
    for (std::size_t at; (at = said.find(folder)) != std::string::npos;) said.erase(at, folder.size());
    return said;
  }
}

}  // namespace vernier::plan
