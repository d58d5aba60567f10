#include "compress/compress.h"

#include <torch/torch.h>
#include <unistd.h>

#include <fstream>

#include "catch.h"
#include "compress/sample.h"
#include "train/on_threads.h"
#include "train/schedule.h"

using namespace vernier;
using namespace vernier::compress;

namespace {

Compressed made(const ptq::Trained& model, const CompressionTask& task) {
  return compressed(model.ground, model.checkpoint, task, kGoOn);
}

constexpr std::int64_t kSome = 60 * 4 * 32;  // tokens of sixty steps

}  // namespace

TEST_CASE("a share that takes nothing leaves the loss as it was, bit for bit", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  for (const char* method : {"unstructured", "structured"}) {
    const Compressed row = made(model, pruning(method, 1e-6, 0));
    CHECK(*row.loss == model.loss);
    CHECK(row.params == params_of(model.ground.spec.shape));
  }
}

TEST_CASE("pruning costs loss, more of it the larger the share, and training wins some of it back",
          "[compress][fast]") {
  const ptq::Trained model = trained_run();
  for (const char* method : {"unstructured", "structured"}) {
    INFO(method);
    const double some = *made(model, pruning(method, 0.75, 0)).loss, most = *made(model, pruning(method, 0.9, 0)).loss;
    CHECK(some > model.loss + 0.01);
    CHECK(most > some + 0.01);
    CHECK(*made(model, pruning(method, 0.75, kSome)).loss < some);
    CHECK(*made(model, pruning(method, 0.9, kSome)).loss < most - 0.05);
  }
}

TEST_CASE("pruned weights and their moments stay zero, whatever the optimiser", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  TrainingSpec training = model.ground.spec.training;
  training.optimizer = GENERATE("adamw", "adam", "muon");
  if (*training.optimizer == "muon") {
    training.momentum = 0.95;
    training.adjust_lr = "match_rms_adamw";
  }
  Learner learner = learner_of(model.checkpoint.config, weights_of(model));
  const at::Tensor kept_P = unstructured_mask(learner.layout, learner.weights_P, 0.6);
  learner.weights_P.mul_(kept_P);
  const at::Tensor before = learner.weights_P.clone();
  REQUIRE(teach(learner, next_tokens(learner, 4), {training, 2, 10, 0, kept_P}, *model.ground.corpus, kGoOn));
  const at::Tensor gone = kept_P == 0;
  for (const at::Tensor& storage : {learner.weights_P, learner.first_moment_P, learner.second_moment_P})
    CHECK((storage.masked_select(gone) == 0).all().item<bool>());
  const at::Tensor stays = gone.logical_not();
  CHECK((learner.weights_P.masked_select(stays) != before.masked_select(stays)).to(at::kFloat).mean().item<double>() >
        0.99);
}

TEST_CASE("the two ways to a gradient agree", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  const Learner fused = learner_of(model.checkpoint.config, weights_of(model));
  const Learner composed = learner_of(model.checkpoint.config, weights_of(model));
  const at::Tensor tokens_BT1 = at::randint(32, {4, 33}, at::kLong);
  const double one = next_tokens(fused, 4)(tokens_BT1);
  const model::Transformer plain = differentiable(composed);
  const at::Tensor two = model::row_losses(plain, tokens_BT1).mean();
  two.backward();
  CHECK_THAT(one, Catch::Matchers::WithinRel(two.item<double>(), 1e-5));
  CHECK((fused.gradient_P - composed.gradient_P).abs().max().item<double>() <
        1e-4 * composed.gradient_P.abs().max().item<double>());
}

TEST_CASE("what is trained reads on where the run stopped, and text begins anew at its end", "[compress][fast]") {
  ptq::Trained model = trained_run();
  Learner learner = learner_of(model.checkpoint.config, weights_of(model));
  std::vector<at::Tensor> read;
  const Lesson listens = [&](const at::Tensor& tokens_BT1) {
    read.push_back(tokens_BT1.clone());
    learner.gradient_P.zero_();
    return 1.0;
  };
  const auto sequence = [&](const data::Corpus& corpus, std::int64_t index) {
    std::vector<std::uint16_t> tokens(33);
    corpus.train_sequence(index, 32, tokens.data());
    return at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()));
  };
  const Course course{model.ground.spec.training, 0, 2, 800, {}};
  teach(learner, listens, course, *model.ground.corpus, kGoOn);
  REQUIRE(read.size() == 2);
  CHECK(at::equal(read[1][3], sequence(*model.ground.corpus, 807)));

  const auto file = std::filesystem::temp_directory_path() / fmt::format("vernier-compress-{}.txt", ::getpid());
  std::ofstream(file) << std::string(4000, 'a') << std::string(2000, 'b');
  CorpusSpec spec;
  spec.kind = "text";
  spec.text.path = file.string();
  spec.text.validation_share = 0.2;
  const auto text = data::open_corpus(spec);
  const std::int64_t available = text->train_sequences_available(32);
  REQUIRE(available > 4);
  read.clear();
  teach(learner, listens, {model.ground.spec.training, 0, 1, available - 2, {}}, *text, kGoOn);
  CHECK(at::equal(read[0][1], sequence(*text, available - 1)));
  CHECK(at::equal(read[0][2], sequence(*text, 0)));
  std::filesystem::remove(file);
}

