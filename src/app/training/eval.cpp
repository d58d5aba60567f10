#include <fmt/format.h>
#include <torch/torch.h>

#include <iostream>

#include "app/training/corpus_of_run.h"
#include "app/verbs.h"
#include "ptq/evaluate.h"
#include "record/archive.h"
#include "store/store.h"
#include "train/evaluate.h"

namespace vernier::app {

namespace {

struct EvalOptions {
  std::string checkpoint, tokens, corpus, device = "cpu";
  bool json = false;
};

/// The tasks of a run, and of a model that knows its corpus' probabilities; both absent where it has none.
struct Answers {
  std::optional<TaskResult> model, known;
};

Answers answers_of(const EvalOptions& options, const train::Checkpoint& checkpoint) {
  if (!std::filesystem::exists(std::filesystem::path(options.checkpoint) / "spec.yaml")) return {};
  const StoredRun run = store::read_run(options.checkpoint);
  if (!run.spec.cloze) return {};
  const auto corpus = corpus_of_run(run, options.checkpoint, options.corpus, "leave out the tasks with RUN/checkpoint");
  const NumbersSpec& numbers = run.spec.numbers;
  const auto found = ptq::evaluated({corpus, run.spec, at::kCPU, at::get_num_threads()},
                                    {{numbers, train::weights_of(checkpoint, numbers)}});
  if (!found[0]) return {};
  return {found[0]->cloze, found[0]->cloze_known};
}

Json part_of(const std::optional<TaskResult>& result, double TaskResult::*part) {
  return result ? Json((*result).*part) : Json();
}

Json json_of(const train::TokenLoss& result, const Answers& answers) {
  return {{"loss", result.loss},
          {"loss_se", result.standard_error},
          {"tokens", result.tokens},
          {"loss_floor", nullptr},
          {"task_loss", part_of(answers.model, &TaskResult::loss)},
          {"task_accuracy", part_of(answers.model, &TaskResult::accuracy)},
          {"task_loss_se", part_of(answers.model, &TaskResult::loss_se)},
          {"task_accuracy_se", part_of(answers.model, &TaskResult::accuracy_se)},
          {"task_loss_floor", part_of(answers.known, &TaskResult::loss)},
          {"task_accuracy_ceiling", part_of(answers.known, &TaskResult::accuracy)}};
}

void print(const train::TokenLoss& result, const Answers& answers) {
  fmt::print("loss {:.6f} +- {:.6f} nats per token over {} tokens\n", result.loss, result.standard_error,
             result.tokens);
  if (const auto& tasks = answers.model)
    fmt::print("tasks: accuracy {:.4f} +- {:.4f}, conditional loss {:.6f} +- {:.6f} nats per token\n", tasks->accuracy,
               tasks->accuracy_se, tasks->loss, tasks->loss_se);
  if (const auto& known = answers.known)
    fmt::print("tasks, by the corpus' own probabilities: accuracy {:.4f}, conditional loss {:.6f}\n", known->accuracy,
               known->loss);
}

void evaluate(const EvalOptions& options) {
  const auto checkpoint = train::read_checkpoint(options.checkpoint, at::kCPU);
  const auto tokens = train::read_token_file(options.tokens, checkpoint.config.shape.vocab);
  const Answers answers = answers_of(options, checkpoint);
  const train::TokenLoss loss = train::loss_on_tokens(checkpoint, tokens);
  if (options.json)
    std::cout << json_of(loss, answers).dump() << '\n';
  else
    print(loss, answers);
}

}  // namespace

void add_eval(CLI::App& program) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* verb =
      program.add_subcommand("eval", "loss of a checkpoint on a file of tokens, and the tasks of a run that has some");
  verb->add_option("checkpoint", options->checkpoint, "a checkpoint folder, or a run's folder")->required();
  verb->add_option("--tokens", options->tokens, "llm.c .bin (magic 20240520) or raw uint16")->required();
  verb->add_option("--corpus", options->corpus, "where the text of the run's corpus lies now, for its tasks");
  verb->add_flag("--json", options->json, "machine-readable output");
  verb->callback([options] { evaluate(*options); });
}

}  // namespace vernier::app
