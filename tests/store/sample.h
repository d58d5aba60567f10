// Runs and folders for tests of the store.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "record/archive.h"
#include "record/recipe.h"
#include "store/store.h"

/// A fresh folder that goes away with its test.
struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vernier-test-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

/// A run that is named rightly; another seed is another run.
inline vernier::StoredRun sample_run(std::int64_t seed = 1) {
  vernier::StoredRun run;
  run.spec.recipe = "2024-wsd";
  run.spec.shape = {.depth = 2, .width = 64, .heads = 2, .context = 128, .vocab = 64};
  run.spec.numbers.weights = "int4/channel";
  run.spec.numbers.activations = "int8/tensor";
  run.spec.training = {.batch = 16,
                       .learning_rate = 3e-3,
                       .warmup_tokens = 20000,
                       .cooldown = 0.2,
                       .beta1 = 0.9,
                       .beta2 = 0.95,
                       .epsilon = 1e-8,
                       .weight_decay = 0.1,
                       .clip = 1.0};
  run.spec.tokens = 1 << 20;
  run.spec.validation_tokens = 1 << 16;
  run.spec.seed = seed;
  run.record.status = "done";
  run.record.experiment = "sample, with a comma";
  run.record.corpus_digest = "0123456789abcdef0123456789abcdef";
  run.record.recipe_date = "2024-04-09";
  run.record.loss_train = 2.0 / 3.0;
  run.record.loss_val = 1.0 / 3.0;
  run.record.loss_val_se = 1e-3;
  run.record.loss_floor = 0.3;
  run.record.parameters = vernier::parameters_of({}, run.spec.shape);
  run.record.flops = vernier::training_flops_per_token({}, run.spec.shape);
  run.record.steps = 512;
  run.record.batch_tokens = 2048;
  run.record.carrier = "bf16";
  run.record.device = "cpu: a \"fast\" one";
  run.record.threads = 2;
  run.record.seconds = 1.25;
  run.record.host = "here";
  run.record.version = "0.1.0";
  run.curve = {
      {.step = 1, .tokens = 2048, .learning_rate = 1e-4, .loss_train = 4.1, .loss_val = {}, .gradient_norm = 0.1},
      {.step = 512,
       .tokens = 1 << 20,
       .learning_rate = 0,
       .loss_train = 2.0 / 3.0,
       .loss_val = 1.0 / 3.0,
       .gradient_norm = 1e-7}};
  run.id = vernier::run_id(run.spec, run.record.corpus_digest);
  return run;
}

inline vernier::StoredRun diverged_run(std::int64_t seed) {
  vernier::StoredRun run = sample_run(seed);
  run.record.status = "diverged";
  run.record.diverged_at = 17;
  run.record.loss_val = run.record.loss_val_se = run.record.loss_train = std::nullopt;
  run.curve.back().loss_val = std::nullopt;
  return run;
}

inline void write_file(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}
