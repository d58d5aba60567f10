#include "plan/experiment.h"

#include <algorithm>
#include <map>
#include <set>

#include "catch.h"
#include "plan/cohorts.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "plan/hypotheses.h"
#include "plan/identify.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("an experiment reads as written, and the recipe fills what it leaves out", "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  CHECK(experiment.name == "small");
  CHECK(experiment.vocab == 32);
  CHECK(experiment.corpus_digest.size() == 32);
  const TrainingSpec first = training_of(experiment, experiment.grid.sizes[0]);
  CHECK(first.learning_rate == 0.004);
  CHECK(first.cooldown == 0.2);
  CHECK(first.beta2 == 0.95);
  CHECK(training_of(experiment, experiment.grid.sizes[1]).learning_rate == 0.003);
  CHECK(read(with("warmup_tokens: 1280", "warmup_tokens: 1280, cooldown: 0.1, beta2: 0.99")).training.beta2 == 0.99);
}

TEST_CASE("a folder and its file mean the same experiment, whose store lies beside it", "[plan][fast]") {
  const Example example(kSmall);
  const Experiment a = read_experiment(example.folder()), b = read_experiment(example.folder() / "experiment.yaml");
  CHECK(a.file == b.file);
  CHECK(store_of(a) == example.folder() / "results" / "runs");
  CHECK(store_of(a, "elsewhere") == "elsewhere");
  CHECK_THROWS_WITH(read_experiment(example.folder() / "none"), ContainsSubstring("is not there"));
  std::filesystem::create_directories(example.folder() / "empty");
  CHECK_THROWS_WITH(read_experiment(example.folder() / "empty"), ContainsSubstring("holds no experiment.yaml"));
}

