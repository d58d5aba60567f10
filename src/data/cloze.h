// Cloze multiple choice on held-out tokens: which of k continuations follows this prefix?
//
// items x choices spans of the held-out part are drawn, all equally likely, so that what is asked for is as common as
// it is in the language; their continuations share no token. They are sorted by the mean ln frequency of their
// continuations' tokens, and every k neighbours whose continuations differ become one item: choices of one length and
// like frequency. (A continuation of which as many spans are left as items is taken first.) A uniform draw then says
// which of the k is asked for, by its own prefix. A scorer that does not look at the prefix knows nothing of that draw,
// so whatever it scores its expected accuracy is 1 / k exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/corpus.h"
#include "record/tasks.h"

namespace vernier::data {

struct ClozeItem {
  std::vector<std::uint16_t> prefix;                ///< what comes before the right one
  std::vector<std::vector<std::uint16_t>> choices;  ///< all different
  std::size_t right = 0;                            ///< which of them
};

struct Cloze {
  ClozeSpec spec;
  std::vector<ClozeItem> items;
  std::optional<TaskResult> known;  ///< of a model that knows the corpus' probabilities; absent where it has none
};

/// What is wrong with such tasks on this corpus, for models of this context: values, a held-out part that is too short,
/// an answer that makes up more than 1 / choices of what is drawn. Empty: `cloze_of` makes them.
Problems problems(const ClozeSpec& spec, const Corpus& corpus, std::int64_t context);

/// The items, a pure function of (corpus, spec). Throws Error where the corpus does not have them.
Cloze cloze_of(const ClozeSpec& spec, const Corpus& corpus);

/// Prefix and one of the choices: what a model reads.  [prefix + answer]
std::vector<std::uint16_t> sequence_of(const ClozeItem& item, std::size_t choice);

/// losses [items, choices]: the mean of -ln P over the tokens of each choice after the prefix of its item [nats per
/// token]. The right choice counts 1 where its loss is the smallest, 1 / m where m choices share the smallest. Absent
/// where a loss is not finite.
std::optional<TaskResult> result_of(const Cloze& cloze, const std::vector<double>& losses);

}  // namespace vernier::data
