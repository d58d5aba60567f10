#include <fmt/format.h>

#include "report/density_tables.h"
#include "report/numbers.h"
#include "report/report.h"
#include "report/tables.h"

namespace vernier::report {
namespace {

constexpr std::size_t kLineWidth = 120;

/// The words of `text` on lines of at most kLineWidth characters, each after `indent`.
std::string wrapped(const std::string& text, const std::string& indent) {
  std::string out, line = indent;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find_first_of(" \n", at), text.size());
    const auto word = text.substr(at, end - at);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kLineWidth) {
      out += line + "\n";
      line = indent;
    }
    if (!word.empty()) line += (line.size() > indent.size() ? " " : "") + word;
    at = end + 1;
  }
  return out + line + "\n";
}

const char* mark_of(Verdict::Tone tone) {
  if (tone == Verdict::Tone::Good) return "+";
  return tone == Verdict::Tone::Caution ? "!" : "-";
}

double training_seconds(const Study& study) {
  double seconds = 0;
  for (const auto& run : study.runs) seconds += run.record.seconds;
  return seconds;
}

std::string text_of(const density::Analysis& analysis) {
  std::string text = "\nDensity\n";
  for (const auto& verdict : density_verdicts(analysis))
    text += fmt::format("{} {}\n{}", mark_of(verdict.tone), verdict.title, wrapped(verdict.text, "    "));
  for (const auto& table : {recipes_table(analysis), forms_table(analysis), meetings_table(analysis),
                            compression_table(analysis), outlook_table(analysis)})
    if (!table.rows.empty()) text += "\n" + plain_text(table);
  return text;
}

}  // namespace

std::string text_summary(const Study& study) {
  std::string text = study.asked.experiment + "\n";
  if (!study.asked.question.empty()) text += wrapped(study.asked.question, "  ");
  text += fmt::format("  training took {} in all\n\n", duration(training_seconds(study)));
  for (const auto& verdict : verdicts(study))
    text += fmt::format("{} {}\n{}", mark_of(verdict.tone), verdict.title, wrapped(verdict.text, "    "));
  if (const auto hypotheses = hypotheses_table(study); !hypotheses.rows.empty())
    text += "\nHypotheses\n" + plain_text(hypotheses);
  if (const auto fits = fits_table(study); !fits.rows.empty()) text += "\nFits\n" + plain_text(fits);
  if (const auto parameters = parameters_table(study); !parameters.rows.empty())
    text += "\nParameters\n" + plain_text(parameters);
  if (const auto sweeps = sweeps_table(study); !sweeps.rows.empty()) text += "\nLearning rates\n" + plain_text(sweeps);
  if (study.density) text += text_of(*study.density);
  if (!study.why_no_density.empty()) text += "\nDensity not measured: " + study.why_no_density + "\n";
  if (const auto formats = formats_table(study); !formats.rows.empty()) text += "\nFormats\n" + plain_text(formats);
  return text;
}

}  // namespace vernier::report