TEST_CASE("every problem of a file is told at once, with its line, in the order of the lines", "[plan][fast]") {
  const std::string said = complaints(R"(name: bad
corpus: {kind: oracle, vocab: 1}
recipe: 1999-none
contxt: 3
context: 32
training: {batch: 4, learning_rate: -1, warmup_tokens: 0}
validation_tokens: 1000
grid:
  sizes:
    - {depth: 2, width: 33}
    - {depth: 2, width: 48, heads: 5}
    - {depth: two, width: 48}
  tokens: [12800, 1000, 12800]
  numbers:
    - {weights: fp32}
    - {weights: int4/token, activations: inx4, kv: int4/channel}
  seeds: []
exact: maybe
exact: true
fit: {laws: [chinchila]}
)");
  const std::vector<std::string> expected{
      "experiment.yaml:2: corpus.vocab: expected a whole number from 2",
      "experiment.yaml:3: recipe: expected one of 2017-vaswani, 2019-gpt2, 2020-gpt3, 2023-llama, 2024-wsd, 2025-muon, "
      "got '1999-none'",
      "experiment.yaml:4: contxt: unknown key; expected one of name, question",
      "experiment.yaml:6: training.learning_rate: expected a positive number, got -1",
      "experiment.yaml:7: validation_tokens: expected whole sequences of 32 tokens, got 1000",
      "experiment.yaml:10: grid.sizes[0].width: expected an even width",
      "experiment.yaml:11: grid.sizes[1].heads: expected a divisor of the width 48, got 5",
      "experiment.yaml:12: grid.sizes[2].depth: expected a whole number, got 'two'",
      "experiment.yaml:13: grid.tokens[1]: expected whole steps of 128 tokens (batch 4 x context 32), such as 896 or "
      "1024, got 1000",
      "experiment.yaml:13: grid.tokens[2]: expected every entry once, got the same as grid.tokens[0]",
      "experiment.yaml:16: grid.numbers[1].weights: expected scales per tensor, channel or block<G>",
      "experiment.yaml:16: grid.numbers[1].activations: ",
      "experiment.yaml:16: grid.numbers[1].kv: expected scales per tensor, token or block<G>",
      "experiment.yaml:17: grid.seeds: expected at least one seed",
      "experiment.yaml:18: exact: expected true or false, got 'maybe'",
      "experiment.yaml:19: exact: duplicate key",
      "experiment.yaml:20: fit.laws[0]: expected all or one of kaplan, chinchilla",
  };
  std::size_t at = 0;
  for (const auto& line : expected) {
    INFO(said);
    INFO(line);
    const std::size_t found = said.find(line, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
  CHECK(static_cast<std::size_t>(std::count(said.begin(), said.end(), '\n')) + 1 == expected.size());
}

TEST_CASE("an unknown format is answered with the known ones", "[plan][fast]") {
  CHECK_THAT(complaints(with("int4/channel", "int1/channel")),
             ContainsSubstring("experiment.yaml:15: grid.numbers[1].weights") && ContainsSubstring("e<E>m<M>"));
}

TEST_CASE("heads must leave an even width to each, and default to the recipe's aim", "[plan][fast]") {
  CHECK_THAT(complaints(with("heads: 2", "heads: 16")), ContainsSubstring("heads of an even width"));
  CHECK(complaints(with("heads: 2", "heads: 3")) == "");
  CHECK(default_heads("2024-wsd", 32) == 1);
  CHECK(default_heads("2024-wsd", 64) == 2);
  CHECK(default_heads("2024-wsd", 128) == 4);
  CHECK(default_heads("2024-wsd", 48) == 2);
  CHECK(default_heads("2024-wsd", 33) == 0);
}

TEST_CASE("the usual optimiser and schedule leave no trace in a spec, so that runs keep their names", "[plan][fast]") {
  const auto first_id = [](const std::vector<std::string>& set) {
    const Experiment experiment = read(kSmall, set);
    return run_id(runs_of(experiment)[0], experiment.corpus_digest);
  };
  const std::string name = first_id({});
  CHECK(first_id({"training.optimizer=adamw", "training.schedule=wsd"}) == name);
  for (const char* other : {"training.optimizer=adam", "training.optimizer=muon", "training.schedule=cosine",
                            "training.schedule=linear", "training.schedule=inverse-sqrt"})
    CHECK(first_id({other}) != name);
}

TEST_CASE("optimiser and schedule are the recipe's unless the experiment asks for others", "[plan][fast]") {
  const auto training = [](const std::string& recipe, std::vector<std::string> set = {}) {
    set.push_back("recipe=" + recipe);
    const Experiment experiment = read(kSmall, set);
    return training_of(experiment, experiment.grid.sizes[0]);
  };
  CHECK(training("2017-vaswani").optimizer == "adam");
  CHECK(training("2017-vaswani").schedule == "inverse-sqrt");
  CHECK(training("2019-gpt2").schedule == "cosine");
  CHECK(training("2019-gpt2").final_rate == 0);
  CHECK(training("2019-gpt2", {"training.final_rate=0.2"}).final_rate == 0.2);
  CHECK(training("2025-muon").momentum == 0.95);
  CHECK(training("2025-muon", {"training.momentum=0.9"}).momentum == 0.9);
  const TrainingSpec adamw = training("2025-muon", {"training.optimizer=adamw"});
  CHECK((!adamw.optimizer && !adamw.momentum && !adamw.adjust_lr));
  const TrainingSpec wsd = training("2020-gpt3", {"training.schedule=wsd"});
  CHECK((!wsd.schedule && !wsd.final_rate && wsd.cooldown == 0.2));
  const std::string mixed = with("{depth: 2, width: 32}", "{depth: 2, width: 32, recipe: 2025-muon}");
  CHECK(complaints(mixed, {"training.momentum=0.9"}) == "");
  CHECK_THAT(complaints(kSmall, {"training.momentum=0.9"}), ContainsSubstring("optimizer: muon"));
  CHECK_THAT(complaints(kSmall, {"recipe=2025-muon", "training.optimizer=adamw", "training.momentum=0.9"}),
             ContainsSubstring("training.momentum") && ContainsSubstring("optimizer: muon"));
  CHECK_THAT(complaints(kSmall, {"recipe=2019-gpt2", "training.cooldown=0.1"}),
             ContainsSubstring("training.cooldown") && ContainsSubstring("not with schedule: cosine"));
  CHECK_THAT(complaints(kSmall, {"recipe=2017-vaswani", "training.warmup_tokens=0"}),
             ContainsSubstring("training.warmup_tokens") && ContainsSubstring("inverse-sqrt"));
}

TEST_CASE("only a recipe that turns pairs of channels needs heads of an even width", "[plan][fast]") {
  CHECK(default_heads("2019-gpt2", 64) == 2);
  CHECK(default_heads("2019-gpt2", 33) == 1);
  CHECK(default_heads("2025-muon", 33) == 0);
  CHECK(complaints(kSmall, {"recipe=2019-gpt2", "grid.sizes.0.width=33"}) == "");
  CHECK(complaints(kSmall, {"recipe=2017-vaswani", "grid.sizes.1.heads=16"}) == "");
  CHECK_THAT(complaints(kSmall, {"recipe=2025-muon", "grid.sizes.0.width=33"}), ContainsSubstring("even width"));
}

TEST_CASE("an optimiser and a schedule bring what only they have, resolved", "[plan][fast]") {
  const auto training = [](const std::vector<std::string>& set) {
    const Experiment experiment = read(kSmall, set);
    return training_of(experiment, experiment.grid.sizes[0]);
  };
  const TrainingSpec usual = training({}), muon = training({"training.optimizer=muon"}),
                     cosine = training({"training.schedule=cosine"});
  CHECK((!usual.momentum && !usual.adjust_lr && !usual.final_rate));
  CHECK((muon.momentum == 0.95 && muon.adjust_lr == "match_rms_adamw"));
  CHECK((cosine.final_rate == 0.1 && cosine.cooldown == 0));
  CHECK(training({"training.schedule=linear", "training.final_rate=0"}).final_rate == 0.0);
  CHECK(training({"training.optimizer=muon", "training.adjust_lr=original"}).adjust_lr == "original");
  CHECK(training({"training.schedule=cosine"}) != training({"training.schedule=linear"}));
}

TEST_CASE("an optimiser or schedule that cannot be is refused with its line and what was expected", "[plan][fast]") {
  const std::vector<std::pair<const char*, const char*>> wrong{
      {"optimizer: sgd", "training.optimizer: expected one of adamw, adam, muon, got 'sgd'"},
      {"schedule: cosin", "training.schedule: expected one of wsd, cosine, linear, inverse-sqrt, got 'cosin'"},
      {"schedule: cosine, final_rate: 1.5",
       "training.final_rate: expected a share of the top rate from 0 to 1, got 1.5"},
      {"final_rate: 0.1",
       "training.final_rate: expected this key only with schedule: cosine or linear, not with schedule: wsd, got 0.1"},
      {"schedule: cosine, cooldown: 0.2",
       "training.cooldown: expected this key only with schedule: wsd, not with schedule: cosine, got 0.2"},
      {"momentum: 0.9", "training.momentum: expected this key only with optimizer: muon, got 0.9"},
      {"optimizer: muon, momentum: 1", "training.momentum: expected a share from 0 to below 1, got 1"},
      {"optimizer: muon, adjust_lr: none", "training.adjust_lr: expected one of match_rms_adamw, original, got 'none'"},
  };
  for (const auto& [keys, said] : wrong)
    CHECK_THAT(complaints(with("warmup_tokens: 1280", std::string("warmup_tokens: 1280, ") + keys)),
               ContainsSubstring(std::string("experiment.yaml:6: ") + said));
  CHECK_THAT(complaints(with("warmup_tokens: 1280", "warmup_tokens: 0, schedule: inverse-sqrt")),
             ContainsSubstring("experiment.yaml:6: training.warmup_tokens: expected a warm-up of at least one step"));
  CHECK_THAT(complaints(kSmall, {"training.schedule=none"}), ContainsSubstring("got 'none'"));
  CHECK(complaints(with("warmup_tokens: 1280", "warmup_tokens: 12800, schedule: cosine")) == "");
  CHECK_THAT(complaints(with("warmup_tokens: 1280", "warmup_tokens: 12928, schedule: cosine")),
             ContainsSubstring("expected at most 12800, all that the run of 12800 tokens trains, got 12928"));
}

TEST_CASE("the warm-up must end before the shortest run cools down", "[plan][fast]") {
  CHECK(complaints(with("warmup_tokens: 1280", "warmup_tokens: 10240")) == "");  // 80 % of 12800
  CHECK_THAT(complaints(with("warmup_tokens: 1280", "warmup_tokens: 10368")),
             ContainsSubstring("training.warmup_tokens: expected at most 10240, all that the run of 12800 tokens"));
  CHECK_THAT(complaints(with("warmup_tokens: 1280", "warmup_tokens: 1000")),
             ContainsSubstring("whole steps of 128 tokens"));
}

TEST_CASE("more tokens than a text has are refused where they are asked for", "[plan][fast]") {
  const Example example(with("{kind: oracle, vocab: 32, orders: 2, contexts: 1024}", "{kind: text, path: words.txt}"));
  std::ofstream(example.folder() / "words.txt") << std::string(60000, 'a') + std::string(60000, 'b');
  const std::string place = (example.folder() / "experiment.yaml").string();
  CHECK_THROWS_WITH(read_experiment(example.folder()),
                    ContainsSubstring(place + ":12: grid.tokens[2]: expected at most 117"));
  CHECK_NOTHROW(read_experiment(example.folder(), {"grid.tokens=[12800, 25600]"}));
}

TEST_CASE("a text that is not there is a problem of the line that names it, unless the corpus is not needed",
          "[plan][fast]") {
  const Example example(with("{kind: oracle, vocab: 32, orders: 2, contexts: 1024}", "{kind: text, path: none.txt}"));
  CHECK_THROWS_WITH(read_experiment(example.folder()), ContainsSubstring("experiment.yaml:3: corpus.path: "));
  CHECK(read_experiment(example.folder(), {}, {.open_corpus = false, .writes = false, .store = {}}).corpus.text.path ==
        "none.txt");
}

TEST_CASE("a store that cannot be written is refused with everything else", "[plan][fast]") {
  const Example example(with("batch: 4", "batch: 0"));
  const auto file = example.folder() / "experiment.yaml";
  const ReadOptions options{.open_corpus = true, .writes = true, .store = file / "runs"};
  CHECK_THROWS_WITH(
      read_experiment(example.folder(), {}, options),
      ContainsSubstring("store: expected a folder that can be written") && ContainsSubstring("training.batch"));
}

TEST_CASE("the same entry twice is refused, however it is spelled", "[plan][fast]") {
  CHECK_THAT(complaints(with("weights: fp32}", "weights: int4/channel:absmax, activations: int4, kv: int4/tensor}")),
             ContainsSubstring(
                 "experiment.yaml:15: grid.numbers[1]: expected every entry once, got the same as grid.numbers[0]"));
  CHECK_THAT(complaints(with("width: 48, heads: 2, learning_rate: 0.003", "width: 32, heads: 1")),
             ContainsSubstring("grid.sizes[1]: expected every entry once"));
  CHECK(complaints(with("width: 48, heads: 2, learning_rate: 0.003", "width: 32, learning_rate: 0.002")) == "");
}

TEST_CASE("a stored run names no place of this machine", "[plan][fast]") {
  const Example example(with("{kind: oracle, vocab: 32, orders: 2, contexts: 1024}", "{kind: text, path: words.txt}"));
  std::ofstream(example.folder() / "words.txt") << std::string(400000, 'a');
  const Experiment experiment = read_experiment(example.folder());
  CHECK(experiment.vocab == 256);
  CHECK(runs_of(experiment)[0].corpus.text.path == "words.txt");
}

TEST_CASE("anchors may be used", "[plan][fast]") {
  const Experiment experiment =
      read(with("  seeds: [1]\n", "  seeds: *s\n", with("seeds: [1, 2]", "seeds: &s [5, 6, 7]")));
  CHECK(experiment.grid.seeds == std::vector<std::int64_t>{5, 6, 7});
  CHECK(experiment.grid.sizes[1].seeds == experiment.grid.seeds);
}

TEST_CASE("the fit that an experiment asks for is read, and all laws are named", "[plan][fast]") {
  const Experiment experiment =
      read(kSmall + "fit: {laws: [all], bootstrap: 7, holdout: none, tie: [alpha=beta], fix: [n_w=0, E=1.5]}\n");
  CHECK(experiment.fit.bootstrap == 7);
  CHECK(experiment.fit.laws == law_names());
  CHECK(experiment.fit.laws.size() >= 5);
  CHECK(read(kSmall).fit.laws.front() == "chinchilla");
  CHECK_THAT(complaints(kSmall + "fit: {fix: [b=x]}\n"),
             ContainsSubstring("experiment.yaml:17: fit.fix[0]: expected a parameter"));
}

TEST_CASE("roundings, estimators, rotations and both gradients are read and checked", "[plan][fast]") {
  const auto said = [](const std::string& numbers) {
    return complaints(
        with("- {weights: int4/channel, activations: int4/tensor, kv: int4/tensor}", "- {" + numbers + "}"));
  };
  CHECK(said("weights: int4/channel, rounding: stochastic, estimator: trust, rotation: hadamard16") == "");
  CHECK(said("weights: int4/channel:lsq, estimator: lsq, gradients: e4m3/token, weight_gradients: e5m2/token, "
             "backward_rounding: stochastic") == "");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"weights: int4, rounding: up",
       "grid.numbers[1].rounding: no rounding is called 'up'; known: nearest, stochastic"},
      {"weights: int4, estimator: trusty", "grid.numbers[1].estimator: no estimator is called 'trusty'"},
      {"weights: int4, rotation: hadamard48", "grid.numbers[1].rotation: no rotation is called 'hadamard48'"},
      {"weights: int4, rotation: hadamard128", "a block that divides every width 32"},
      {"kv: int4, rotation: hadamard16", "weights or activations that are rounded"},
      {"weights: 'int4/channel:lsq'", "grid.numbers[1].estimator: expected lsq"},
      {"weights: int4, estimator: lsq", "a part with the scale lsq"},
      {"activations: 'int4/token:lsq', estimator: lsq", "one learned scale per tensor"},
      {"gradients: 'int4/tensor:lsq', estimator: lsq", "no gradient reaches that of gradients"},
      {"weights: int4, weight_gradients: int4/channel",
       "grid.numbers[1].weight_gradients: expected scales per tensor"}};
  for (const auto& [numbers, complaint] : wrong) {
    INFO(numbers);
    CHECK_THAT(said(numbers), ContainsSubstring(complaint));
  }
}

