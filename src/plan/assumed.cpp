#include "plan/assumed.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "data/corpus.h"

namespace vernier::plan {

namespace {

constexpr std::int64_t kFloorSequences = 32;  // enough to know the floor to some per cent

/// alpha_N and alpha_D of Kaplan's surface, which has no E: at the centre its loss is that of the others, from size and
/// data alike.
constexpr double kKaplanN = 0.076, kKaplanD = 0.103;
double kaplan_data(const Assumed& a) { return std::pow(a.floor + 2 * a.reducible, 1 / kKaplanD) / 2; }

constexpr double kOuter = 0.276416;
double inside_outer(const Assumed& a) { return std::pow(2 * a.reducible, 1 / kOuter) / 2; }

double of_gadre(const Assumed& a) { return a.reducible * std::pow(6.0, a.exponent / 2); }

struct Row {
  std::string_view law;  ///< empty: every law that has no row of its own
  std::string_view symbol;
  double (*value)(const Assumed&);
};

template <int thousandths>
double printed(const Assumed&) {
  return thousandths / 1000.0;
}
double floor_of(const Assumed& a) { return a.floor; }
double reducible_of(const Assumed& a) { return a.reducible; }
double exponent_of(const Assumed& a) { return a.exponent; }
double gamma_of(const Assumed& a) { return a.gamma; }

/// Offsets are 0 although Kumar et al. fitted others: with theirs no model could have keys of two bits. The scale of a
/// penalty (g, k, C_T) is what the printed constants give at some million parameters and twenty tokens for each.
constexpr std::array kRows{
    // Base forms (LAWS.md, sections 1, 4 and 5).
    Row{"", "E", floor_of},
    Row{"", "A", reducible_of},
    Row{"", "B", reducible_of},
    Row{"", "alpha", exponent_of},
    Row{"", "beta", exponent_of},
    Row{"kaplan", "alpha_N", [](const Assumed&) { return kKaplanN; }},
    Row{"kaplan", "alpha_D", [](const Assumed&) { return kKaplanD; }},
    Row{"kaplan", "Nc", [](const Assumed& a) { return std::pow(kaplan_data(a), kKaplanD / kKaplanN); }},
    Row{"kaplan", "Dc", kaplan_data},
    Row{"chinchilla_outer", "A", inside_outer},
    Row{"chinchilla_outer", "B", inside_outer},
    Row{"chinchilla_outer", "alpha", printed<579>},
    Row{"chinchilla_outer", "beta", printed<539>},
    Row{"chinchilla_outer", "outer", [](const Assumed&) { return kOuter; }},
    Row{"chinchilla_outer", "effD", printed<928>},
    Row{"gadre", "a", of_gadre},
    Row{"gadre", "b", of_gadre},
    Row{"gadre", "eta", [](const Assumed& a) { return a.exponent / 2; }},
    Row{"densing_loss", "a", reducible_of},
    Row{"densing_loss", "b", reducible_of},
    Row{"densing_score", "d", printed<250>},
    Row{"densing_score", "c", printed<700>},
    Row{"densing_score", "gamma", printed<-3000>},
    Row{"densing_score", "l", floor_of},
    // Training in low precision (section 2).
    Row{"", "gamma_w", gamma_of},
    Row{"", "gamma_a", gamma_of},
    Row{"", "gamma_kv", gamma_of},
    Row{"", "gamma", gamma_of},
    Row{"", "n_w", printed<0>},
    Row{"", "n_a", printed<0>},
    Row{"", "n_kv", printed<0>},
    Row{"", "n", printed<0>},
    Row{"power_eff", "k", printed<3000>},
    Row{"gmse", "F", printed<434>},
    Row{"gmse", "K", printed<3423>},
    Row{"gmse", "K1", printed<1000>},
    Row{"float_bits", "eps", floor_of},
    Row{"float_bits", "n", reducible_of},
    Row{"float_bits", "d", reducible_of},
    Row{"float_bits", "g", printed<20000>},
    Row{"float_bits", "delta", printed<3193>},
    Row{"float_bits", "nu", printed<2954>},
    Row{"qat_group", "k", printed<13>},
    Row{"qat_group", "gN", printed<219>},
    Row{"qat_group", "gD", printed<75>},
    Row{"qat_group", "gG", printed<778>},
    // Quantization after training (section 3).
    Row{"", "C_T", printed<10000>},
    Row{"", "gD", printed<507>},
    Row{"", "gN", printed<344>},
    Row{"", "g_post", printed<591>},
    Row{"", "b", printed<0>},
    Row{"", "C_w", printed<500>},
    Row{"", "C_a", printed<500>},
    Row{"", "C_kv", printed<500>},
    Row{"qid", "k", printed<20000>},
    Row{"qid", "beta", printed<525>},
    Row{"qid", "alpha", printed<226>},
    Row{"qid", "gamma", printed<5497>},
};

/// The law's own row, else the one for all.
const Row* row_of(std::string_view law, std::string_view symbol) {
  const Row* common = nullptr;
  for (const Row& row : kRows) {
    if (row.symbol != symbol) continue;
    if (row.law == law) return &row;
    if (row.law.empty()) common = &row;
  }
  return common;
}

bool is_efficiency(const law::Symbol& symbol) {
  return symbol.per == law::Per::Precision || symbol.per == law::Per::Forward;
}

/// N_eff/N by the assumed factors; a part known by its format's name alone counts as one of four bits.
double share_of(const law::RunPoint& point, const Assumed& assumed) {
  constexpr double kUnknownBits = 4;
  double share = 1;
  for (const law::Part* part : {&point.weights, &point.activations, &point.kv})
    if (part->rounded) share *= 1 - std::exp(-(std::isfinite(part->bits) ? part->bits : kUnknownBits) / assumed.gamma);
  return share;
}

const fit::FitSummary* fit_of(std::string_view law, const Assumed& assumed) {
  const auto found =
      std::find_if(assumed.fits.begin(), assumed.fits.end(), [&](const auto& f) { return f.law == law; });
  return found == assumed.fits.end() ? nullptr : &*found;
}

/// The entropy of some held-out sequences; absent where the corpus does not know it.
std::optional<double> floor_known(const Experiment& experiment) {
  if (!experiment.opened) return std::nullopt;
  std::vector<std::uint16_t> tokens(static_cast<std::size_t>(experiment.context) + 1);
  double sum = 0;
  const std::int64_t sequences =
      std::min(kFloorSequences, experiment.opened->validation_sequences_available(experiment.context));
  for (std::int64_t i = 0; i < sequences; ++i) {
    experiment.opened->validation_sequence(i, experiment.context, tokens.data());
    const auto entropy = experiment.opened->expected_entropy(tokens.data(), experiment.context);
    if (!entropy) return std::nullopt;
    sum += *entropy;
  }
  return sequences > 0 ? std::optional(sum / static_cast<double>(sequences)) : std::nullopt;
}

}  // namespace

Assumed assumed_for(const Experiment& experiment) {
  Assumed assumed;
  assumed.floor = floor_known(experiment).value_or(assumed.floor);
  return assumed;
}

void assume_fits(Assumed& assumed, const std::string& path, const std::vector<std::string>& laws) {
  assumed.fits = fit::read_fits(path);
  const fit::FitSummary* noise = nullptr;
  for (const auto& law : laws)
    if (!noise) noise = fit_of(law, assumed);
  if (!noise)
    noise = &*std::min_element(assumed.fits.begin(), assumed.fits.end(),
                               [](const auto& a, const auto& b) { return a.rms_log < b.rms_log; });
  if (!(noise->rms_log > 0))
    throw Error(fmt::format("{}: rms_log of {}: expected a positive number, got {}", path, noise->law, noise->rms_log));
  assumed.noise = noise->rms_log;
}

bool has_assumed_value(std::string_view law, std::string_view symbol) {
  return row_of(law, symbol) || symbol == "eff" || symbol == "effN";
}

double assumed_value(std::string_view law, const fit::Parameter& parameter, const std::vector<law::RunPoint>& points,
                     const Assumed& assumed) {
  const law::Symbol& symbol = parameter.symbol;
  if (is_efficiency(symbol)) {
    const auto run = std::find_if(points.begin(), points.end(),
                                  [&](const auto& point) { return law::label_of(symbol, point) == parameter.label; });
    return run == points.end() ? 1 : share_of(*run, assumed);
  }
  if (const Row* row = row_of(law, symbol.name)) return row->value(assumed);
  throw Failure(fmt::format("no value is assumed for {} of {}", symbol.name, law));
}

std::optional<double> fitted_value(std::string_view law, const fit::Parameter& parameter, const Assumed& assumed) {
  const fit::FitSummary* fit = fit_of(law, assumed);
  if (!fit) return std::nullopt;
  for (std::size_t k = 0; k < fit->symbols.size(); ++k) {
    const auto label = fit->labels.find(fit->symbols[k]);
    const bool same = parameter.label.empty() ? fit->symbols[k] == parameter.name
                                              : label != fit->labels.end() && label->second == parameter.label &&
                                                    fit->symbols[k].starts_with(parameter.symbol.name);
    if (same) return fit->parameters[k].value;
  }
  return std::nullopt;
}

Centre centre_of(const std::vector<law::RunPoint>& points) {
  double params = 0, tokens = 0;
  for (const auto& point : points) params += std::log(point.params), tokens += std::log(point.tokens);
  const double count = std::max<double>(1, static_cast<double>(points.size()));
  return {std::exp(params / count), std::exp(tokens / count)};
}

double assumed_loss(const law::RunPoint& point, const Centre& centre, const Assumed& assumed) {
  const double size = point.params * share_of(point, assumed) / centre.params, data = point.tokens / centre.tokens;
  return assumed.floor + assumed.reducible * (std::pow(size, -assumed.exponent) + std::pow(data, -assumed.exponent));
}

}  // namespace vernier::plan