TEST_CASE("retraining rises to the run's rate and falls to nothing; a task may have its own", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  CompressionTask task = pruning("unstructured", 0.5, 100 * 4 * 32);
  const TrainingSpec training = retraining_of(model.ground.spec, task);
  CHECK((training.learning_rate == 0.01 && training.batch == 4 && training.clip == model.ground.spec.training.clip));
  const auto rate = [&](std::int64_t step) { return train::rate_at(training, 0.01, step, 10, 100); };
  CHECK(training.warmup_tokens == 10 * 4 * 32);
  CHECK_THAT(rate(0), Catch::Matchers::WithinRel(0.001, 1e-12));
  CHECK_THAT(rate(9), Catch::Matchers::WithinRel(0.01, 1e-12));
  CHECK_THAT(rate(55), Catch::Matchers::WithinRel(0.005, 1e-12));
  CHECK_THAT(rate(99), Catch::Matchers::WithinRel(0.01 / 90, 1e-9));
  task.learning_rate = 0.002;
  CHECK(retraining_of(model.ground.spec, task).learning_rate == 0.002);
}

TEST_CASE("a student with soft targets learns, and has the parameters of its shape", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  const Compressed early = made(model, student(1, 16, 1, 10 * 4 * 32)),
                   late = made(model, student(1, 16, 1, 2 * kSome));
  // Attention 4 x 16^2, mlp 3 x 16 x 48, gains 3 x 16.
  CHECK(late.params == 1024 + 2304 + 48);
  CHECK(*late.loss < *early.loss - 0.1);
  CHECK(*late.loss < std::log(32.0));
  CHECK(late.task == student(1, 16, 1, 2 * kSome));
}

TEST_CASE("a variant does not depend on threads, nor on what is made beside it", "[compress][fast]") {
  const ptq::Trained alone = trained_run();
  const std::vector<CompressionTask> tasks{pruning("unstructured", 0.7, kSome), pruning("structured", 0.5, kSome),
                                           student(1, 16, 1, kSome)};
  std::vector<double> expected, found(tasks.size());
  for (const auto& task : tasks) expected.push_back(*made(alone, task).loss);
  train::on_threads(2, 4, [&](std::size_t i) {
    if (i < tasks.size()) found[i] = *made(alone, tasks[i]).loss;
  });
  CHECK(found == expected);
  train::on_threads(2, 1, [&](std::size_t) { found[2] = *made(alone, tasks[2]).loss; });
  CHECK(found == expected);
}

TEST_CASE("a variant that diverges has parameters and no loss", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  CompressionTask task = pruning("unstructured", 0.5, kSome);
  task.learning_rate = 1e30;
  const Compressed row = made(model, task);
  CHECK(!row.loss);
  CHECK(row.params == params_of(model.ground.spec.shape) - 13312);
}

TEST_CASE("a stop ends a variant between two steps", "[compress][fast]") {
  const ptq::Trained model = trained_run();
  const std::atomic<bool> stop = true;
  CHECK_THROWS_AS(compressed(model.ground, model.checkpoint, pruning("unstructured", 0.5, kSome), stop), Interrupted);
}

TEST_CASE("a rounded run is refused", "[compress][fast]") {
  const ptq::Trained model = ptq::trained("int4/channel");
  CHECK_THROWS_AS(compressed(model.ground, model.checkpoint, pruning("unstructured", 0.5, 0), kGoOn), Error);
}

TEST_CASE("models of every recipe are pruned and taught", "[compress][fast]") {
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    ptq::Trained model = ptq::trained(NumbersSpec{}, 1, std::string(recipe.name), 40);
    model.ground.spec.tokens = 40 * 4 * 32;
    for (const CompressionTask& task :
         {pruning("unstructured", 0.5, 1280), pruning("structured", 0.5, 1280), student(1, 16, 1, 1280)}) {
      const Compressed row = made(model, task);
      CHECK((row.loss && *row.loss < 1.2 * std::log(32.0)));
      CHECK(row.params < model::count(model.checkpoint.cohort.layout).non_embedding());
    }
  }
}