TEST_CASE("numbers that differ in rounding, estimator or rotation alone are different runs", "[plan][fast]") {
  const Experiment experiment =
      read(with("- {weights: fp32}",
                "- {weights: int4/channel, rounding: stochastic}\n    - {weights: int4/channel}\n    - "
                "{weights: int4/channel, rotation: hadamard16}"));
  CHECK(experiment.grid.numbers.size() == 4);
  CHECK_THAT(
      complaints(with("- {weights: fp32}", "- {weights: int4/channel}\n    - {weights: int4/channel, rotation: none}")),
      ContainsSubstring("expected every entry once"));
}

TEST_CASE("quantization after training is read, and no part of a run's name", "[plan][fast]") {
  const std::string asked = "post_training: {methods: [rtn, gptq], weights: [int8/channel, e2m1/block32:e8m0]}\n";
  const Experiment plain = read(kSmall), experiment = read(kSmall + asked);
  CHECK(!plain.post_training);
  REQUIRE(experiment.post_training);
  CHECK(experiment.post_training->methods == std::vector<std::string>{"rtn", "gptq"});
  CHECK(experiment.post_training->weights.size() == 2);
  CHECK(experiment.post_training->calibration == kCalibrationSequences);
  CHECK(run_id(runs_of(plain)[0], plain.corpus_digest) == run_id(runs_of(experiment)[0], experiment.corpus_digest));
}

