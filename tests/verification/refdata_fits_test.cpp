// Fits of published runs against optima found twice by other programs (refdata/README.md).
#include <cmath>

#include "fit/fit.h"
#include "fit/solver.h"
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
  std::map<std::string, double> shape_54 = {}, shape_48 = {};
  double tolerance = 1e-6;  ///< of the objective, relative
};

const std::vector<std::pair<std::string, std::string>> kWeightsAsActivations{{"gamma_w", "gamma_a"}, {"n_w", "n_a"}};

const std::vector<Known> kQuest{
    {"free_eff",
     "free_eff",
     false,
     {},
     {},
     1.126005e-4,
     3.624e-3,
     8.834411e-5,
     3.227e-3,
     {{"eff_1", .01959}, {"eff_2", .15366}, {"eff_3", .42893}, {"eff_4", .68907}, {"eff_8", 1.00084}},
     {{"eff_2", .15696}, {"eff_3", .42474}, {"eff_4", .68650}, {"eff_8", 1.00027}}},
    {"gmse",
     "gmse",
     false,
     {},
     {},
     1.407308e-4,
     4.516e-3,
     8.990950e-5,
     3.260e-3,
     {{"F", .43441}, {"K", 3.42267}},
     {{"F", .45977}, {"K", 3.75488}},
     5e-6},  // errors of six digits were used there
    {"power_eff",
     "power_eff",
     true,
     {},
     {},
     1.888757e-4,
     5.663e-3,
     9.318235e-5,
     3.308e-3,
     {{"gamma", 1.61097}, {"k", 5.33680}},
     {{"gamma", 1.38809}, {"k", 6.92392}}},
    {"kumar_tied",
     "kumar_tied",
     true,
     {},
     {},
     2.506533e-4,
     6.594e-3,
     9.964249e-5,
     3.388e-3,
     {{"gamma", 1.98771}, {"n", .18876}},
     {{"gamma", 1.57278}, {"n", .50487}}},
    {"kumar_joint tied",
     "kumar_joint",
     false,
     {},
     kWeightsAsActivations,
     3.265199e-4,
     8.466e-3,
     1.068046e-4,
     3.497e-3,
     {{"gamma_w", 2.41129}, {"n_w", .25835}},
     {{"gamma_w", 1.77004}, {"n_w", .63413}}},
    {"kumar_tied n=0",
     "kumar_tied",
     true,
     {{"n", 0}},
     {},
     3.680128e-4,
     9.152e-3,
     2.499970e-4,
     7.788e-3,
     {{"gamma", 2.28045}},
     {{"gamma", 2.35292}}},
    {"kumar_weights",
     "kumar_weights",
     false,
     {},
     {},
     5.211236e-4,
     1.395e-2,
     1.339309e-4,
     4.012e-3,
     {{"gamma_w", 3.77294}, {"n_w", .23731}},
     {{"gamma_w", 2.56070}, {"n_w", .61367}}},
    {"kumar_joint tied n=0",
     "kumar_joint",
     false,
     {{"n_w", 0}},
     kWeightsAsActivations,
     6.246906e-4,
     1.552e-2,
     3.767541e-4,
     1.139e-2,
     {{"gamma_w", 3.33777}},
     {{"gamma_w", 3.34628}}},
    {"kumar_weights n_w=0",
     "kumar_weights",
     false,
     {{"n_w", 0}},
     {},
     1.175421e-3,
     3.131e-2,
     6.547064e-4,
     1.886e-2,
     {{"gamma_w", 5.91781}},
     {{"gamma_w", 5.51442}}},
};

double value_of(const FitSummary& fit, const std::string& symbol) {
  for (std::size_t k = 0; k < fit.symbols.size(); ++k)
    if (fit.symbols[k] == symbol) return fit.parameters[k].value;
  FAIL("the fit of " << fit.law << " has no " << symbol);
  return 0;
}

