// Tasks as a cohort answers them.
#include "data/cloze.h"

#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "catch.h"
#include "train/checkpoint.h"
#include "train/cohort.h"

using namespace vernier;
using Catch::Matchers::WithinAbs;
namespace fs = std::filesystem;

namespace {

constexpr ClozeSpec kCloze{.items = 150, .choices = 4, .answer = 3, .prefix = 12, .seed = 1};

train::CohortSpec spec_with(const std::vector<train::Member>& members, const ClozeSpec& cloze = kCloze) {
  train::CohortSpec spec;
  spec.recipe = "2024-wsd";
  spec.shape = {.depth = 1, .width = 32, .heads = 2, .context = 40, .vocab = 64};
  spec.training = {.batch = 8,
                   .learning_rate = 0.01,
                   .warmup_tokens = 0,
                   .cooldown = 0.2,
                   .beta1 = 0.9,
                   .beta2 = 0.95,
                   .epsilon = 1e-8,
                   .weight_decay = 0.1,
                   .clip = 1};
  spec.validation_tokens = 400;
  spec.members = members;
  spec.cloze = cloze;
  return spec;
}

train::Member member(const NumbersSpec& numbers, std::int64_t seed = 1) { return {numbers, 0.01, seed}; }

const NumbersSpec kRounded{.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"};

std::shared_ptr<const data::Corpus> oracle() { return data::open_corpus(CorpusSpec{}); }

std::shared_ptr<const data::Corpus> text_at(const fs::path& path) {
  CorpusSpec spec;
  spec.kind = "text";
  spec.text = {path.string(), 0.2};
  return data::open_corpus(spec);
}

const std::atomic<bool> kGoOn = false;

train::CohortState trained(const train::CohortTrainer& trainer, std::int64_t steps) {
  auto state = trainer.initial_state();
  const std::vector<bool> all(state.members.size(), true);
  trainer.advance(state, {steps, [](const train::Member& m, std::int64_t) { return m.learning_rate; }, all}, kGoOn);
  return state;
}

std::vector<std::optional<TaskResult>> answers(const train::CohortTrainer& trainer, const train::CohortState& state) {
  return trainer.answers(state, std::vector<bool>(state.members.size(), true));
}

/// Untrained models of several seeds, none of which knows anything.
void check_untrained(const std::shared_ptr<const data::Corpus>& corpus, const ClozeSpec& cloze) {
  auto spec = spec_with({member({}, 1), member({}, 2), member(kRounded, 3)}, cloze);
  spec.shape.vocab = corpus->vocab();
  const train::CohortTrainer trainer(spec, corpus, at::kCPU, 2);
  for (const auto& result : answers(trainer, trainer.initial_state())) {
    REQUIRE(result);
    CHECK_THAT(result->accuracy, WithinAbs(1 / static_cast<double>(cloze.choices), 3 * result->accuracy_se));
    CHECK_THAT(result->loss, WithinAbs(std::log(static_cast<double>(corpus->vocab())), 1.0));
  }
}

}  // namespace

TEST_CASE("an untrained model answers by chance, on the oracle and on text", "[train][fast]") {
  check_untrained(oracle(), {.items = 2000, .choices = 4, .answer = 3, .prefix = 12});
  const fs::path path = fs::temp_directory_path() / fmt::format("vernier-answers-{}.txt", getpid());
  std::ofstream file(path);
  const Stream stream(5);
  for (std::uint64_t i = 0; i < 60000; ++i)
    file << static_cast<char>('a' + stream.below(1 + stream.below(26, 2 * i), 2 * i + 1));
  file.close();
  check_untrained(text_at(path), {.items = 500, .choices = 4, .answer = 4, .prefix = 12});
  fs::remove(path);
}

TEST_CASE("an untrained model answers by chance on novels", "[train][fast]") {
  const fs::path novels = fs::path(VERNIER_SOURCE_DIR).parent_path() / "shared" / "corpus" / "novels";
  if (!fs::exists(novels)) {
    WARN("SKIPPED: the corpus of novels is not there");
    return;
  }
  check_untrained(text_at(novels), {.items = 1000, .choices = 4, .answer = 4, .prefix = 16});
}

TEST_CASE("a trained model answers better than chance, and no better than who knows the language", "[train][fast]") {
  const train::CohortTrainer trainer(spec_with({member({})}, {.items = 1000, .answer = 4, .prefix = 32}), oracle(),
                                     at::kCPU, 2);
  const auto before = answers(trainer, trainer.initial_state())[0];
  const auto state = trained(trainer, 200);
  const auto evaluation = trainer.evaluate(state, {true})[0];
  REQUIRE((evaluation && evaluation->cloze && evaluation->cloze_known));
  const TaskResult after = *evaluation->cloze, known = *evaluation->cloze_known;
  CHECK(after == answers(trainer, state)[0]);
  CHECK(after.loss < before->loss - 1);
  CHECK(after.loss > known.loss);
  CHECK(after.accuracy > 0.25 + 5 * after.accuracy_se);
  CHECK(after.accuracy < known.accuracy);
}

TEST_CASE("answers are the losses that the model gives to every choice after its prefix, whatever its recipe",
          "[train][fast]") {
  const auto recipe = GENERATE(as<std::string>{}, "2017-vaswani", "2019-gpt2", "2024-wsd", "2025-muon");
  INFO(recipe);
  const auto corpus = oracle();
  auto spec = spec_with({member({})});
  spec.recipe = recipe;
  const train::CohortTrainer trainer(spec, corpus, at::kCPU, 1);
  const auto state = trained(trainer, 30);
  const data::Cloze cloze = data::cloze_of(kCloze, *corpus);
  const auto model = train::checkpoint_of({recipe, trainer.spec().shape, {}, 1}, state.members[0].weights_P).cohort;
  const at::NoGradGuard no_gradients;
  std::vector<double> losses;
  for (const data::ClozeItem& item : cloze.items)
    for (std::size_t c = 0; c < item.choices.size(); ++c) {
      const auto tokens = data::sequence_of(item, c);
      const at::Tensor read_BT = at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end() - 1)).unsqueeze(0);
      const at::Tensor log_p_TV = model::logits(model, read_BT)[0].log_softmax(-1).to(at::kDouble);
      double loss = 0;
      for (std::int64_t t = 12; t < 15; ++t)
        loss -= log_p_TV[t - 1][tokens[static_cast<std::size_t>(t)]].item<double>();
      losses.push_back(loss / 3);
    }
  const TaskResult by_hand = data::result_of(cloze, losses).value(), found = answers(trainer, state)[0].value();
  CHECK_THAT(found.loss, WithinAbs(by_hand.loss, 1e-5));
  CHECK_THAT(found.loss_se, WithinAbs(by_hand.loss_se, 1e-5));
  CHECK_THAT(found.accuracy, WithinAbs(by_hand.accuracy, 1.1 / 150));  // a choice may hang by a rounding
}