TEST_CASE("tasks are read, are part of a run's name, and what they cannot be is told with its line", "[plan][fast]") {
  const Experiment plain = read(kSmall), experiment = read(kSmall + "cloze: {items: 100, prefix: 12}\n");
  CHECK(experiment.cloze == ClozeSpec{.items = 100, .choices = 4, .answer = 4, .prefix = 12, .seed = 1});
  CHECK(run_id(runs_of(plain)[0], plain.corpus_digest) != run_id(runs_of(experiment)[0], experiment.corpus_digest));
  CHECK(runs_of(experiment)[0].cloze == experiment.cloze);
  const std::string said = complaints(kSmall + "cloze:\n  items: 100\n  choices: 1\n  prefix: 0\n");
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:19: cloze.choices: expected a whole number from 2 to"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:20: cloze.prefix: expected a whole number from 1 to"));
  CHECK_THAT(complaints(kSmall + "cloze: {prefix: 1000}\n"),
             ContainsSubstring("experiment.yaml:17: cloze.prefix: expected prefix + answer of at most"));
  CHECK_THAT(complaints(kSmall + "cloze: {item: 100}\n"), ContainsSubstring("cloze.item: unknown key"));
}

TEST_CASE("every mistake in what is asked after training is told with its line", "[plan][fast]") {
  const std::string said = complaints(kSmall +
                                      "post_training:\n  methods: [rtn, gtpq, rtn]\n  weights: [int4/token, int99, "
                                      "int4, int4/tensor]\n  calibration: 0\n");
  CHECK_THAT(said,
             ContainsSubstring("experiment.yaml:18: post_training.methods[1]: expected one of rtn, gptq, awq, got "
                               "'gtpq'"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:18: post_training.methods[2]: expected every entry once"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:19: post_training.weights[0]: expected scales per tensor"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:19: post_training.weights[1]: number 'int99'"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:20: post_training.calibration: expected 1 or more sequences"));
  CHECK_THAT(complaints(kSmall + "post_training: {methods: [], weights: [int4, int4/tensor]}\n"),
             ContainsSubstring("post_training.methods: expected at least one of rtn, gptq, awq, got none") &&
                 ContainsSubstring("post_training.weights[1]: expected every entry once"));
  CHECK_THAT(
      complaints(kSmall + "post_training: {method: [rtn]}\n"),
      ContainsSubstring("post_training.method: unknown key") && ContainsSubstring("post_training.methods: missing"));
}

