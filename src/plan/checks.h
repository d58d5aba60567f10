// What an experiment's values must satisfy beyond their types.
#pragma once

#include "plan/experiment.h"
#include "plan/findings.h"

namespace vernier::plan {

/// Everything that needs no corpus.
void check_values(const Experiment& experiment, Findings& findings);

/// What the corpus must hold; the experiment's corpus is open.
void check_corpus(const Experiment& experiment, Findings& findings);

/// Judgements that other keys share.
void check_learning_rate(const std::string& key, double rate, Findings& findings);
void check_shape(const Experiment& experiment, const SizeAsked& size, const std::string& key, Findings& findings);
/// Steps are never rounded: a run trains on exactly the tokens that it is named after.
void check_token_count(const Experiment& experiment, const std::string& key, std::int64_t tokens, Findings& findings);

/// What keeps a store from being written or created at `path`; empty: nothing.
std::string why_unwritable(const std::filesystem::path& path);

}  // namespace vernier::plan
