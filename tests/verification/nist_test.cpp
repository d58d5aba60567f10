// NIST's certified non-linear regressions through the solver that fits laws: least squares is the sum of Huber terms
// with an infinite delta.
#include <Eigen/Dense>

#include "fit/freedom.h"
#include "fit/law_problem.h"
#include "fit/search.h"
#include "nist_models.h"
#include "nist_set.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kEnough = 6;  // certified digits

/// NIST's parameters in our order, turned round where the model turns them, and back.
template <class Law>
std::vector<double> ours(const std::vector<double>& b) {
  std::vector<double> theta;
  for (const int k : Law::order) theta.push_back(k > 0 ? b[std::size_t(k - 1)] : -b[std::size_t(-k - 1)]);
  return theta;
}
template <class Law>
std::vector<double> theirs(const std::vector<double>& theta) {
  std::vector<double> b(theta.size());
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const int k = Law::order[i];
    b[std::size_t(std::abs(k) - 1)] = k > 0 ? theta[i] : -theta[i];
  }
  return b;
}

template <class Law>
struct Task {
  explicit Task(const nist::Set& set) : problem(set.points, false), setting(make_setting(Law::name, problem, {})) {
    for (std::size_t i = 0; i < set.points.size(); ++i) sample.rows.push_back(int(i)), sample.weights.push_back(1);
  }
  LawProblem<Law> problem;
  Setting setting;
  Sample sample;
};

struct Digits {
  double parameters = 0, rss = 0;  ///< correct digits of the worst parameter, and of the residual sum of squares
  double times_rss = 0;            ///< residual sum of squares found, over the certified one
};

template <class Law>
Digits digits_of(const nist::Set& set, const Descent& end) {
  Digits digits{11, nist::digits(2 * end.objective, set.rss), 2 * end.objective / set.rss};
  const auto b = theirs<Law>(end.theta);
  for (std::size_t k = 0; k < b.size(); ++k)
    digits.parameters = std::min(digits.parameters, nist::digits(b[k], set.certified[k]));
  return digits;
}

/// Of the parameters that enter linearly the solver takes no start: it solves for them, given the others.
template <class Law>
Digits from(const nist::Set& set, const std::vector<double>& start) {
  const Task<Law> task(set);
  const auto end = descend(task.problem, task.setting.freedom, task.sample, kInfinity, ours<Law>(start), 1000, 1e-14);
  return digits_of<Law>(set, polish(task.problem, task.setting.freedom, task.sample, kInfinity, end).end);
}

template <class Law>
Digits searched(const nist::Set& set) {
  const Task<Law> task(set);
  return digits_of<Law>(set, search(task.problem, task.setting, task.sample, kInfinity, {}, 48, Stream(1), 2).best);
}

template <class Law>
Digits at_certified(const nist::Set& set) {
  const Task<Law> task(set);
  const auto theta = ours<Law>(set.certified);
  return digits_of<Law>(set, {theta, objective_of(task.problem, task.sample, kInfinity, theta)});
}

/// Digits of the standard deviations that our derivatives give at the certified values.
template <class Law>
double digits_of_deviations(const nist::Set& set) {
  const Task<Law> task(set);
  const auto n = Eigen::Index(set.points.size()), K = Eigen::Index(Law::symbols.size());
  std::vector<double> predicted(set.points.size());
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> J(n, K);
  task.problem.derivatives(ours<Law>(set.certified), task.sample.rows, predicted.data(), J.data());
  const Eigen::VectorXd length = J.colwise().norm();
  const Eigen::MatrixXd scaled = J * length.cwiseInverse().asDiagonal();
  const Eigen::MatrixXd R = scaled.householderQr().matrixQR().topRows(K);
  const Eigen::MatrixXd inverse = R.triangularView<Eigen::Upper>().solve(Eigen::MatrixXd::Identity(K, K));
  double worst = 11;
  for (Eigen::Index i = 0; i < K; ++i) {
    const double deviation = std::sqrt(set.rss / double(n - K)) * inverse.row(i).norm() / length(i);
    worst =
        std::min(worst, nist::digits(deviation, set.deviations[std::size_t(std::abs(Law::order[std::size_t(i)]) - 1)]));
  }
  return worst;
}

