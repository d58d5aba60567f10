#include "data/cloze.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <numeric>

#include "base/check.h"
#include "data/moments.h"

namespace vernier::data {

namespace {

using Tokens = std::vector<std::uint16_t>;

/// A place of the held-out part, cut in two.
struct Span {
  Tokens prefix, answer;
};

/// All drawn spans of one answer.
struct Spans {
  double log_frequency = 0;  ///< mean over the answer's tokens
  std::vector<Span> left;    ///< in no item yet
};

std::int64_t spans_of(const ClozeSpec& spec) { return spec.items * spec.choices; }

Stream stream_of(const ClozeSpec& spec, const Corpus& corpus) {
  return Stream(static_cast<std::uint64_t>(spec.seed)).child("cloze").child(corpus.digest());
}

/// ln of the share of every token in the first sequences of the training part; half a token is added to each count, so
/// that one which was not seen has a logarithm too.
std::vector<double> log_frequencies(const Corpus& corpus) {
  constexpr std::int64_t kContext = 255, kSequences = 1024;
  const std::int64_t sequences = std::min(kSequences, corpus.train_sequences_available(kContext));
  std::vector<double> counts(static_cast<std::size_t>(corpus.vocab()), 0.5);
  Tokens tokens(kContext + 1);
  for (std::int64_t i = 0; i < sequences; ++i) {
    corpus.train_sequence(i, kContext, tokens.data());
    for (const std::uint16_t token : tokens) ++counts[token];
  }
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (double& count : counts) count = std::log(count / total);
  return counts;
}

Span span_at(const Corpus& corpus, const ClozeSpec& spec, std::int64_t place) {
  Tokens tokens(static_cast<std::size_t>(spec.prefix + spec.answer));
  corpus.held_out_span(place, spec.prefix, spec.answer, tokens.data());
  const auto cut = tokens.begin() + static_cast<std::ptrdiff_t>(spec.prefix);
  return {{tokens.begin(), cut}, {cut, tokens.end()}};
}

/// The first spans of a shuffled order; fewer where the corpus has no more.
std::vector<Span> drawn_spans(const ClozeSpec& spec, const Corpus& corpus) {
  const std::int64_t places = corpus.held_out_spans(spec.prefix, spec.answer);
  const Stream order = stream_of(spec, corpus).child("spans");
  std::vector<Span> spans;
  for (std::int64_t i = 0; i < std::min(places, spans_of(spec)); ++i)
    spans.push_back(span_at(corpus, spec, shuffled(i, places, order)));
  return spans;
}

double log_frequency_of(const Tokens& answer, const std::vector<double>& log_frequency) {
  double sum = 0;
  for (const std::uint16_t token : answer) sum += log_frequency[token];
  return sum / static_cast<double>(answer.size());
}

/// Answer by answer, the most frequent tokens first.
std::list<Spans> sorted(std::vector<Span> spans, const std::vector<double>& log_frequency) {
  std::map<Tokens, Spans> by_answer;
  for (Span& span : spans) {
    Spans& same = by_answer[span.answer];
    same.log_frequency = log_frequency_of(span.answer, log_frequency);
    same.left.push_back(std::move(span));
  }
  std::list<Spans> all;
  for (auto& [answer, same] : by_answer) all.push_back(std::move(same));
  all.sort([](const Spans& a, const Spans& b) { return a.log_frequency > b.log_frequency; });
  return all;
}

std::int64_t most_of_one(const std::list<Spans>& answers) {
  std::size_t most = 0;
  for (const Spans& same : answers) most = std::max(most, same.left.size());
  return static_cast<std::int64_t>(most);
}

/// The choices of one item, taken out of `answers`: those of which every item still to be made needs one, as there are
/// just as many; for the rest the most frequent.
std::vector<Span> next_group(std::list<Spans>& answers, std::int64_t choices, std::int64_t items_left, bool scarce) {
  std::vector<std::list<Spans>::iterator> chosen;
  const auto choose = [&](bool needed) {
    for (auto a = answers.begin(); a != answers.end() && std::ssize(chosen) < choices; ++a)
      if ((std::ssize(a->left) == items_left) == needed) chosen.push_back(a);
  };
  if (scarce) choose(true);
  choose(false);
  std::vector<Span> group;
  for (const auto& a : chosen) {
    group.push_back(std::move(a->left.back()));
    a->left.pop_back();
    if (a->left.empty()) answers.erase(a);
  }
  return group;
}

/// Neighbours of the sorted answers, k by k, each once in a group; no answer may have more spans than there are items.
std::vector<std::vector<Span>> groups_of(std::list<Spans> answers, const ClozeSpec& spec) {
  const std::int64_t most = most_of_one(answers);
  std::vector<std::vector<Span>> groups;
  for (std::int64_t left = spec.items; left > 0; --left)
    groups.push_back(next_group(answers, spec.choices, left, left <= most));
  return groups;
}

/// One of each group is asked for, in shuffled order.
std::vector<ClozeItem> items_of(const std::vector<std::vector<Span>>& groups, const Stream& stream) {
  const Stream right = stream.child("right"), order = stream.child("items");
  std::vector<ClozeItem> items;
  for (std::int64_t i = 0; i < std::ssize(groups); ++i) {
    const auto g = static_cast<std::size_t>(shuffled(i, std::ssize(groups), order));
    ClozeItem item;
    for (const Span& span : groups[g]) item.choices.push_back(span.answer);
    item.right = static_cast<std::size_t>(right.below(groups[g].size(), g));
    item.prefix = groups[g][item.right].prefix;
    items.push_back(std::move(item));
  }
  return items;
}

std::optional<TaskResult> result_of_knowing(const Cloze& cloze, const Corpus& corpus) {
  std::vector<double> losses;
  for (const ClozeItem& item : cloze.items)
    for (std::size_t c = 0; c < item.choices.size(); ++c) {
      const auto loss =
          corpus.entropy_of(sequence_of(item, c).data(), cloze.spec.prefix, cloze.spec.prefix + cloze.spec.answer);
      if (!loss) return std::nullopt;
      losses.push_back(*loss);
    }
  return result_of(cloze, losses);
}

/// 1 where the right choice alone has the smallest loss.
double credit(const double* losses, std::size_t choices, std::size_t right) {
  const double least = *std::min_element(losses, losses + choices);
  if (losses[right] > least) return 0;
  return 1 / static_cast<double>(std::count(losses, losses + choices, least));
}

Problems problems_of_values(const ClozeSpec& spec, const Corpus& corpus, std::int64_t context) {
  constexpr std::int64_t kMost = 1 << 18;
  Problems found;
  const auto between = [&](std::string_view place, std::int64_t value, std::int64_t low, std::int64_t high) {
    expect(found, low <= value && value <= high, place, fmt::format("a whole number from {} to {}", low, high), value);
  };
  between("items", spec.items, 1, kMost);
  between("choices", spec.choices, 2, kMost);
  between("answer", spec.answer, 1, kMost);
  between("prefix", spec.prefix, 1, kMost);
  if (!found.empty()) return found;
  expect(found, spec.prefix + spec.answer <= context, "prefix",
         fmt::format("prefix + answer of at most {} tokens, the context", context), spec.prefix + spec.answer);
  expect(found, spans_of(spec) <= kMost, "items", fmt::format("items x choices of at most {}", kMost), spans_of(spec));
  const double answers = std::pow(static_cast<double>(corpus.vocab()), static_cast<double>(spec.answer));
  expect(found, static_cast<double>(spec.choices) <= answers, "choices",
         fmt::format("at most {:.0f}, all answers that a vocabulary of {} has", answers, corpus.vocab()), spec.choices);
  const std::int64_t spans = corpus.held_out_spans(spec.prefix, spec.answer);
  expect(found, spans_of(spec) <= spans, "items",
         fmt::format("items x choices of at most {}, the spans of {} + {} tokens in the held-out part", spans,
                     spec.prefix, spec.answer),
         spans_of(spec));
  return found;
}

/// What keeps answers that repeat themselves from filling items with different ones.
Problems shortage_of(const std::list<Spans>& answers, const ClozeSpec& spec) {
  Problems found;
  const std::int64_t most = most_of_one(answers);
  expect(found, most <= spec.items, "choices",
         fmt::format("at most {}, as one answer of {} tokens makes up {} of the {} spans that were drawn",
                     spans_of(spec) / most, spec.answer, most, spans_of(spec)),
         spec.choices);
  return found;
}

std::list<Spans> answers_of(const ClozeSpec& spec, const Corpus& corpus) {
  return sorted(drawn_spans(spec, corpus), log_frequencies(corpus));
}

}  // namespace

Problems problems(const ClozeSpec& spec, const Corpus& corpus, std::int64_t context) {
  Problems found = problems_of_values(spec, corpus, context);
  if (found.empty()) found = shortage_of(answers_of(spec, corpus), spec);
  return found;
}

Cloze cloze_of(const ClozeSpec& spec, const Corpus& corpus) {
  refuse_if(problems_of_values(spec, corpus, spec.prefix + spec.answer));
  std::list<Spans> answers = answers_of(spec, corpus);
  refuse_if(shortage_of(answers, spec));
  Cloze cloze{spec, items_of(groups_of(std::move(answers), spec), stream_of(spec, corpus)), std::nullopt};
  cloze.known = result_of_knowing(cloze, corpus);
  return cloze;
}

std::vector<std::uint16_t> sequence_of(const ClozeItem& item, std::size_t choice) {
  Tokens tokens = item.prefix;
  tokens.insert(tokens.end(), item.choices[choice].begin(), item.choices[choice].end());
  return tokens;
}

std::optional<TaskResult> result_of(const Cloze& cloze, const std::vector<double>& losses) {
  const auto choices = static_cast<std::size_t>(cloze.spec.choices);
  if (!std::all_of(losses.begin(), losses.end(), [](double loss) { return std::isfinite(loss); })) return std::nullopt;
  std::vector<double> right, credits;
  for (std::size_t i = 0; i < cloze.items.size(); ++i) {
    right.push_back(losses[i * choices + cloze.items[i].right]);
    credits.push_back(credit(losses.data() + i * choices, choices, cloze.items[i].right));
  }
  const Moments loss = moments_of(right), accuracy = moments_of(credits);
  return TaskResult{loss.mean, loss.standard_error, accuracy.mean, accuracy.standard_error};
}

}  // namespace vernier::data
