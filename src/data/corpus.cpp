#include "data/corpus.h"

#include <array>
#include <cmath>

#include "base/table.h"

namespace vernier::data {

namespace {
struct KindRow {
  std::string_view name;
  Problems (*problems)(const CorpusSpec&);
  Corpus (*open)(const CorpusSpec&);
};
constexpr std::array kKinds{
    KindRow{"oracle", [](const CorpusSpec& spec) { return problems(spec.oracle); },
            [](const CorpusSpec& spec) { return Corpus(Oracle(spec.oracle)); }},
    KindRow{"text", [](const CorpusSpec& spec) { return problems(spec.text); },
            [](const CorpusSpec& spec) { return Corpus(Text(spec.text)); }},
};
static_assert(names_differ(kKinds));

/// Practically without end, yet small enough that its product with a context does not overflow.
constexpr std::int64_t kEndless = std::int64_t{1} << 40;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
}  // namespace

std::int64_t Corpus::vocab() const {
  return std::visit(
      Overload{[](const Oracle& oracle) { return oracle.spec().vocab; }, [](const Text&) { return std::int64_t{256}; }},
      source_);
}

const std::string& Corpus::digest() const {
  return std::visit([](const auto& source) -> const std::string& { return source.digest(); }, source_);
}

std::optional<double> Corpus::bytes_per_token() const {
  if (std::holds_alternative<Text>(source_)) return 1.0;
  return std::nullopt;
}

std::int64_t Corpus::train_sequences_available(std::int64_t context) const {
  const Text* text = std::get_if<Text>(&source_);
  return text ? text->windows(Text::Part::Train, context) : kEndless;
}

std::int64_t Corpus::validation_sequences_available(std::int64_t context) const {
  const Text* text = std::get_if<Text>(&source_);
  return text ? text->windows(Text::Part::Validation, context) : kEndless;
}

void Corpus::train_sequence(std::int64_t index, std::int64_t context, std::uint16_t* tokens) const {
  std::visit(Overload{[&](const Oracle& oracle) { oracle.sequence("train", index, context + 1, tokens); },
                      [&](const Text& text) { text.window(Text::Part::Train, index, context, tokens); }},
             source_);
}

void Corpus::validation_sequence(std::int64_t index, std::int64_t context, std::uint16_t* tokens) const {
  std::visit(Overload{[&](const Oracle& oracle) { oracle.sequence("validation", index, context + 1, tokens); },
                      [&](const Text& text) { text.window(Text::Part::Validation, index, context, tokens); }},
             source_);
}

std::int64_t Corpus::held_out_spans(std::int64_t prefix, std::int64_t answer) const {
  const Text* text = std::get_if<Text>(&source_);
  return text ? text->spans(Text::Part::Validation, prefix, answer) : kEndless;
}

void Corpus::held_out_span(std::int64_t index, std::int64_t prefix, std::int64_t answer, std::uint16_t* tokens) const {
  std::visit(Overload{[&](const Oracle& oracle) { oracle.sequence("validation", index, prefix + answer, tokens); },
                      [&](const Text& text) { text.span(Text::Part::Validation, index, prefix, answer, tokens); }},
             source_);
}

std::optional<double> Corpus::entropy_of(const std::uint16_t* tokens, std::int64_t first, std::int64_t last) const {
  const Oracle* oracle = std::get_if<Oracle>(&source_);
  if (!oracle) return std::nullopt;
  double sum = 0;
  for (std::int64_t t = first; t < last; ++t) sum -= std::log(oracle->probability(tokens, t));
  return sum / static_cast<double>(last - first);
}

std::optional<double> Corpus::sequence_entropy(const std::uint16_t* tokens, std::int64_t context) const {
  return entropy_of(tokens, 1, context + 1);
}

std::optional<double> Corpus::expected_entropy(const std::uint16_t* tokens, std::int64_t context) const {
  const Oracle* oracle = std::get_if<Oracle>(&source_);
  if (!oracle) return std::nullopt;
  double sum = 0;
  for (std::int64_t t = 1; t <= context; ++t) sum += oracle->entropy(tokens, t);
  return sum / static_cast<double>(context);
}

Problems problems(const CorpusSpec& spec) {
  try {
    return row_named("corpus", kKinds, spec.kind).problems(spec);
  } catch (const Error& error) {
    return {fmt::format("kind: {}", error.what())};
  }
}

Problems shortage(const Corpus& corpus, std::int64_t tokens, std::int64_t validation_tokens, std::int64_t context) {
  Problems found;
  const std::int64_t train = corpus.train_tokens_available(context);
  const std::int64_t held_out = corpus.validation_sequences_available(context) * context;
  if (tokens > train)
    found.push_back(
        fmt::format("tokens: expected at most {}, all that the corpus has for training, got {}", train, tokens));
  if (validation_tokens > held_out)
    found.push_back(fmt::format("validation_tokens: expected at most {}, all that the corpus holds out, got {}",
                                held_out, validation_tokens));
  return found;
}

std::shared_ptr<const Corpus> open_corpus(const CorpusSpec& spec) {
  refuse_if(problems(spec));
  return std::make_shared<const Corpus>(row_named("corpus", kKinds, spec.kind).open(spec));
}

}  // namespace vernier::data
