// Fits of published runs against optima found twice by other programs (refdata/README.md).
#include <cmath>

#include "fit/fit.h"
#include "law/laws.h"
#include "refdata.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

const auto kRefdata = shared_folder() / "refdata";

FitOptions without_bootstrap() {
  FitOptions options;
  options.bootstrap = 0;
  return options;
}

struct Known {
  const char* name;
  const char* law;
  bool kv_too;  ///< the cube
  std::map<std::string, double> fix;
  std::vector<std::pair<std::string, std::string>> ties;
  double objective_54, rms_54, objective_48, rms_48;
};

const std::vector<std::pair<std::string, std::string>> kWeightsAsActivations{{"gamma_w", "gamma_a"}, {"n_w", "n_a"}};

const std::vector<Known> kQuest{
    {"free_eff", "free_eff", false, {}, {}, 1.126005e-4, 3.624e-3, 8.834411e-5, 3.227e-3},
    {"power_eff", "power_eff", true, {}, {}, 1.888757e-4, 5.663e-3, 9.318235e-5, 3.308e-3},
    {"kumar_tied", "kumar_tied", true, {}, {}, 2.506533e-4, 6.594e-3, 9.964249e-5, 3.388e-3},
    {"kumar_joint tied", "kumar_joint", false, {}, kWeightsAsActivations, 3.265199e-4, 8.466e-3, 1.068046e-4, 3.497e-3},
    {"kumar_tied n=0", "kumar_tied", true, {{"n", 0}}, {}, 3.680128e-4, 9.152e-3, 2.499970e-4, 7.788e-3},
    {"kumar_weights", "kumar_weights", false, {}, {}, 5.211236e-4, 1.395e-2, 1.339309e-4, 4.012e-3},
    {"kumar_joint tied n=0",
     "kumar_joint",
     false,
     {{"n_w", 0}},
     kWeightsAsActivations,
     6.246906e-4,
     1.552e-2,
     3.767541e-4,
     1.139e-2},
    {"kumar_weights n_w=0", "kumar_weights", false, {{"n_w", 0}}, {}, 1.175421e-3, 3.131e-2, 6.547064e-4, 1.886e-2},
};

void check_quest(const Known& known, double fewest_bits, double objective, double rms) {
  FitOptions options = without_bootstrap();
  options.fix = known.fix;
  options.ties = known.ties;
  const auto points = refdata::quest(kRefdata / "quest_N_D_P_loss.csv", fewest_bits, known.kv_too);
  const FitSummary found = fit::fit(known.law, points, options);
  INFO(known.name << " on " << points.size() << " rows");
  CHECK_THAT(found.objective, Catch::Matchers::WithinRel(objective, 1e-6));
  CHECK_THAT(found.rms_log, Catch::Matchers::WithinAbs(rms, 2e-5));
}

}  // namespace

TEST_CASE("each law finds the known optimum of QuEST's 54 rows of 1 to 16 bits", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  for (const Known& known : kQuest) check_quest(known, 1, known.objective_54, known.rms_54);
}

TEST_CASE("each law finds the known optimum of QuEST's 48 rows of 2 to 16 bits", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  for (const Known& known : kQuest) check_quest(known, 2, known.objective_48, known.rms_48);
}

namespace {

struct KnownChinchilla {
  const char* file;
  const char* map;
  const char* where;
  double delta;
  std::size_t rows;
  double objective, A, alpha, B, beta, E;
};

constexpr const char* kQuartetMap = "n_non_embedding=N_nonemb,tokens=D_tokens,loss_val=loss_c4_val";
constexpr const char* kQuartetBaseline = "fwd_format==BF16 && bwd_format==BF16";
constexpr const char* kGadreMap = "n_non_embedding=params,tokens=tokens,loss_val=loss_c4_val";
constexpr const char* kOlmoMap = "n_non_embedding=N,tokens=D_tokens,loss_val=eval/c4_en-validation/CrossEntropyLoss";

const std::vector<KnownChinchilla> kChinchilla{
    {"quartet_fwd_bwd_loss.csv", kQuartetMap, kQuartetBaseline, 1e-4, 24, 7.7293909e-6, 10.9492, .1026064, 628.610,
     .3471452, 1.0253902},
    {"quartet_fwd_bwd_loss.csv", kQuartetMap, kQuartetBaseline, 1e-3, 24, 6.791946577e-5, 12.73952, .119739618,
     301.6700, .308137906, 1.238908},
    {"gadre_models.csv", kGadreMap, "train_dataset==c4_original", 1e-3, 34, 5.299541305e-4, 122.5531, .252574058,
     242.6089, .262229223, 1.620024},
    {"gadre_models.csv", kGadreMap, "train_dataset==rpj", 1e-3, 35, 4.265108272e-4, 106.0910, .243084486, 297.9755,
     .273005440, 1.720245},
    {"gadre_models.csv", kGadreMap, "train_dataset==rw_original", 1e-3, 35, 4.757255016e-4, 76.77425, .222587151,
     384.1605, .289772897, 1.701340},
    {"olmo_ladder_final_losses.csv", kOlmoMap, "", 1e-3, 16, 3.299857205e-5, 12.48284, .103602918, 33.47682, .161968535,
     .9343754},
};

/// OLMo's runs without those of half the tokens and without repeats.
void keep_ladder(std::vector<law::RunPoint>& points, const std::string& file) {
  if (file != "olmo_ladder_final_losses.csv") return;
  const auto table = store::read_table(kRefdata / file);
  std::erase_if(points, [&](const law::RunPoint& point) {
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (table.places[row] == point.run) {
        const std::string name = table.find("run")->cells[row].text.value_or("");
        return name.find("0.5xC") != std::string::npos || name.find("rerun") != std::string::npos;
      }
    return true;
  });
}

}  // namespace