TEST_CASE("runs that are listed one by one get the ids of the same runs of a product", "[plan][fast]") {
  const Experiment product = read(kSmall);
  const std::size_t at = kSmall.find("grid:");
  const Experiment listed = read(kSmall.substr(0, at) + R"(grid:
  runs:
    - {depth: 2, width: 32, tokens: 25600, numbers: {weights: fp32}, seed: 1}
    - {depth: 2, width: 48, heads: 2, learning_rate: 0.003, tokens: 128000, seed: 2,
       numbers: {weights: int4/channel, activations: int4/tensor, kv: int4/tensor}}
)");
  const auto all = runs_of(product), two = runs_of(listed);
  REQUIRE(two.size() == 2);
  CHECK(run_id(two[0], listed.corpus_digest) == run_id(all[1], product.corpus_digest));
  CHECK(run_id(two[1], listed.corpus_digest) == run_id(all.back(), product.corpus_digest));
  const Experiment both =
      read(kSmall + "  runs: [{depth: 3, width: 32, tokens: 12800, numbers: {weights: fp32}, seed: 5}]\n");
  CHECK(runs_of(both).size() == all.size() + 1);
  CHECK(runs_of(both).back().shape.depth == 3);
}

TEST_CASE("every mistake in a listed run is told with its line", "[plan][fast]") {
  const std::string said = complaints(kSmall.substr(0, kSmall.find("grid:")) + R"(grid:
  runs:
    - {depth: 2, width: 33, tokens: 25600, numbers: {weights: fp32}, seed: 1}
    - {depth: 2, width: 32, tokens: 25601, numbers: {weights: int4/token}, seed: -1}
    - {depth: 2, width: 32, heads: 3, tokens: 128000, numbers: {weights: fp32}}
)");
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:10: grid.runs[0].width: expected an even width"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:11: grid.runs[1].tokens: expected whole steps of 128 tokens"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:11: grid.runs[1].seed: expected a seed of 0 or more, got -1"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:11: grid.runs[1].numbers.weights: expected scales per tensor"));
  CHECK_THAT(said, ContainsSubstring("experiment.yaml:12: grid.runs[2].seed: missing"));
  CHECK_THAT(complaints(kSmall.substr(0, kSmall.find("grid:")) + "grid: {runs: []}\n"),
             ContainsSubstring("grid.runs: expected at least one run, got none"));
  CHECK_THAT(complaints(kSmall + "  runs: [{depth: 2, width: 32, tokens: 12800, seed: 1, numbers: {weights: fp32}}]\n"),
             ContainsSubstring("grid.runs[0]: expected every run once, got the same as a run of grid.sizes"));
  const std::string twice = "{depth: 3, width: 32, tokens: 12800, seed: 1, numbers: {weights: ";
  CHECK_THAT(complaints(kSmall + "  runs: [" + twice + "int4}}, " + twice + "int4/tensor}}]\n"),
             ContainsSubstring("grid.runs[1]: expected every run once, got the same as grid.runs[0]"));
  CHECK_THAT(complaints(kSmall.substr(0, kSmall.find("grid:")) +
                        "grid:\n  seeds: [1]\n  runs: [{depth: 3, width: 32, tokens: 12800, seed: 1, numbers: "
                        "{weights: fp32}}]\n"),
             ContainsSubstring("grid.sizes: expected at least one size, got none"));
}

