#include <fmt/format.h>
#include <torch/torch.h>

#include <iostream>

#include "app/verbs.h"
#include "record/archive.h"
#include "train/evaluate.h"

namespace vernier::app {

namespace {

struct EvalOptions {
  std::string checkpoint, tokens, device = "cpu";
  bool json = false;
};

void print(const train::TokenLoss& result, bool json) {
  if (!json) {
    fmt::print("loss {:.6f} +- {:.6f} nats per token over {} tokens\n", result.loss, result.standard_error,
               result.tokens);
    return;
  }
  const Json object = {{"loss", result.loss},     {"loss_se", result.standard_error},
                       {"tokens", result.tokens}, {"loss_floor", nullptr},
                       {"task_loss", nullptr},    {"task_accuracy", nullptr}};
  std::cout << object.dump() << '\n';
}

}  // namespace

void add_eval(CLI::App& program) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* verb = program.add_subcommand("eval", "loss of a checkpoint on a file of tokens");
  verb->add_option("checkpoint", options->checkpoint, "a checkpoint folder, or a run's folder")->required();
  verb->add_option("--tokens", options->tokens, "llm.c .bin (magic 20240520) or raw uint16")->required();
  verb->add_flag("--json", options->json, "machine-readable output");
  verb->callback([options] {
    const auto checkpoint = train::read_checkpoint(options->checkpoint, at::kCPU);
    const auto tokens = train::read_token_file(options->tokens, checkpoint.config.shape.vocab);
    print(train::loss_on_tokens(checkpoint, tokens), options->json);
  });
}

}  // namespace vernier::app
