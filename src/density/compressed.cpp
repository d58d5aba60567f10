#include "density/compressed.h"

#include <cmath>

namespace vernier::density {

namespace {

CompressedDensity compared(const ModelDensity& model, const std::vector<double>& log_rho, const ModelDensity& parent,
                           const std::vector<double>& log_rho_parent) {
  CompressedDensity row{model.run, model.parent, model.method, {}, {}, {}, "unknown", ""};
  if (model.density && parent.density)
    row.ratio = *model.density / *parent.density;
  else
    row.why_absent = model.density ? "the parent: " + parent.why_absent : model.why_absent;
  std::vector<double> ratios;
  for (std::size_t k = 0; k < std::min(log_rho.size(), log_rho_parent.size()); ++k)
    if (const double ratio = log_rho[k] - log_rho_parent[k]; !std::isnan(ratio)) ratios.push_back(ratio);
  const Ends ends = ends_of(std::move(ratios));
  if (ends.lo) row.lo = std::exp(*ends.lo);
  if (ends.hi) row.hi = std::exp(*ends.hi);
  if (row.lo || row.hi)
    row.verdict = row.hi && *row.hi < 1 ? "less dense" : row.lo && *row.lo > 1 ? "denser" : "no difference";
  return row;
}

std::string sentence_of(const CompressionSummary& all) {
  if (all.rows.empty()) return "";
  if (all.compared == 0) return "No compressed model has a density beside that of the model it was made of.";
  return fmt::format(
      "Of {} compressed models {} are less dense than the model they were made of, {} of them by a whole 90 % "
      "interval; "
      "{} are denser by a whole interval. That pruned and distilled models are mostly less dense than their parents "
      "(arXiv 2412.04315) {}.",
      all.compared, all.below, all.less_dense, all.denser,
      2 * all.less_dense > all.compared ? "holds here"
      : 2 * all.denser > all.compared   ? "does not hold here"
                                        : "is not decided by these intervals");
}

}  // namespace

CompressionSummary compression_of(const std::vector<ModelDensity>& models, const std::vector<LogDensities>& log_rho) {
  std::map<std::string, std::size_t> trained;
  for (std::size_t i = 0; i < models.size(); ++i)
    if (models[i].kind == Kind::Trained) trained[models[i].run] = i;
  CompressionSummary all;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].kind != Kind::Compressed) continue;
    const std::size_t parent = trained.at(models[i].parent);
    const auto& row = all.rows.emplace_back(compared(models[i], log_rho[i].all, models[parent], log_rho[parent].all));
    all.compared += row.ratio.has_value();
    all.below += row.ratio && *row.ratio < 1;
    all.less_dense += row.verdict == "less dense";
    all.denser += row.verdict == "denser";
  }
  all.sentence = sentence_of(all);
  return all;
}

}  // namespace vernier::density