TEST_CASE("hypotheses are read with their laws and margins, and are no part of a run's name", "[plan][fast]") {
  const Experiment plain = read(kSmall);
  const Experiment experiment = read(kSmall + R"(hypotheses:
  - claim: gamma_w == gamma_a
  - {claim: E does not depend on P, margin: 0.1}
  - {claim: "alpha in [0.2, 0.5]", law: kumar_tied}
  - {claim: "P* < 8", law: kumar_tied}
  - claim: delta grows with D/N
)");
  const auto hypotheses = hypotheses_of(experiment);
  REQUIRE(hypotheses.size() == 5);
  CHECK(hypotheses[0].law == "kumar_joint");
  CHECK(hypotheses[0].margin == 0.2);
  CHECK((hypotheses[1].law == "free_eff" && hypotheses[1].margin == 0.1));
  CHECK((hypotheses[2].claim.lo == 0.2 && hypotheses[2].claim.hi == 0.5));
  CHECK(hypotheses[4].law.empty());
  CHECK(run_id(runs_of(plain)[0], plain.corpus_digest) == run_id(runs_of(experiment)[0], experiment.corpus_digest));
}

TEST_CASE("a hypothesis that cannot be decided by this grid is refused with its line", "[plan][fast]") {
  const std::string said = complaints(kSmall + R"(hypotheses:
  - claim: gamma_w = gamma_a
  - {claim: alpha > 0.3}
  - {claim: zeta > 0.3, law: chinchilla}
  - {claim: alpha > 0.3, law: kepler}
  - {claim: n_w == 0, law: kumar_joint, margin: 0}
  - claim: delta_ptq grows with D/N
  - {claim: gD > 0, law: kumar_ptq}
  - claim: loss falls with P
  - {claims: E}
)");
  const std::vector<std::string> expected{
      "experiment.yaml:18: hypotheses[0].claim: expected a claim such as 'gamma_w == gamma_a'",
      "experiment.yaml:19: hypotheses[1].claim: 'alpha > 0.3': several laws have alpha; name one of chinchilla,",
      "experiment.yaml:20: hypotheses[2].claim: 'zeta > 0.3': law chinchilla has no parameter 'zeta'; it has E, A, B",
      "experiment.yaml:21: hypotheses[3].law: expected one of kaplan, chinchilla",
      "experiment.yaml:22: hypotheses[4].margin: expected a positive number, got 0",
      "experiment.yaml:23: hypotheses[5].claim: expected runs that the claim can be about, got no run is quantized "
      "after",
      "experiment.yaml:24: hypotheses[6].claim: expected runs that the claim can be about, got no run is quantized "
      "after",
      "experiment.yaml:25: hypotheses[7].claim: expected runs that the claim can be about, got P takes one value",
      "experiment.yaml:26: hypotheses[8].claims: unknown key",
  };
  for (const auto& line : expected) CHECK_THAT(said, ContainsSubstring(line));
  const std::string after = "post_training: {methods: [rtn], weights: [int4, int3]}\n";
  CHECK(complaints(kSmall + after +
                   "hypotheses: [{claim: delta_ptq grows with D/N}, {claim: delta_ptq falls with P}, "
                   "{claim: gD > 0, law: kumar_ptq}]\n") == "");
}