TEST_CASE("the fused step and the differentiable operations answer alike", "[train][fast]") {
  NumbersSpec plain, rounded = kRounded;
  plain.estimator = rounded.estimator = "clipped";  // which the fused step does not know; evaluation has no gradients
  const train::CohortTrainer fused(spec_with({member({}), member(kRounded)}), oracle(), at::kCPU, 2),
      composed(spec_with({member(plain), member(rounded)}), oracle(), at::kCPU, 2);
  const auto state = trained(fused, 60);
  const auto a = answers(fused, state), b = answers(composed, state);
  CHECK_THAT(a[0]->loss, WithinAbs(b[0]->loss, 1e-5));
  CHECK_THAT(a[0]->accuracy, WithinAbs(b[0]->accuracy, 1.1 / 150));
  CHECK_THAT(a[1]->loss, WithinAbs(b[1]->loss, 2e-3));  // a value on the edge of two grid points may go either way
  CHECK_THAT(a[1]->accuracy, WithinAbs(b[1]->accuracy, 4.1 / 150));
}

TEST_CASE("answers depend neither on the cohort nor on threads", "[train][fast]") {
  NumbersSpec composed = kRounded;
  composed.estimator = "clipped";
  const std::vector<train::Member> all{member({}), member(kRounded), member(composed), member({}, 2),
                                       member(kRounded, 4)};
  const train::CohortTrainer cohort(spec_with(all), oracle(), at::kCPU, 2);
  const auto together = trained(cohort, 20);
  const auto found = answers(cohort, together);
  for (std::size_t k = 0; k < all.size(); ++k) {
    const train::CohortTrainer one(spec_with({all[k]}), oracle(), at::kCPU, 1);
    CHECK(found[k] == answers(one, trained(one, 20))[0]);
  }
}

TEST_CASE("tasks leave the held-out loss as it was, and a model without finite losses has no result", "[train][fast]") {
  auto without = spec_with({member(kRounded), member({})});
  without.cloze.reset();
  const train::CohortTrainer plain(without, oracle(), at::kCPU, 1),
      asked(spec_with(without.members), oracle(), at::kCPU, 1);
  auto state = trained(plain, 10);
  const auto a = plain.evaluate(state, {true, true}), b = asked.evaluate(state, {true, true});
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK((a[k]->loss == b[k]->loss && a[k]->standard_error == b[k]->standard_error));
    CHECK((!a[k]->cloze && b[k]->cloze));
  }
  state.members[0].weights_P.fill_(NAN);
  CHECK(!asked.evaluate(state, {true, true})[0]);
  CHECK(!answers(asked, state)[0]);
  CHECK(answers(asked, state)[1] == b[1]->cloze);
}