void check_quest(const Known& known, double fewest_bits, double objective, double rms,
                 const std::map<std::string, double>& shape) {
  FitOptions options = without_bootstrap();
  options.fix = known.fix;
  options.ties = known.ties;
  const auto points = refdata::quest(kRefdata / "quest_N_D_P_loss.csv", fewest_bits, known.kv_too);
  const FitSummary found = fit::fit(known.law, points, options);
  INFO(known.name << " on " << points.size() << " rows");
  CHECK_THAT(found.objective, Catch::Matchers::WithinRel(objective, known.tolerance));
  CHECK_THAT(found.rms_log, Catch::Matchers::WithinAbs(rms, 2e-5));
  for (const auto& [symbol, value] : shape) {
    INFO(symbol);
    CHECK_THAT(value_of(found, symbol), Catch::Matchers::WithinRel(value, 1e-3));
  }
}

}  // namespace

TEST_CASE("each law finds the known optimum of QuEST's 54 rows of 1 to 16 bits", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  for (const Known& known : kQuest) check_quest(known, 1, known.objective_54, known.rms_54, known.shape_54);
}

TEST_CASE("each law finds the known optimum of QuEST's 48 rows of 2 to 16 bits", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  for (const Known& known : kQuest) check_quest(known, 2, known.objective_48, known.rms_48, known.shape_48);
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

namespace {

constexpr const char* kQuartetFormats =
    "n_non_embedding=N_nonemb,tokens=D_tokens,loss_val=loss_c4_val,weights=fwd_format,gradients=bwd_format";

std::vector<law::RunPoint> quartet(const std::string& where) {
  return read_data(kRefdata / "quartet_fwd_bwd_loss.csv", {parse_map(kQuartetFormats), where}).points;
}

FitSummary fit_of_quartet(const std::string& law, double delta) {
  FitOptions options = without_bootstrap();
  options.huber_delta = delta;
  return fit::fit(law, quartet(kQuartetBaseline), options);
}

/// Two runs that the authors left out, (100M, 381469 steps) and (200M, 152587 steps).
void check_left_out(const FitSummary& found, double expected_100M, double expected_200M) {
  const auto table = store::read_table(kRefdata / "quartet_fwd_bwd_loss.csv");
  const auto predicted = [&](const char* size, double steps) {
    law::RunPoint point;
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (table.find("size")->cells[row].text == size) point.params = *table.find("N_nonemb")->cells[row].number;
    point.tokens = steps * 262144;
    return loss(found, found.values(), point);
  };
  CHECK_THAT(predicted("100M", 381469), Catch::Matchers::WithinAbs(expected_100M, 2e-5));
  CHECK_THAT(predicted("200M", 152587), Catch::Matchers::WithinAbs(expected_200M, 2e-5));
}

}  // namespace

TEST_CASE("two BF16 runs of Quartet that were not fitted are predicted as known", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  check_left_out(fit_of_quartet("chinchilla", 1e-4), 2.770184, 2.694528);
  check_left_out(fit_of_quartet("chinchilla_outer", 1e-4), 2.755026, 2.682071);
}

TEST_CASE("an outer exponent finds the known optima of Quartet's BF16 runs", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  struct Row {
    double delta, objective, A, alpha, B, beta, E, outer;
  };
  for (const Row& row : {Row{1e-4, 2.1292178e-6, 127444.7, .5785201, 465834.4, .5388769, 1.3408460, .2764157},
                         Row{1e-3, 1.4336374e-5, 126811, .575068, 514372, .540812, 1.323595, .273527}}) {
    const FitSummary found = fit_of_quartet("chinchilla_outer", row.delta);
    INFO("delta " << row.delta);
    CHECK_THAT(found.objective, Catch::Matchers::WithinRel(row.objective, 1e-6));
    for (const auto& [symbol, value] :
         {std::pair("A", row.A), std::pair("alpha", row.alpha), std::pair("B", row.B), std::pair("beta", row.beta),
          std::pair("E", row.E), std::pair("outer", row.outer)}) {
      INFO(symbol);
      CHECK_THAT(value_of(found, symbol), Catch::Matchers::WithinRel(value, 1e-4));
    }
    CHECK(found.starts_at_best >= 32);
  }
}

TEST_CASE("Quartet's efficiencies on top of its BF16 runs are the known ones, and predict both passes together",
          "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  const FitSummary base = fit_of_quartet("chinchilla_outer", 1e-4);
  FitOptions options = without_bootstrap();
  options.huber_delta = 1e-4;
  for (std::size_t k = 0; k < base.symbols.size(); ++k) options.fix[base.symbols[k]] = base.parameters[k].value;
  const FitSummary found = fit::fit("chinchilla_outer", quartet("fwd_format==BF16 || bwd_format==BF16"), options);
  const std::map<std::string, double> known{{"effN_QuEST", .645163},
                                            {"effN_AlbertTsengQuantizer", .432965},
                                            {"effN_AlbertTsengDeterministic", .606075},
                                            {"effN_Eden32", .674987},
                                            {"effN_Eden128", .639130},
                                            {"effN_QuESTNoQuantScale", .651035},
                                            {"effD_Eden32", .912327},
                                            {"effD_AlbertTsengQuantizer", .893469},
                                            {"effD_AlbertTsengDeterministic", .928069},
                                            {"effD_Eden128", .950562},
                                            {"effD_EdenOld", .924697},
                                            {"effD_QuEST", .309141}};
  for (const auto& [symbol, value] : known) {
    INFO(symbol);
    CHECK_THAT(value_of(found, symbol), Catch::Matchers::WithinRel(value, 1e-5));
  }
  CHECK(found.symbols.size() == base.symbols.size() + known.size());
  double square = 0, largest = 0;
  const auto both = quartet("fwd_format!=BF16 && bwd_format!=BF16");
  for (const auto& point : both) {
    const double residual = std::log(loss(found, found.values(), point) / point.loss);
    square += residual * residual;
    largest = std::max(largest, std::abs(residual));
  }
  CHECK(both.size() == 21);
  CHECK_THAT(std::sqrt(square / 21), Catch::Matchers::WithinRel(2.727e-3, 1e-3));
  CHECK_THAT(largest, Catch::Matchers::WithinRel(6.76e-3, 1e-3));
}

TEST_CASE("QuEST's printed constants give the known residuals on all of its rows", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  const std::map<std::string, double> eff{
      {"1", .0205046859},    {"2", .151870911},    {"3", .433126203},    {"4", .691831718},
      {"8", 1.01619263},     {"fp4", .629639028},  {"s24", .381222089},  {"1NOH", .0155770373},
      {"2NOH", .0784119072}, {"3NOH", .322107861}, {"4NOH", .603270679}, {"8NOH", .937628722},
      {"1WO", .138419575},   {"2WO", .413717453},  {"3WO", .653058816},  {"4WO", .840434222}};
  FitSummary printed;
  printed.law = "free_eff";
  printed.symbols = {"E", "A", "B", "alpha", "beta"};
  for (const double value :
       {std::exp(-6.55478434), std::exp(2.09605662), std::exp(4.45912547), .0627265220, .241288351})
    printed.parameters.push_back({value, {}, {}, {}, {}});
  for (const auto& [label, value] : eff) {
    printed.symbols.push_back("eff_" + label);
    printed.parameters.push_back({value, {}, {}, {}, {}});
    printed.labels["eff_" + label] = label;
  }
  const auto points = refdata::quest_by_class(kRefdata / "quest_N_D_P_loss.csv");
  REQUIRE(points.size() == 104);
  double square = 0, largest = 0, sum = 0;
  for (const auto& point : points) {
    const double residual = std::log(loss(printed, printed.values(), point) / point.loss);
    square += residual * residual;
    largest = std::max(largest, std::abs(residual));
    sum += huber(residual, 1e-3);
  }
  CHECK_THAT(std::sqrt(square / 104), Catch::Matchers::WithinRel(3.768369e-3, 1e-6));
  CHECK_THAT(largest, Catch::Matchers::WithinRel(1.409e-2, 5e-4));
  CHECK_THAT(sum, Catch::Matchers::WithinRel(2.336712e-4, 1e-6));
}

TEST_CASE("QuEST's classes have as many rows as its README says", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  std::map<std::string, int> rows;
  for (const auto& point : refdata::quest_by_class(kRefdata / "quest_N_D_P_loss.csv")) ++rows[point.precision];
  CHECK(rows == std::map<std::string, int>{{"baseline", 6},
                                           {"1", 6},
                                           {"2", 12},
                                           {"3", 13},
                                           {"4", 14},
                                           {"8", 3},
                                           {"fp4", 4},
                                           {"s24", 6},
                                           {"1NOH", 5},
                                           {"2NOH", 4},
                                           {"3NOH", 5},
                                           {"4NOH", 6},
                                           {"8NOH", 4},
                                           {"1WO", 4},
                                           {"2WO", 4},
                                           {"3WO", 4},
                                           {"4WO", 4}});
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

namespace {

struct KnownFiveRuns {
  std::string data;
  double a, b, q, E, squares;
  std::map<std::string, double> predicted;  ///< by run
};

std::vector<law::RunPoint> gadre(const std::string& where) {
  return read_data(kRefdata / "gadre_models.csv", {parse_map(std::string(kGadreMap) + ",run_id=name"), where}).points;
}

/// Multiplier 1 of four shapes, and 16 of the smallest.
std::vector<law::RunPoint> five_runs(const std::string& data) {
  std::string where;
  for (const char* name :
       {"d=96_l=8_h=4-1.0", "d=512_l=8_h=4-1.0", "d=576_l=24_h=8-1.0", "d=1024_l=24_h=8-1.0", "d=96_l=8_h=4-16.0"})
    where += fmt::format("{}name=={}-{}", where.empty() ? "" : " || ", data, name);
  return gadre(where);
}

/// Least squares on L with a fit that does log residuals r: its gradient is that of squares of L_hat - L once every run
/// has the weight L_hat (L_hat - L)/r at the optimum itself.
FitSummary least_squares_on_loss(std::vector<law::RunPoint> points) {
  FitOptions options = without_bootstrap();
  options.huber_delta = 1;
  FitSummary found;
  for (auto& point : points) point.weight = point.loss * point.loss;
  for (int round = 0; round < 6; ++round) {
    found = fit::fit("gadre", points, options);
    for (auto& point : points) {
      const double predicted = loss(found, found.values(), point), r = std::log(predicted / point.loss);
      point.weight = predicted * point.loss * (r == 0 ? 1 : std::expm1(r) / r);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("gadre finds the published five-run fits and predicts the large runs as known", "[verification][fit]") {
  SKIP_WITHOUT(kRefdata);
  const std::vector<KnownFiveRuns> all{{"rpj",
                                        166.21098,
                                        366.68717,
                                        -.27285070,
                                        1.8366484,
                                        4.256476e-4,
                                        {{"rpj-open_lm_1b-32.0", 2.5198265}, {"rpj-open_lm_7b-1.0", 2.4427452}}},
                                       {"c4_original",
                                        113.69260,
                                        189.51552,
                                        -.24247224,
                                        1.5082605,
                                        4.141189e-4,
                                        {{"c4_original-open_lm_7b-1.0", 2.2798981}}},
                                       {"rw_original",
                                        125.09570,
                                        246.20669,
                                        -.25439484,
                                        1.7344621,
                                        8.244413e-5,
                                        {{"rw_original-open_lm_7b-1.0", 2.4149731}}}};
  for (const KnownFiveRuns& known : all) {
    INFO(known.data);
    const auto points = five_runs(known.data);
    REQUIRE(points.size() == 5);
    const FitSummary found = least_squares_on_loss(points);
    const double eta = -known.q / 2;
    CHECK_THAT(value_of(found, "eta"), Catch::Matchers::WithinRel(eta, 1e-4));
    CHECK_THAT(value_of(found, "a"), Catch::Matchers::WithinRel(known.a * std::pow(6.0, eta), 1e-4));
    CHECK_THAT(value_of(found, "b"), Catch::Matchers::WithinRel(known.b, 1e-4));
    CHECK_THAT(value_of(found, "E"), Catch::Matchers::WithinRel(known.E, 1e-4));
    double squares = 0;
    for (const auto& point : points) squares += std::pow(loss(found, found.values(), point) - point.loss, 2);
    CHECK_THAT(squares, Catch::Matchers::WithinRel(known.squares, 1e-6));
    for (const auto& [run, predicted] : known.predicted) {
      const auto large = gadre("name==" + run);
      REQUIRE(large.size() == 1);
      CHECK_THAT(loss(found, found.values(), large.front()), Catch::Matchers::WithinAbs(predicted, 2e-5));
    }
  }
}
