#include "data/oracle.h"

#include <cmath>

#include "base/check.h"
#include "base/digest.h"
#include "record/archive.h"

namespace vernier::data {

namespace {
constexpr std::int64_t kLargestOrder = 16, kLargestTable = std::int64_t{1} << 26;

/// k^-exponent for k = 1 ... count, normalised.
std::vector<double> zipf_shares(std::int64_t count, double exponent) {
  std::vector<double> shares(static_cast<std::size_t>(count));
  double sum = 0;
  for (std::size_t k = 0; k < shares.size(); ++k) sum += shares[k] = std::pow(static_cast<double>(k + 1), -exponent);
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<double> running_sums(const std::vector<double>& values) {
  std::vector<double> sums;
  double sum = 0;
  for (const double value : values) sums.push_back(sum += value);
  return sums;
}

/// The first entry whose running sum lies above u; the last where rounding left none.
std::size_t drawn(const std::vector<double>& cumulative, double u) {
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin();
  return std::min(static_cast<std::size_t>(found), cumulative.size() - 1);
}

/// Contexts of `order` tokens that the table tells apart; vocab^order, or fewer where that is more than it holds.
std::int64_t rows_of(const OracleSpec& spec, std::int64_t order) {
  std::int64_t rows = 1;
  for (std::int64_t o = 0; o < order && rows <= spec.contexts; ++o) rows *= spec.vocab;
  return std::min(rows, spec.contexts);
}

bool exceeds_table(const OracleSpec& spec, std::int64_t order) {
  return std::pow(static_cast<double>(spec.vocab), static_cast<double>(order)) > static_cast<double>(spec.contexts);
}

/// Mixes the bits of a context's number (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}
}  // namespace

Problems problems(const OracleSpec& spec) {
  Problems found;
  const auto between = [&](std::string_view place, std::int64_t value, std::int64_t low, std::int64_t high) {
    expect(found, low <= value && value <= high, place, fmt::format("a whole number from {} to {}", low, high), value);
  };
  between("vocab", spec.vocab, 2, 65535);
  between("orders", spec.orders, 0, kLargestOrder);
  between("contexts", spec.contexts, 1, kLargestTable);
  between("candidates", spec.candidates, 1, 256);
  between("copy_window", spec.copy_window, 1, 1 << 20);
  const auto exponent = [&](std::string_view place, double value) {
    expect(found, std::isfinite(value) && value >= 0, place, "a finite number, zero or more", value);
  };
  exponent("zipf", spec.zipf);
  exponent("token_zipf", spec.token_zipf);
  expect(found, std::isfinite(spec.order_decay), "order_decay", "a finite number", spec.order_decay);
  expect(found, spec.copy >= 0 && spec.copy < 1, "copy", "a share from 0 up to but not including 1", spec.copy);
  if (found.empty() && spec.orders * spec.contexts * spec.candidates > kLargestTable)
    expect(found, false, "contexts", fmt::format("orders x contexts x candidates of at most {}", kLargestTable),
           spec.contexts);
  return found;
}

Oracle::Oracle(const OracleSpec& spec) : spec_(spec) {
  refuse_if(problems(spec));
  token_share_ = zipf_shares(spec.vocab, spec.token_zipf);
  token_cumulative_ = running_sums(token_share_);
  candidate_share_ = zipf_shares(spec.candidates, spec.zipf);
  candidate_cumulative_ = running_sums(candidate_share_);
  std::vector<double> weights;
  for (std::int64_t o = 0; o <= spec.orders; ++o)
    weights.push_back(std::pow(static_cast<double>(o + 1), -spec.order_decay));
  weight_cumulative_ = running_sums(weights);

  const Stream tables = Stream(static_cast<std::uint64_t>(spec.seed)).child("candidates");
  for (std::int64_t o = 1; o <= spec.orders; ++o) {
    const Stream stream = tables.child(static_cast<std::uint64_t>(o));
    Order order{exceeds_table(spec, o), {}};
    order.candidates.resize(static_cast<std::size_t>(rows_of(spec, o) * spec.candidates));
    for (std::size_t i = 0; i < order.candidates.size(); ++i)
      order.candidates[i] = static_cast<std::uint16_t>(drawn(token_cumulative_, stream.uniform(i)));
    orders_.push_back(std::move(order));
  }

  // Some tokens are part of the digest, so that a change of the generator is a change of corpus.
  std::vector<std::uint16_t> sample(1024);
  sequence("train", 0, static_cast<std::int64_t>(sample.size()), sample.data());
  Digest digest;
  digest.add("oracle\n" + to_json(spec).dump());
  digest.add(sample.data(), sample.size() * sizeof sample[0]);
  digest_ = digest.hex();
}

void Oracle::sequence(std::string_view part, std::int64_t index, std::int64_t count, std::uint16_t* tokens) const {
  const Stream stream =
      Stream(static_cast<std::uint64_t>(spec_.seed)).child(part).child(static_cast<std::uint64_t>(index));
  for (std::int64_t t = 0; t < count; ++t) tokens[t] = draw(tokens, t, stream.uniform(static_cast<std::uint64_t>(t)));
}

/// The row of candidates of the context that ends before `end`; nullptr stands for order 0, which has none.
const std::uint16_t* Oracle::candidates_after(std::int64_t order, const std::uint16_t* end) const {
  std::uint64_t number = 0;
  for (const std::uint16_t* token = end - order; token != end; ++token)
    number = number * static_cast<std::uint64_t>(spec_.vocab) + *token;
  const Order& table = orders_[static_cast<std::size_t>(order - 1)];
  if (table.hashed) number = mixed(number) % static_cast<std::uint64_t>(spec_.contexts);
  return table.candidates.data() + number * static_cast<std::uint64_t>(spec_.candidates);
}

/// The token that the uniform number u stands for: one draw chooses the part of the mixture, and what is left of it the
/// token.
std::uint16_t Oracle::draw(const std::uint16_t* tokens, std::int64_t position, double u) const {
  const double copy = copy_at(position);
  if (u < copy) {
    const auto back = static_cast<std::int64_t>(u / copy * static_cast<double>(copied_at(position)));
    return tokens[position - 1 - std::min(back, copied_at(position) - 1)];
  }
  const std::int64_t orders = orders_at(position);
  const double place = (u - copy) / (1 - copy) * weight_cumulative_[static_cast<std::size_t>(orders)];
  std::size_t order = 0;
  while (order < static_cast<std::size_t>(orders) && place >= weight_cumulative_[order]) ++order;
  const double below = order == 0 ? 0 : weight_cumulative_[order - 1];
  const double rest = (place - below) / (weight_cumulative_[order] - below);
  if (order == 0) return static_cast<std::uint16_t>(drawn(token_cumulative_, rest));
  return candidates_after(static_cast<std::int64_t>(order), tokens + position)[drawn(candidate_cumulative_, rest)];
}

void Oracle::probabilities(const std::uint16_t* tokens, std::int64_t position, double* p) const {
  const double copy = copy_at(position);
  const std::int64_t orders = orders_at(position);
  const double scale = (1 - copy) / weight_cumulative_[static_cast<std::size_t>(orders)];
  for (std::size_t x = 0; x < token_share_.size(); ++x) p[x] = scale * weight_cumulative_[0] * token_share_[x];
  for (std::int64_t o = 1; o <= orders; ++o) {
    const auto at = static_cast<std::size_t>(o);
    const double weight = scale * (weight_cumulative_[at] - weight_cumulative_[at - 1]);
    const std::uint16_t* candidates = candidates_after(o, tokens + position);
    for (std::size_t j = 0; j < candidate_share_.size(); ++j) p[candidates[j]] += weight * candidate_share_[j];
  }
  const std::int64_t copied = copied_at(position);
  for (std::int64_t k = 1; k <= copied; ++k) p[tokens[position - k]] += copy / static_cast<double>(copied);
}

double Oracle::probability(const std::uint16_t* tokens, std::int64_t position) const {
  const std::uint16_t x = tokens[position];
  const double copy = copy_at(position);
  const std::int64_t orders = orders_at(position);
  double p = weight_cumulative_[0] * token_share_[x];
  for (std::int64_t o = 1; o <= orders; ++o) {
    const auto at = static_cast<std::size_t>(o);
    const std::uint16_t* candidates = candidates_after(o, tokens + position);
    for (std::size_t j = 0; j < candidate_share_.size(); ++j)
      if (candidates[j] == x) p += (weight_cumulative_[at] - weight_cumulative_[at - 1]) * candidate_share_[j];
  }
  p *= (1 - copy) / weight_cumulative_[static_cast<std::size_t>(orders)];
  const std::int64_t copied = copied_at(position);
  const auto seen = std::count(tokens + position - copied, tokens + position, x);
  return copied > 0 ? p + copy * static_cast<double>(seen) / static_cast<double>(copied) : p;
}

double Oracle::entropy(const std::uint16_t* tokens, std::int64_t position) const {
  std::vector<double> p(token_share_.size());
  probabilities(tokens, position, p.data());
  double sum = 0;
  for (const double share : p)
    if (share > 0) sum -= share * std::log(share);
  return sum;
}

}  // namespace vernier::data