TEST_CASE("parts that the grid never rounds have no constants to claim anything of", "[plan][fast]") {
  const auto text = with("activations: int4/tensor, kv: int4/tensor", "activations: int4/tensor");
  CHECK_THAT(complaints(text + "hypotheses: [{claim: gamma_w == gamma_kv, law: kumar_joint}]\n"),
             ContainsSubstring("these runs say nothing about gamma_kv of kumar_joint; they speak of E, A, B"));
  CHECK_THAT(complaints(text + "hypotheses: [{claim: eff_int8 > 0.5}]\n"),
             ContainsSubstring("say nothing about eff_int8"));
}

TEST_CASE("a size may have a recipe of its own, with that recipe's shape and training", "[plan][fast]") {
  const Experiment experiment = read(with("{depth: 2, width: 32}", "{depth: 2, width: 32, recipe: 2023-llama}"));
  std::map<std::string, std::int64_t> runs;
  for (const RunSpec& run : runs_of(experiment)) ++runs[run.recipe];
  CHECK(runs == std::map<std::string, std::int64_t>{{"2023-llama", 6}, {"2024-wsd", 12}});
  const auto of_laws = runs_of_recipe(experiment);
  CHECK(of_laws.size() == 12);
  CHECK(std::all_of(of_laws.begin(), of_laws.end(), [](const RunSpec& run) { return run.recipe == "2024-wsd"; }));
  CHECK(cohorts_of(runs_of(experiment), experiment.corpus_digest).size() == 2);
  CHECK_THAT(complaints(with("{depth: 2, width: 32}", "{depth: 2, width: 32, recipe: 2022-none}")),
             ContainsSubstring("experiment.yaml:10: grid.sizes[0].recipe: expected one of"));
}