TEST_CASE("chinchilla finds the known optima of Quartet, Gadre and OLMo", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  for (const auto& known : kChinchilla) {
    auto points = read_data(kRefdata / known.file, {parse_map(known.map), known.where}).points;
    keep_ladder(points, known.file);
    INFO(known.file << " " << known.where);
    REQUIRE(points.size() == known.rows);
    FitOptions options = without_bootstrap();
    options.huber_delta = known.delta;
    const FitSummary found = fit::fit("chinchilla", points, options);
    CHECK_THAT(found.objective, Catch::Matchers::WithinRel(known.objective, 1e-6));
    const std::vector<double> parameters{known.E, known.A, known.B, known.alpha, known.beta};
    for (std::size_t k = 0; k < parameters.size(); ++k)
      CHECK_THAT(found.parameters[k].value, Catch::Matchers::WithinRel(parameters[k], 1e-4));
  }
}

TEST_CASE("two BF16 runs of Quartet that were not fitted are predicted as known", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  const auto points =
      read_data(kRefdata / "quartet_fwd_bwd_loss.csv", {parse_map(kQuartetMap), kQuartetBaseline}).points;
  FitOptions options = without_bootstrap();
  options.huber_delta = 1e-4;
  const FitSummary found = fit::fit("chinchilla", points, options);
  const auto predicted = [&](const char* size, double steps) {
    const auto table = store::read_table(kRefdata / "quartet_fwd_bwd_loss.csv");
    law::RunPoint point;
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (table.find("size")->cells[row].text == size) point.params = *table.find("N_nonemb")->cells[row].number;
    point.tokens = steps * 262144;
    return loss(found, found.values(), point);
  };
  CHECK_THAT(predicted("100M", 381469), Catch::Matchers::WithinAbs(2.770184, 2e-5));
  CHECK_THAT(predicted("200M", 152587), Catch::Matchers::WithinAbs(2.694528, 2e-5));
}

TEST_CASE("QuEST's efficiencies are identified, its E and exponents are not", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  FitOptions options;
  options.bootstrap = 300;
  const FitSummary found = fit::fit("free_eff", refdata::quest(kRefdata / "quest_N_D_P_loss.csv", 2), options);
  for (std::size_t k = 0; k < found.symbols.size(); ++k) {
    if (found.symbols[k] == "A") continue;  // known within a factor of two
    const bool efficiency = found.symbols[k].starts_with("eff_");
    INFO(found.symbols[k] << " " << *found.parameters[k].lo << " to " << *found.parameters[k].hi);
    CHECK(*found.parameters[k].identified == efficiency);
  }
}

TEST_CASE("gadre predicts the two large runs of the published five-run fit", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  const double q = -.27285070, eta = -q / 2, six = std::pow(6.0, eta);
  const law::Parameters<double, 4> theta{1.8366484, 166.21098 * six, 366.68717, eta};
  const auto table = store::read_table(kRefdata / "gadre_models.csv");
  const auto number = [&](const char* column, std::size_t row) { return *table.find(column)->cells[row].number; };
  int seen = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.find("train_dataset")->cells[row].text != "rpj") continue;
    const std::string model = table.find("model")->cells[row].text.value_or("");
    const bool one = model.find("open_lm_1b") != std::string::npos && number("chinchilla_multiplier", row) == 32;
    const bool seven = model.find("open_lm_7b") != std::string::npos && number("chinchilla_multiplier", row) == 1;
    if (!one && !seven) continue;
    law::RunPoint point;
    point.params = number("params", row);
    point.tokens = number("tokens", row);
    CHECK_THAT(law::Gadre::loss(theta, point), Catch::Matchers::WithinAbs(one ? 2.5198265 : 2.4427452, 2e-6));
    ++seen;
  }
  CHECK(seen == 2);
}
