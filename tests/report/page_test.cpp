#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "catch.h"
#include "report/charts.h"
#include "report/report.h"
#include "synthetic.h"

using namespace vernier;
namespace fs = std::filesystem;

namespace {

std::size_t times(const std::string& text, const std::string& word) {
  std::size_t number = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++number;
  return number;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The page without the scripts of the chart library: what the report itself wrote.
std::string without_scripts(std::string page) {
  for (auto begin = page.find("<script>"); begin != std::string::npos; begin = page.find("<script>"))
    page.erase(begin, page.find("</script>", begin) + 9 - begin);
  return page;
}

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("vernier-report-{}", ::getpid());
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("the page loads nothing from anywhere", "[report]") {
  const auto page = report::html_page(synthetic::study());
  const auto own = without_scripts(page);
  CHECK_THAT(own, Catch::Matchers::ContainsSubstring("default-src 'none'"));
  for (const auto* way : {"src=", "href=", "<link", "@import", "url(", "<iframe", "<img"}) {
    INFO(way);
    CHECK(times(own, way) == 0);
  }
  CHECK(times(page, "</script>") == report::charts(synthetic::study()).size() + 4);
}

TEST_CASE("the page holds the chart library and every chart", "[report]") {
  const auto page = report::html_page(synthetic::study());
  CHECK(page.size() > 700000);
  CHECK_THAT(page, Catch::Matchers::ContainsSubstring("vegaEmbed("));
  for (const auto& chart : report::charts(synthetic::study())) {
    INFO(chart.id);
    CHECK(times(page, "id=\"" + chart.id + "\"") == 1);
    CHECK(times(page, "data-chart=\"" + chart.id + "\"") == 1);
  }
}

TEST_CASE("what an experiment file says cannot become markup", "[report]") {
  auto asked = synthetic::asked();
  asked.laws = {};
  asked.experiment = "</title><script>alert(1)</script>";
  asked.question = "a < b & \"c\"?";
  const auto page = report::html_page(report::analyse(asked, {}, {}));
  CHECK(times(page, "<script>alert") == 0);
  CHECK_THAT(page, Catch::Matchers::ContainsSubstring("a &lt; b &amp; &quot;c&quot;?"));
}

TEST_CASE("every run stands in the table of runs", "[report]") {
  const auto own = without_scripts(report::html_page(synthetic::study()));
  std::size_t absent = 0;
  for (const auto& run : synthetic::study().runs) absent += times(own, "<td>" + run.id + "</td>") == 0;
  CHECK(absent == 0);
}

TEST_CASE("runs that differ in estimator, rounding or rotation alone are told apart", "[report]") {
  report::Study study = synthetic::study();
  study.runs.at(0).spec.numbers = {.weights = "int4/channel"};
  study.runs.at(1).spec.numbers = {.weights = "int4/channel", .rounding = "stochastic", .rotation = "hadamard32"};
  CHECK_THAT(report::html_page(study),
             Catch::Matchers::ContainsSubstring("int4/channel fp32 fp32 rounding=stochastic rotation=hadamard32"));
}

TEST_CASE("a written report is five files, and its fits can be read back", "[report]") {
  const Folder folder;
  const auto names = report::write_report(synthetic::study(), folder.path / "results");
  CHECK(names.size() == 5);
  for (const auto& name : names) {
    INFO(name);
    CHECK(fs::file_size(folder.path / "results" / name) > 100);
  }
  const auto fits = fit::read_fits((folder.path / "results" / "fits.json").string());
  REQUIRE(fits.size() == 4);
  CHECK(fits[0].law == "chinchilla");
  CHECK(fits[0].values() == synthetic::study().reference->values());
  CHECK(times(text_of(folder.path / "results" / "runs.csv"), "\n") == synthetic::study().runs.size() + 1);
  CHECK(std::distance(fs::directory_iterator(folder.path / "results"), fs::directory_iterator()) == 5);
}

TEST_CASE("a report cannot be written into a file", "[report]") {
  const Folder folder;
  fs::create_directories(folder.path);
  std::ofstream(folder.path / "results") << "a file";
  CHECK_THROWS_AS(report::write_report(synthetic::study(), folder.path / "results"), Error);
}

TEST_CASE("the report of results/runs lies in results, however the path is written", "[report]") {
  CHECK(report::folder_beside("/a/results/runs") == "/a/results");
  CHECK(report::folder_beside("/a/results/runs/") == "/a/results");
  CHECK(report::folder_beside("/a/results/other/../runs") == "/a/results");
}
