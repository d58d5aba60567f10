#include <fmt/format.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "report/numbers.h"
#include "report/report.h"
#include "store/dataset.h"

namespace vernier::report {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.flush();
  if (!out) throw Error(fmt::format("{}: expected a file that can be written", file.string()));
}

/// Writes beside and renames, so a reader never sees half a file.
void put(const fs::path& folder, const std::string& name, const std::function<void(const fs::path&)>& write) {
  const auto beside = folder / (".partial-" + name);
  write(beside);
  fs::rename(beside, folder / name);
}

std::string best_law(const Study& study) {
  const fit::FitSummary* best = nullptr;
  for (const auto& fit : study.fits)
    if (holdout_error(fit) && (!best || holdout_error(fit) < holdout_error(*best))) best = &fit;
  if (best) return best->law;
  return study.reference ? study.reference->law : "";
}

}  // namespace

Json fits_json(const Study& study) {
  Json excluded = Json::array(), fits = Json::array(), unfitted = Json::array(), hypotheses = Json::array();
  for (const auto& [run, why] : study.data.excluded) excluded.push_back({{"run", run}, {"why", why}});
  if (study.reference) fits.push_back(fit::to_json(*study.reference));
  for (const auto& fit : study.fits) fits.push_back(fit::to_json(fit));
  for (const auto& [law, why] : study.unfitted) unfitted.push_back({{"law", law}, {"why", why}});
  for (const auto& decision : study.decisions) hypotheses.push_back(fit::to_json(decision));
  const auto best = best_law(study);
  return {{"experiment", study.asked.experiment},
          {"data", {{"rows", study.data.rows}, {"used", study.data.points.size()}, {"excluded", excluded}}},
          {"fits", fits},
          {"unfitted", unfitted},
          {"hypotheses", hypotheses},
          {"best", best.empty() ? Json(nullptr) : Json(best)}};
}

fs::path folder_beside(const fs::path& store) {
  const auto whole = fs::absolute(store).lexically_normal();
  return whole.has_filename() ? whole.parent_path() : whole.parent_path().parent_path();
}

std::vector<std::string> write_report(const Study& study, const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem || !fs::is_directory(folder))
    throw Error(fmt::format("{}: expected a folder that can be made or written", folder.string()));
  put(folder, "report.html", [&](const fs::path& file) { write_text(file, html_page(study)); });
  put(folder, "summary.txt", [&](const fs::path& file) { write_text(file, text_summary(study)); });
  put(folder, "fits.json", [&](const fs::path& file) { write_text(file, fits_json(study).dump(2) + "\n"); });
  put(folder, "runs.csv", [&](const fs::path& file) { store::write_runs_csv(study.runs, file); });
  put(folder, "runs.parquet", [&](const fs::path& file) { store::write_runs_parquet(study.runs, file); });
  return {"report.html", "summary.txt", "fits.json", "runs.csv", "runs.parquet"};
}

}  // namespace vernier::report
