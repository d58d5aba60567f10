#include <fmt/format.h>

#include "report/assets.h"
#include "report/charts.h"
#include "report/density_charts.h"
#include "report/density_tables.h"
#include "report/numbers.h"
#include "report/report.h"
#include "report/tables.h"

namespace vernier::report {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

/// JSON inside a script element: no '<' may stand there, or a string could end the element.
std::string embedded(const Json& json) {
  std::string out;
  for (const char c : json.dump()) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

std::string html_of(const Table& table, std::string_view kind = "") {
  std::string html = fmt::format("<div class=\"table {}\"><table><thead><tr>", kind);
  for (const auto& column : table.columns) html += "<th>" + escaped(column) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const auto& cell : row) html += "<td>" + escaped(cell) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string html_of(const Verdict& verdict) {
  const bool good = verdict.tone == Verdict::Tone::Good, caution = verdict.tone == Verdict::Tone::Caution;
  return fmt::format("<li class=\"{}\"><h3><span class=\"mark\">{}</span>{}</h3>{}</li>\n",
                     good      ? "good"
                     : caution ? "caution"
                               : "plain",
                     good      ? "\u2713"
                     : caution ? "!"
                               : "\u2022",
                     escaped(verdict.title), escaped(verdict.text));
}

std::string html_of(const Chart& chart) {
  std::string html = fmt::format("<figure><h3>{}</h3>", escaped(chart.title));
  if (!chart.spec.is_null()) {
    html += fmt::format("<div class=\"chart\" id=\"{}\"></div>", chart.id);
    html +=
        fmt::format("<script type=\"application/json\" data-chart=\"{}\">{}</script>", chart.id, embedded(chart.spec));
  }
  return html + fmt::format("<figcaption>{}</figcaption></figure>\n", escaped(chart.caption));
}

std::string section(std::string_view title, const std::string& body) {
  return fmt::format("<section><h2>{}</h2>\n{}</section>\n", title, body);
}

std::string figures_of(const std::vector<Chart>& charts) {
  std::string html = "<div class=\"figures\">\n";
  for (const auto& chart : charts) html += html_of(chart);
  return html + "</div>\n";
}

std::string list_of(const std::vector<Verdict>& verdicts) {
  std::string html = "<ul class=\"verdicts\">\n";
  for (const auto& verdict : verdicts) html += html_of(verdict);
  return html + "</ul>\n";
}

/// A table under its name; nothing where it has no rows.
std::string under(std::string_view name, const Table& table) {
  return table.rows.empty() ? "" : fmt::format("<h3>{}</h3>\n", name) + html_of(table);
}

std::string density_of(const density::Analysis& analysis) {
  return list_of(density_verdicts(analysis)) + figures_of(density_charts(analysis)) +
         under("Recipes", recipes_table(analysis)) + under("Forms of the reference law", forms_table(analysis)) +
         under("Both laws", meetings_table(analysis)) + under("Compressed models", compression_table(analysis)) +
         under("Outlook", outlook_table(analysis));
}

std::string excluded_of(const Study& study) {
  Table table{{"left out", "of", "why"}, {}};
  for (const auto& [run, why] : study.data.excluded) table.rows.push_back({run, "every fit", why});
  for (const auto& [folder, why] : study.broken) table.rows.push_back({folder, "every fit", why});
  for (const auto& fit : study.fits)
    for (const auto& [run, why] : fit.excluded) table.rows.push_back({run, fit.law, why});
  for (const auto& model : study.densities)
    if (model.params && !model.density) table.rows.push_back({model.run, "density", model.why_absent});
  return table.rows.empty() ? "" : "<h3>Runs left out</h3>\n" + html_of(table, "runs");
}

constexpr std::string_view kSymbols =
    "<p class=\"soft\">L: mean cross-entropy on held-out tokens, nats per token. N: parameters outside embeddings "
    "(blocks and "
    "final norm). D: training tokens. E: the loss that no N and no D removes. N_eff/N: the share of the parameters "
    "that still "
    "counts at a precision. Density rho = N_hat/N: the parameters of an unrounded model of the same loss, for each "
    "parameter. "
    "Intervals are 90 % bootstrap intervals. Objective: sum of Huber terms of ln L residuals.</p>\n";

constexpr std::string_view kHypotheses =
    "<p class=\"soft\">Equal, and does not depend: refuted when p is below 0.05 and the interval of the difference is "
    "not "
    "wholly inside the margin, supported when it is. A parameter on one side of a number, and a trend: by the side on "
    "which the whole interval lies. More runs: of the same kind, that would decide in four of five cases if the effect "
    "is "
    "as estimated.</p>\n";

/// Nothing may be loaded, from anywhere; the charts need inline script and style.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:";

std::string head_of(const Study& study) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<title>{} - vernier</title>\n"
      "<style>{}</style>\n</head>\n<body>\n",
      kPolicy, escaped(study.asked.experiment), page_css());
}

std::string scripts() {
  std::string html;
  for (const auto script : {vega_js(), vega_lite_js(), vega_embed_js(), page_js()})
    html.append("<script>").append(script).append("</script>\n");
  return html;
}

}  // namespace

std::string html_page(const Study& study) {
  std::string html = head_of(study);
  html += fmt::format(
      "<header><h1>{}</h1>\n<p class=\"question\">{}</p></header>\n<noscript><p>The charts need JavaScript; all "
      "of it is inside this page.</p></noscript>\n",
      escaped(study.asked.experiment), escaped(study.asked.question));
  html += section("What these data say", list_of(verdicts(study)));
  if (const auto hypotheses = hypotheses_table(study); !hypotheses.rows.empty())
    html += section("Hypotheses", html_of(hypotheses) + kHypotheses.data());
  html += section("What was asked", html_of(grid_table(study)));
  html += section("Charts", figures_of(charts(study)));
  if (study.density) html += section("Density", density_of(*study.density));
  if (!study.why_no_density.empty())
    html += section("Density", fmt::format("<p>Not measured: {}</p>\n", escaped(study.why_no_density)));
  html += section("Formats", html_of(formats_table(study)));
  html += section("Fits", html_of(fits_table(study)) + kSymbols.data());
  html += section("Parameters", html_of(parameters_table(study)));
  if (const auto sweeps = sweeps_table(study); !sweeps.rows.empty()) html += section("Learning rates", html_of(sweeps));
  html += section("Runs", html_of(runs_table(study), "runs") + excluded_of(study));
  return html + scripts() + "</body>\n</html>\n";
}

}  // namespace vernier::report
