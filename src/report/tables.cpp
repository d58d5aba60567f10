#include "report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "fit/labels.h"
#include "report/chart_rows.h"
#include "report/numbers.h"

namespace vernier::report {
namespace {

constexpr const char* kAbsent = "-";

std::vector<RunSpec> specs_of(const Study& study) {
  if (!study.asked.planned.empty()) return study.asked.planned;
  std::vector<RunSpec> specs;
  for (const auto& run : study.runs) specs.push_back(run.spec);
  return specs;
}

std::string interval_or_dash(const std::optional<fit::Interval>& interval) {
  return interval ? with_interval(*interval) : kAbsent;
}

std::string numbers_text(const NumbersSpec& numbers) {
  const std::string label = fit::precision_label(numbers);
  return label == fit::kBaseline ? "unrounded" : label;
}

std::vector<const fit::FitSummary*> all_fits(const Study& study) {
  std::vector<const fit::FitSummary*> fits;
  if (study.reference) fits.push_back(&*study.reference);
  for (const auto& fit : study.fits) fits.push_back(&fit);
  return fits;
}

/// eff_<format> of `free_eff` with its format in words.
std::string parameter_name(const Study& study, const fit::FitSummary& fit, const std::string& symbol) {
  const auto label = fit.labels.find(symbol);
  if (label == fit.labels.end()) return symbol;
  const auto names = format_names(study);
  const auto name = names.find(label->second);
  return name == names.end() || symbol.ends_with(name->second) ? symbol : fmt::format("{} ({})", symbol, name->second);
}

}  // namespace

Table grid_table(const Study& study) {
  const auto specs = specs_of(study);
  std::map<std::pair<std::int64_t, std::int64_t>, int> shapes;
  std::set<std::int64_t> tokens, seeds;
  std::set<std::string> corpora, recipes;
  std::vector<std::string> numbers;
  for (const auto& spec : specs) {
    shapes[{spec.shape.depth, spec.shape.width}] = 1;
    tokens.insert(spec.tokens);
    seeds.insert(spec.seed);
    corpora.insert(spec.corpus.kind);
    recipes.insert(spec.recipe);
    const auto text = numbers_text(spec.numbers);
    if (std::find(numbers.begin(), numbers.end(), text) == numbers.end()) numbers.push_back(text);
  }
  std::vector<std::string> shape_words, token_words, seed_words;
  for (const auto& [shape, one] : shapes) shape_words.push_back(fmt::format("{} x {}", shape.first, shape.second));
  for (const auto value : tokens) token_words.push_back(count(double(value)));
  for (const auto value : seeds) seed_words.push_back(fmt::format("{}", value));
  return {{"asked", "values"},
          {{"sizes (layers x width)", fmt::format("{}", fmt::join(shape_words, ", "))},
           {"tokens", fmt::format("{}", fmt::join(token_words, ", "))},
           {"numbers (weights activations kv)", fmt::format("{}", fmt::join(numbers, "; "))},
           {"seeds", fmt::format("{}", fmt::join(seed_words, ", "))},
           {"corpus", fmt::format("{}", fmt::join(corpora, ", "))},
           {"recipe", fmt::format("{}", fmt::join(recipes, ", "))},
           {"laws", fmt::format("{}", fmt::join(study.asked.laws, ", "))},
           {"runs", fmt::format("{}", specs.size())}}};
}

namespace {

/// Error on what a hold-out kept back [%], runs outside of the law beside it.
std::string percent_held_out(const fit::FitSummary& fit, std::string_view rule) {
  const auto found = fit.holdouts.find(std::string(rule));
  if (found == fit.holdouts.end() || !found->second.rms_log) return kAbsent;
  const auto text = fmt::format("{:.3f}", 100 * *found->second.rms_log);
  return found->second.outside > 0 ? fmt::format("{} ({} out)", text, found->second.outside) : text;
}

}  // namespace

Table fits_table(const Study& study) {
  Table table{
      {"law", "runs", "rms %", "hold-out %", "held out", "most D %", "unseen P %", "AIC", "BIC", "starts at best"}, {}};
  for (const auto* fit : all_fits(study))
    table.rows.push_back({fit->law, fmt::format("{}", fit->rows), fmt::format("{:.3f}", 100 * fit->rms_log),
                          holdout_error(*fit) ? fmt::format("{:.3f}", 100 * *holdout_error(*fit)) : kAbsent,
                          fit->holdout ? fmt::format("{}", fit->holdout->rows) : kAbsent,
                          percent_held_out(*fit, "largest_d:1"), percent_held_out(*fit, "unseen_precision"),
                          fmt::format("{:.1f}", fit->aic), fmt::format("{:.1f}", fit->bic),
                          fmt::format("{} of {}", fit->starts_at_best, fit->starts.size())});
  return table;
}

/// "no, moves with A, alpha" where these make up for any change of it.
std::string identified_text(const fit::Interval& parameter) {
  if (!parameter.identified) return kAbsent;
  if (*parameter.identified) return "yes";
  if (parameter.with.empty()) return "no";
  constexpr std::size_t kNamed = 3;  // those that make up for most of it
  const auto named = std::min(kNamed, parameter.with.size());
  const auto names =
      fmt::format("{}", fmt::join(parameter.with.begin(), parameter.with.begin() + std::ptrdiff_t(named), ", "));
  const auto others = parameter.with.size() - named;
  return fmt::format("no, moves with {}{}", names, others > 0 ? fmt::format(" and {} more", others) : "");
}

Table parameters_table(const Study& study) {
  Table table{{"law", "parameter", "value", "90 % interval", "identified by these data"}, {}};
  for (const auto* fit : all_fits(study))
    for (std::size_t i = 0; i < fit->symbols.size(); ++i) {
      const auto& parameter = fit->parameters[i];
      const auto &lo = parameter.lo, &hi = parameter.hi;
      const auto width = lo && hi ? std::optional(*hi - *lo) : std::nullopt;
      const auto interval = lo && hi ? fmt::format("{} to {}", to_width(*lo, width), to_width(*hi, width)) : kAbsent;
      table.rows.push_back({fit->law, parameter_name(study, *fit, fit->symbols[i]), to_width(parameter.value, width),
                            interval, identified_text(parameter)});
    }
  return table;
}

Table hypotheses_table(const Study& study) {
  Table table{{"hypothesis", "law", "verdict", "effect", "90 % interval", "margin", "p", "runs", "more runs"}, {}};
  for (const auto& decision : study.decisions) {
    const auto& effect = decision.effect;
    const auto width = effect && effect->lo && effect->hi ? std::optional(*effect->hi - *effect->lo) : std::nullopt;
    const auto number = [&](const std::optional<double>& value) { return value ? to_width(*value, width) : kAbsent; };
    table.rows.push_back(
        {decision.hypothesis.claim.text, decision.hypothesis.law.empty() ? kAbsent : decision.hypothesis.law,
         std::string(fit::name_of(decision.ruling)), effect ? number(effect->value) : kAbsent,
         width ? fmt::format("{} to {}", number(effect->lo), number(effect->hi)) : kAbsent,
         effect ? number(effect->margin) : kAbsent, decision.p ? fmt::format("{:.3f}", *decision.p) : kAbsent,
         fmt::format("{}", decision.runs), decision.more_runs ? fmt::format("{}", *decision.more_runs) : kAbsent});
  }
  return table;
}

Table formats_table(const Study& study) {
  const auto curve = study.curve ? fmt::format("N_eff/N, {}", *study.curve) : "N_eff/N, curve";
  Table table{{"format", "bits", "runs", "N_eff/N, free_eff", curve, "density", "density per stored bit"}, {}};
  for (const auto& format : study.formats)
    table.rows.push_back({format.name, fmt::format("{:g}", format.bits), fmt::format("{}", format.runs),
                          interval_or_dash(format.free_share), interval_or_dash(format.law_share),
                          interval_or_dash(format.density), interval_or_dash(format.density_per_bit)});
  return table;
}

Table sweeps_table(const Study& study) {
  Table table{{"recipe", "layers x width", "D", "weights activations kv", "loss at each rate", "chosen"}, {}};
  auto sweeps = study.sweeps;
  std::stable_sort(sweeps.begin(), sweeps.end(), [](const auto& a, const auto& b) {
    const auto key = [](const RunSpec& s) { return std::tuple(s.recipe, s.shape.width, s.shape.depth, s.tokens); };
    return key(a.spec) < key(b.spec);
  });
  for (const auto& sweep : sweeps) {
    std::vector<std::string> losses;
    for (const auto& rate : sweep.rates)
      losses.push_back(
          fmt::format("{:g}: {}", rate.learning_rate, rate.loss ? fmt::format("{:.4f}", *rate.loss) : "diverged"));
    table.rows.push_back({sweep.spec.recipe, fmt::format("{} x {}", sweep.spec.shape.depth, sweep.spec.shape.width),
                          count(double(sweep.spec.tokens)), numbers_text(sweep.spec.numbers),
                          fmt::format("{}", fmt::join(losses, ", ")),
                          fmt::format("{:g}{}", sweep.rates[sweep.best].learning_rate,
                                      sweep.at_edge() ? ", at the end of what was tried" : "")});
  }
  return table;
}

Table runs_table(const Study& study) {
  std::map<std::string, const density::ModelDensity*> densities;
  for (const auto& model : study.densities) densities[model.run] = &model;
  Table table{
      {"run", "layers x width", "N", "D", "weights activations kv", "seed", "loss", "density", "carrier", "status"},
      {}};
  for (const auto& run : study.runs) {
    const RunSpec& spec = run.spec;
    const RunRecord& record = run.record;
    const auto model = densities.find(run.id);
    std::string density = kAbsent;
    if (model != densities.end() && model->second->density)
      density = with_interval({*model->second->density, model->second->lo, model->second->hi, {}, {}});
    const auto status =
        record.diverged_at ? fmt::format("{} at step {}", record.status, *record.diverged_at) : record.status;
    table.rows.push_back(
        {run.id, fmt::format("{} x {}", spec.shape.depth, spec.shape.width), count(record.parameters.non_embedding()),
         count(double(spec.tokens)), numbers_text(spec.numbers), fmt::format("{}", spec.seed),
         record.loss_val ? fmt::format("{:.4f}", *record.loss_val) : kAbsent, density, record.carrier, status});
  }
  return table;
}

std::string plain_text(const Table& table) {
  std::vector<std::size_t> widths;
  for (const auto& column : table.columns) widths.push_back(column.size());
  for (const auto& row : table.rows)
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line = "  ";
    for (std::size_t k = 0; k < row.size(); ++k) line += fmt::format("{:<{}}  ", row[k], widths[k]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(table.columns);
  for (const auto& row : table.rows) add(row);
  return text;
}

}  // namespace vernier::report