TEST_CASE("a size that sweeps its learning rate is one cohort, whose members differ in their rates", "[plan][fast]") {
  const Experiment experiment =
      read(with("{depth: 2, width: 32}", "{depth: 2, width: 32, learning_rates: [0.001, 0.004, 0.016]}"));
  const auto cohorts = cohorts_of(runs_of(experiment), experiment.corpus_digest);
  REQUIRE(cohorts.size() == 2);
  std::set<double> rates;
  for (const Member& member : cohorts[0].members) rates.insert(member.learning_rate);
  CHECK(rates == std::set<double>{0.001, 0.004, 0.016});
  CHECK(cohorts[0].members.size() == 6);
}

TEST_CASE("a sweep that cannot be is refused with its line", "[plan][fast]") {
  const auto said = [](const char* size) { return complaints(with("{depth: 2, width: 32}", size)); };
  CHECK_THAT(said("{depth: 2, width: 32, learning_rates: []}"),
             ContainsSubstring("grid.sizes[0].learning_rates: expected at least one learning rate, got none"));
  CHECK_THAT(said("{depth: 2, width: 32, learning_rates: [0.1, 0]}"),
             ContainsSubstring("grid.sizes[0].learning_rates[1]: expected a positive number, got 0"));
  CHECK_THAT(said("{depth: 2, width: 32, learning_rates: [0.1, 0.1]}"),
             ContainsSubstring("expected every entry once, got the same as grid.sizes[0].learning_rates[0]"));
  CHECK_THAT(said("{depth: 2, width: 32, learning_rate: 0.1, learning_rates: [0.2]}"),
             ContainsSubstring("expected either learning_rate or learning_rates, got both"));
  CHECK_THAT(said("{depth: 2, width: 48, heads: 2, seeds: [2], learning_rates: [0.1, 0.003]}"),
             ContainsSubstring("grid.sizes[1]: expected every entry once, got the same as grid.sizes[0]"));
}