struct Row {
  const char* set;
  Digits (*from)(const nist::Set&, const std::vector<double>&);
  Digits (*searched)(const nist::Set&);
  Digits (*at_certified)(const nist::Set&);
  double (*digits_of_deviations)(const nist::Set&);
  bool far_start_leads_elsewhere = false;
  bool rss_below_rounding = false;
};

template <class Law>
Row row(const char* set) {
  return {set, from<Law>, searched<Law>, at_certified<Law>, digits_of_deviations<Law>};
}

/// MGH17: from NIST's first start, where both exponentials have died out at the second observation, one of them ends up
/// describing the first observation alone, with a larger sum of squares.
Row mgh17() {
  Row sums = row<nist::Mgh17>("MGH17");
  sums.far_start_leads_elsewhere = true;
  return sums;
}

/// Lanczos1: observations of thirteen digits leave residuals of 1e-13, of which a prediction in doubles knows but three
/// digits; eleven digits of the parameters say nothing of such residuals.
Row lanczos1() {
  Row sums = row<nist::Lanczos>("Lanczos1");
  sums.rss_below_rounding = true;
  return sums;
}

const std::vector<Row> kRows{row<nist::Misra1a>("Misra1a"),
                             row<nist::Misra1b>("Misra1b"),
                             row<nist::Misra1c>("Misra1c"),
                             row<nist::Misra1d>("Misra1d"),
                             row<nist::Chwirut>("Chwirut1"),
                             row<nist::Chwirut>("Chwirut2"),
                             lanczos1(),
                             row<nist::Lanczos>("Lanczos2"),
                             row<nist::Lanczos>("Lanczos3"),
                             row<nist::Gauss>("Gauss1"),
                             row<nist::Gauss>("Gauss2"),
                             row<nist::Gauss>("Gauss3"),
                             row<nist::DanWood>("DanWood"),
                             row<nist::Kirby2>("Kirby2"),
                             row<nist::Hahn1>("Hahn1"),
                             row<nist::Nelson>("Nelson"),
                             mgh17(),
                             row<nist::Roszman1>("Roszman1"),
                             row<nist::Enso>("ENSO"),
                             row<nist::Mgh09>("MGH09"),
                             row<nist::Thurber>("Thurber"),
                             row<nist::BoxBod>("BoxBOD"),
                             row<nist::Rat42>("Rat42"),
                             row<nist::Rat43>("Rat43"),
                             row<nist::Mgh10>("MGH10"),
                             row<nist::Eckerle4>("Eckerle4"),
                             row<nist::Bennett5>("Bennett5")};

void check_enough(const Row& sums, const Digits& digits) {
  CHECK(digits.parameters >= kEnough);
  if (!sums.rss_below_rounding) CHECK(digits.rss >= kEnough);
}

std::string text(const Digits& digits) { return fmt::format("{:5.1f} {:5.1f}", digits.parameters, digits.rss); }

}  // namespace

TEST_CASE("NIST's data, models and certified values belong together", "[verification][fit][fast]") {
  REQUIRE(kRows.size() == 27);
  for (const Row& sums : kRows) {
    const auto set = nist::read_set(sums.set);
    INFO(sums.set);
    if (!sums.rss_below_rounding) CHECK(sums.at_certified(set).rss >= 9.5);
    CHECK(sums.digits_of_deviations(set) >= kEnough);
  }
}

TEST_CASE("the solver of laws reaches NIST's certified values from NIST's starts", "[verification][fit][fast]") {
  std::string table = "correct digits of the worst parameter and of the residual sum of squares, from start 1, start 2";
  for (const Row& sums : kRows) {
    const auto set = nist::read_set(sums.set);
    const std::array<Digits, 2> ends{sums.from(set, set.starts[0]), sums.from(set, set.starts[1])};
    table += fmt::format("\n{:9} {}   {}", sums.set, text(ends[0]), text(ends[1]));
    INFO(sums.set);
    if (sums.far_start_leads_elsewhere)
      CHECK(ends[0].times_rss > 2);  // when this fails, the exception can go
    else
      check_enough(sums, ends[0]);
    check_enough(sums, ends[1]);
  }
  WARN(table);
}

TEST_CASE("a search from random starts finds NIST's certified values", "[verification][fit]") {
  for (const Row& sums : kRows) {
    INFO(sums.set);
    check_enough(sums, sums.searched(nist::read_set(sums.set)));
  }
}
