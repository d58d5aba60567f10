#include "density/laws.h"

#include <algorithm>
#include <cmath>

#include "fit/fit.h"

namespace vernier::density {

namespace {

constexpr double kPoorFit = 0.9;  ///< R^2 below which a fit is called poor

fit::FitOptions options_of(const LawOptions& asked, Form form) {
  fit::FitOptions options;
  options.bootstrap = asked.bootstrap;
  options.seed = asked.seed;
  if (form == Form::Paper) options.fix["E"] = 0;
  return options;
}

FormFit fitted_form(const FormRow& row, const ReferenceRuns& family, const LawOptions& asked) {
  FormFit form{std::string(row.name), {}, "", false};
  fit::FitOptions options = options_of(asked, row.form);
  options.bootstrap = 0;
  options.holdouts = {"largest_n:1", "largest_d:1", "fraction:0.2"};
  try {
    form.fit = fit::fit("densing_loss", family.points, options);
  } catch (const std::runtime_error& problem) {  // Error or Failure
    form.why_absent = problem.what();
  }
  return form;
}

/// Mean of ln error over the hold-outs that both fits have; AIC where they share none.
std::pair<double, double> ranks(const fit::FitSummary& a, const fit::FitSummary& b) {
  double of_a = 0, of_b = 0;
  bool shared = false;
  for (const auto& [rule, holdout] : a.holdouts) {
    const auto other = b.holdouts.find(rule);
    if (other == b.holdouts.end() || !holdout.rms_log || !other->second.rms_log) continue;
    of_a += std::log(*holdout.rms_log), of_b += std::log(*other->second.rms_log);
    shared = true;
  }
  return shared ? std::pair(of_a, of_b) : std::pair(a.aic, b.aic);
}

FormFit& chosen(std::vector<FormFit>& forms, Form asked) {
  FormFit &paper = forms.at(0), &with_e = forms.at(1);
  if (asked == Form::Paper) return paper;
  if (asked == Form::WithE || !paper.fit) return with_e;
  if (!with_e.fit) return paper;
  const auto [of_paper, of_with_e] = ranks(*paper.fit, *with_e.fit);
  return of_with_e < of_paper ? with_e : paper;
}

void add_size_law(ReferenceLaws& laws, const ReferenceRuns& family, const LawOptions& asked) {
  if (asked.measure == Measure::Loss) {
    laws.size = fit::fit("chinchilla", family.points, options_of(asked, Form::WithE));
    return;
  }
  for (const FormRow& row : kForms)
    if (row.form != Form::Auto) laws.forms.push_back(fitted_form(row, family, asked));
  FormFit& form = chosen(laws.forms, asked.form);
  if (!form.fit) throw Error(form.why_absent);
  form.used = true;
  fit::FitOptions options = options_of(asked, row_named("form", kForms, form.name).form);
  options.keep_draws = true;
  laws.size = fit::fit("densing_loss", family.points, options);
  laws.size.holdouts = form.fit->holdouts;
}

law::RunPoint point_of(const Checkpoint& checkpoint) {
  law::RunPoint point;
  point.run = checkpoint.name;
  point.params = checkpoint.params, point.tokens = checkpoint.tokens;
  point.task_loss = checkpoint.cloze.loss, point.task_loss_se = checkpoint.cloze.loss_se;
  point.task_accuracy = checkpoint.cloze.accuracy, point.task_accuracy_se = checkpoint.cloze.accuracy_se;
  return point;
}

/// How often each checkpoint counts: as its run.
fit::Draws draws_of(const std::vector<Checkpoint>& checkpoints, const fit::Draws& runs) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < runs.runs.size(); ++i) place[runs.runs[i]] = i;
  fit::Draws draws;
  for (const Checkpoint& checkpoint : checkpoints) draws.runs.push_back(checkpoint.name);
  for (const auto& times : runs.times) {
    auto& row = draws.times.emplace_back();
    for (const Checkpoint& checkpoint : checkpoints) row.push_back(times[place.at(checkpoint.run)]);
  }
  return draws;
}

double typical_error(const std::vector<Checkpoint>& checkpoints) {
  std::vector<double> errors;
  for (const Checkpoint& checkpoint : checkpoints)
    if (checkpoint.cloze.accuracy_se > 0) errors.push_back(checkpoint.cloze.accuracy_se);
  if (errors.empty()) return fit::FitOptions().huber_delta;
  const auto middle = errors.begin() + std::ptrdiff_t(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return std::max(*middle, fit::FitOptions().huber_delta);
}

void add_score_law(ReferenceLaws& laws, const ReferenceRuns& family, const LawOptions& asked) {
  laws.checkpoints = checkpoints_of(family);
  std::vector<law::RunPoint> points;
  for (const Checkpoint& checkpoint : laws.checkpoints) points.push_back(point_of(checkpoint));
  fit::FitOptions options = options_of(asked, Form::Auto);
  options.huber_delta = typical_error(laws.checkpoints);
  options.draws = draws_of(laws.checkpoints, *laws.size.draws);
  laws.score = fit::fit("densing_score", points, options);
}

void add_notes(ReferenceLaws& laws, const fit::FitSummary& fit, const std::string& what) {
  if (fit.r2 < kPoorFit)
    laws.notes.push_back(
        fmt::format("{} explains {:.0f} % of the variance of its {} points: sizes read from it are as "
                    "doubtful as that.",
                    what, 100 * std::max(0.0, fit.r2), fit.rows));
  std::vector<std::string> open;
  for (std::size_t k = 0; k < fit.symbols.size(); ++k)
    if (fit.parameters[k].identified && !*fit.parameters[k].identified) open.push_back(fit.symbols[k]);
  if (!open.empty())
    laws.notes.push_back(
        fmt::format("{}: {} {} not identified by these runs; what lies inside their range may still be "
                    "read, what lies outside is not known.",
                    what, fmt::join(open, ", "), open.size() == 1 ? "is" : "are"));
}

/// Fits both laws; what hinders one names the measures that do without it.
void add_laws(ReferenceLaws& laws, const ReferenceRuns& family, const LawOptions& options) {
  const char* others = options.measure == Measure::Score ? "task_loss or loss" : "loss";
  try {
    add_size_law(laws, family, options);
    if (options.measure == Measure::Score) add_score_law(laws, family, options);
  } catch (const Error& problem) {
    if (options.measure == Measure::Loss) throw;
    throw Error(fmt::format("{}\n--measure {}: the reference runs do not suffice; {} may", problem.what(),
                            row_of(options.measure).name, others));
  }
}

}  // namespace

ReferenceLaws reference_laws(const ReferenceRuns& family, const LawOptions& options) {
  if (options.measure != Measure::Loss && !family.has_tasks())
    throw Error(
        fmt::format("--measure {}: no unrounded run of {} has tasks; expected runs of an experiment with `cloze`",
                    row_of(options.measure).name, family.recipe));
  ReferenceLaws laws;
  laws.measure = options.measure;
  add_laws(laws, family, options);
  add_notes(laws, laws.size,
            options.measure == Measure::Loss ? "The law of the loss" : "The law of the conditional loss");
  if (laws.score) add_notes(laws, *laws.score, "The law of the score");
  return laws;
}

}  // namespace vernier::density
