#include "data/cloze.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

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

/// Spans in shuffled order, each whose answer has not come before, until there are enough; fewer where the corpus has
/// no more, or, being endless, gives hardly any new ones.
std::vector<Span> drawn_spans(const ClozeSpec& spec, const Corpus& corpus) {
  constexpr std::int64_t kTriesOfSpan = 64;
  const std::int64_t places = corpus.held_out_spans(spec.prefix, spec.answer);
  const std::int64_t tries = std::min(places, kTriesOfSpan * spans_of(spec));
  const Stream order = stream_of(spec, corpus).child("spans");
  std::set<Tokens> answers;
  std::vector<Span> spans;
  for (std::int64_t i = 0; i < tries && std::ssize(spans) < spans_of(spec); ++i) {
    Span span = span_at(corpus, spec, shuffled(i, places, order));
    if (answers.insert(span.answer).second) spans.push_back(std::move(span));
  }
  return spans;
}

void sort_by_frequency(std::vector<Span>& spans, const std::vector<double>& log_frequency) {
  for (Span& span : spans) {
    for (const std::uint16_t token : span.answer) span.log_frequency += log_frequency[token];
    span.log_frequency /= static_cast<double>(span.answer.size());
  }
  std::stable_sort(spans.begin(), spans.end(),
                   [](const Span& a, const Span& b) { return a.log_frequency < b.log_frequency; });
}

ClozeItem item_of(const Span* spans, std::size_t choices, std::size_t right) {
  ClozeItem item{spans[right].prefix, {}, right};
  for (std::size_t c = 0; c < choices; ++c) item.choices.push_back(spans[c].answer);
  return item;
}

/// Every k neighbours of the sorted spans, in shuffled order.
std::vector<ClozeItem> items_of(const std::vector<Span>& spans, const ClozeSpec& spec, const Stream& stream) {
  const Stream right = stream.child("right"), order = stream.child("items");
  const auto choices = static_cast<std::size_t>(spec.choices);
  std::vector<ClozeItem> items;
  for (std::int64_t i = 0; i < spec.items; ++i) {
    const auto group = static_cast<std::size_t>(shuffled(i, spec.items, order));
    items.push_back(
        item_of(spans.data() + group * choices, choices, static_cast<std::size_t>(right.below(choices, group))));
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
  constexpr std::int64_t kMost = 1 << 24;
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
  expect(found, static_cast<double>(spans_of(spec)) <= answers, "items",
         fmt::format("items x choices of at most {:.0f}, all answers that a vocabulary of {} has", answers,
                     corpus.vocab()),
         spans_of(spec));
  return found;
}

Problems shortage_of(const std::vector<Span>& spans, const ClozeSpec& spec) {
  Problems found;
  expect(found, std::ssize(spans) == spans_of(spec), "items",
         fmt::format("items x choices of at most {}, the different answers of {} tokens found in the held-out part",
                     spans.size(), spec.answer),
         spans_of(spec));
  return found;
}

}  // namespace

Problems problems(const ClozeSpec& spec, const Corpus& corpus, std::int64_t context) {
  Problems found = problems_of_values(spec, corpus, context);
  if (found.empty()) found = shortage_of(drawn_spans(spec, corpus), spec);
  return found;
}

Cloze cloze_of(const ClozeSpec& spec, const Corpus& corpus) {
  refuse_if(problems_of_values(spec, corpus, spec.prefix + spec.answer));
  std::vector<Span> spans = drawn_spans(spec, corpus);
  refuse_if(shortage_of(spans, spec));
  sort_by_frequency(spans, log_frequencies(corpus));
  Cloze cloze{spec, items_of(spans, spec, stream_of(spec, corpus)), std::nullopt};
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
