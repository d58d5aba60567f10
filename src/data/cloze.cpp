#include "data/cloze.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <list>
#include <numeric>

#include "base/check.h"
#include "data/moments.h"

namespace vernier::data {

namespace {

using Tokens = std::vector<std::uint16_t>;

/// A place of the held-out part, cut in two.
struct Span {
  Tokens prefix, answer;
  double log_frequency = 0;  ///< mean over the answer's tokens
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

/// The most frequent answers first.
void sort_by_frequency(std::vector<Span>& spans, const std::vector<double>& log_frequency) {
  for (Span& span : spans) {
    for (const std::uint16_t token : span.answer) span.log_frequency += log_frequency[token];
    span.log_frequency /= static_cast<double>(span.answer.size());
  }
  std::stable_sort(spans.begin(), spans.end(),
                   [](const Span& a, const Span& b) { return a.log_frequency > b.log_frequency; });
}

/// The next choices of one item, taken out of `left`: the first span and those after it whose answers are new to the
/// item. Empty where there are too few.
std::vector<Span> taken_from(std::list<Span>& left, std::int64_t choices) {
  std::vector<Span> group;
  for (auto span = left.begin(); span != left.end() && std::ssize(group) < choices;) {
    const auto is_it = [&](const Span& other) { return other.answer == span->answer; };
    if (std::any_of(group.begin(), group.end(), is_it)) {
      ++span;
      continue;
    }
    group.push_back(std::move(*span));
    span = left.erase(span);
  }
  if (std::ssize(group) < choices) group.clear();
  return group;
}

/// Neighbours of the sorted spans, k by k; fewer groups than items where what is left repeats itself.
std::vector<std::vector<Span>> groups_of(std::vector<Span> spans, const ClozeSpec& spec, const Corpus& corpus) {
  sort_by_frequency(spans, log_frequencies(corpus));
  std::list<Span> left(std::make_move_iterator(spans.begin()), std::make_move_iterator(spans.end()));
  std::vector<std::vector<Span>> groups;
  while (!left.empty()) {
    groups.push_back(taken_from(left, spec.choices));
    if (!groups.back().empty()) continue;
    groups.pop_back();
    break;
  }
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
  constexpr std::int64_t kMost = 1 << 20;
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

Problems shortage_of(const std::vector<std::vector<Span>>& groups, const ClozeSpec& spec) {
  Problems found;
  expect(found, std::ssize(groups) == spec.items, "items",
         fmt::format("at most {}, as the held-out part repeats itself too often for more items with {} different "
                     "answers",
                     groups.size(), spec.choices),
         spec.items);
  return found;
}

}  // namespace

Problems problems(const ClozeSpec& spec, const Corpus& corpus, std::int64_t context) {
  Problems found = problems_of_values(spec, corpus, context);
  if (found.empty()) found = shortage_of(groups_of(drawn_spans(spec, corpus), spec, corpus), spec);
  return found;
}

Cloze cloze_of(const ClozeSpec& spec, const Corpus& corpus) {
  refuse_if(problems_of_values(spec, corpus, spec.prefix + spec.answer));
  const auto groups = groups_of(drawn_spans(spec, corpus), spec, corpus);
  refuse_if(shortage_of(groups, spec));
  Cloze cloze{spec, items_of(groups, stream_of(spec, corpus)), std::nullopt};
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
