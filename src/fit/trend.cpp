#include "fit/trend.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/error.h"
#include "fit/labels.h"
#include "fit/student.h"
#include "fit/summary.h"
#include "law/symbol.h"

namespace vernier::fit {
namespace {

using law::RunPoint;

/// One value of the quantity, and the groups that its run belongs to.
struct Row {
  double x = 0, held = 0, y = 0;       ///< ln variable, ln N D, quantity
  std::string stratum;                 ///< all else is the same
  std::string block, unit, cell, run;  ///< units may change places within a block; a cell is drawn as one
};

std::string key(double value) { return fmt::format("{:.17g}", value); }

/// Which parts a label rounds and how, its formats left out: what stays the same when only bits change.
std::string without_formats(const std::string& label) {
  std::istringstream in(label);
  std::string kind;
  for (std::string word; in >> word;) {
    const auto at = word.find_first_of("/:");
    const bool keeps = word == "fp32" || word.find('=') != std::string::npos;
    kind += keeps ? word + " " : (at == std::string::npos ? "" : word.substr(at)) + " ";
  }
  return kind;
}

/// Bits that all rounded parts of a run have, absent where they differ.
std::optional<double> training_bits(const RunPoint& point) {
  std::set<double> bits;
  for (const law::Part* part : {&point.weights, &point.activations, &point.kv})
    if (part->rounded) bits.insert(part->bits);
  return bits.size() == 1 && std::isfinite(*bits.begin()) ? std::optional(*bits.begin()) : std::nullopt;
}

/// Mean loss of the unrounded runs of one N, D and seed.
std::map<std::string, double> baselines(const std::vector<RunPoint>& points) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const auto& point : points)
    if (!point.post.rounded && point.precision == kBaseline) {
      auto& [sum, count] = sums[key(point.params) + " " + key(point.tokens) + " " + point.seed];
      sum += point.loss, ++count;
    }
  std::map<std::string, double> means;
  for (const auto& [at, sum] : sums) means[at] = sum.first / sum.second;
  return means;
}

std::optional<double> quantity_of(const Claim& claim, const RunPoint& point,
                                  const std::map<std::string, double>& baseline) {
  if (claim.left == "delta_ptq")
    return point.post.rounded && point.loss_before > 0 ? std::optional(point.loss - point.loss_before) : std::nullopt;
  if (point.post.rounded) return std::nullopt;
  if (claim.left == "loss") return point.loss;
  if (point.precision == kBaseline) return std::nullopt;
  const auto found = baseline.find(key(point.params) + " " + key(point.tokens) + " " + point.seed);
  return found == baseline.end() ? std::nullopt : std::optional(point.loss - found->second);
}

std::optional<double> variable_of(const Claim& claim, const RunPoint& point) {
  if (claim.right == "D") return point.tokens;
  if (claim.right == "N") return point.params;
  if (claim.right == "D/N") return point.tokens / point.params;
  if (claim.left != "delta_ptq") return training_bits(point);
  return std::isfinite(point.post.bits) ? std::optional(point.post.bits) : std::nullopt;
}

/// What was done to the run, as far as the variable leaves it the same.
std::string treatment_of(const Claim& claim, const RunPoint& point) {
  const bool bits = claim.right == "P";
  if (claim.left != "delta_ptq") return bits ? without_formats(point.precision) : point.precision;
  return point.precision + "|" + (bits ? without_formats(point.post.number) : point.post.number) + "|" + point.method;
}

/// The size and data that are held fixed by comparing within them.
std::string place_of(const Claim& claim, const RunPoint& point) {
  if (claim.right == "D") return key(point.params);
  if (claim.right == "N") return key(point.tokens);
  return claim.right == "P" ? key(point.params) + " " + key(point.tokens) : "";
}

Row row_of(const Claim& claim, const RunPoint& point, double x, double y) {
  Row row{std::log(x), std::log(point.params) + std::log(point.tokens), y, "", "", "", "", point.run};
  const std::string place = place_of(claim, point);
  // The runs of one N and D share the unrounded run that delta is measured from.
  const std::string group = claim.left == "delta" ? "" : point.precision;
  row.stratum = treatment_of(claim, point) + "|" + place;
  row.block = claim.right == "P" ? row.stratum : group + "|" + place;
  row.cell = (claim.right == "P" ? "" : group) + "|" + key(point.params) + "|" + key(point.tokens);
  row.unit = row.cell + "|" + point.seed + (claim.right == "P" ? "|" + row.stratum + key(x) + point.run : "");
  return row;
}

/// Strata in which the variable takes one value say nothing of a slope.
void drop_constant(std::vector<Row>& rows) {
  std::map<std::string, std::set<double>> values;
  for (const auto& row : rows) values[row.stratum].insert(row.x);
  std::erase_if(rows, [&](const Row& row) { return values[row.stratum].size() < 2; });
}

std::vector<Row> rows_of(const Claim& claim, const std::vector<RunPoint>& points) {
  const auto baseline = baselines(points);
  std::vector<Row> rows;
  for (const auto& point : points) {
    const auto y = quantity_of(claim, point, baseline);
    const auto x = y ? variable_of(claim, point) : std::nullopt;
    if (x) rows.push_back(row_of(claim, point, *x, *y));
  }
  drop_constant(rows);
  const auto order = [](const Row& r) { return std::tie(r.cell, r.stratum, r.x, r.y, r.run); };
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return order(a) < order(b); });
  return rows;
}

/// Deviations from the means of the strata, each row counting `times`; and, for D/N, without what ln N D explains.
struct Deviations {
  std::vector<double> x, y;
};

void centre(const std::vector<Row>& rows, const std::vector<double>& times, std::vector<double>& values) {
  std::map<std::string_view, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& [sum, weight] = sums[rows[i].stratum];
    sum += times[i] * values[i], weight += times[i];
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto& [sum, weight] = sums[rows[i].stratum]; weight > 0) values[i] -= sum / weight;
}

double dot(const std::vector<double>& times, const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += times[i] * a[i] * b[i];
  return sum;
}

void regress_out(const std::vector<double>& times, const std::vector<double>& held, std::vector<double>& values) {
  const double square = dot(times, held, held);
  if (!(square > 1e-12)) return;
  const double slope = dot(times, held, values) / square;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= slope * held[i];
}

Deviations deviations(const Claim& claim, const std::vector<Row>& rows, const std::vector<double>& times) {
  Deviations result;
  std::vector<double> held;
  for (const auto& row : rows) result.x.push_back(row.x), result.y.push_back(row.y), held.push_back(row.held);
  for (auto* values : {&result.x, &result.y, &held}) centre(rows, times, *values);
  if (claim.right != "D/N") return result;
  for (auto* values : {&result.x, &result.y}) regress_out(times, held, *values);
  return result;
}

/// Absent where the variable does not vary apart from what is held fixed.
std::optional<double> slope_of(const std::vector<double>& times, const Deviations& d) {
  const double square = dot(times, d.x, d.x);
  return square > 1e-9 ? std::optional(dot(times, d.x, d.y) / square) : std::nullopt;
}

template <class Of>
std::map<std::string, std::vector<std::size_t>> grouped(const std::vector<Row>& rows, Of of) {
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) groups[of(rows[i])].push_back(i);
  return groups;
}

/// Each cell counts an exponentially distributed number of times, as in fit/bootstrap.h.
std::vector<double> drawn_times(const std::vector<std::vector<std::size_t>>& cells, std::size_t rows,
                                const Stream& stream) {
  std::vector<double> times(rows, 0);
  for (std::size_t k = 0; k < cells.size(); ++k)
    for (const std::size_t row : cells[k]) times[row] = -std::log1p(-stream.uniform(k));
  return times;
}

void add_interval(Trend& trend, const Claim& claim, const std::vector<Row>& rows, std::int64_t replicates,
                  const Stream& stream) {
  std::vector<std::vector<std::size_t>> cells;
  for (const auto& [name, members] : grouped(rows, [](const Row& r) { return r.cell; })) cells.push_back(members);
  const auto blocks = grouped(rows, [&](const Row& r) { return claim.right == "P" ? r.cell : r.block; }).size();
  // Constants that the cells have to give: one for each block that cells are compared within, slopes beside them.
  const double m = double(cells.size()), k = (claim.right == "P" ? 0 : double(blocks)) + (claim.right == "D/N" ? 2 : 1);
  const double spared = std::max(m - k, 1.0);
  const double widen = std::sqrt(m / spared) * student_95(std::size_t(spared)) / kNormal95;
  std::vector<double> slopes;
  for (std::int64_t r = 0; r < replicates; ++r) {
    const auto times = drawn_times(cells, rows.size(), stream.child(std::uint64_t(r)));
    if (const auto slope = slope_of(times, deviations(claim, rows, times))) slopes.push_back(*slope);
  }
  const auto range = interval_90(slopes);
  if (!range) throw Failure(fmt::format("'{}': too few runs for an interval", claim.text));
  trend.lo = trend.slope + widen * (range->first - trend.slope);
  trend.hi = trend.slope + widen * (range->second - trend.slope);
  trend.cells = std::int64_t(cells.size());
}

/// Rows of a unit taken together, so that they change places together.
struct Unit {
  double x = 0, y = 0, rows = 0;
};

double p_by_permutation(const std::vector<Row>& rows, const Deviations& d, std::int64_t replicates,
                        const Stream& stream) {
  std::vector<std::vector<Unit>> blocks;
  for (const auto& [name, members] : grouped(rows, [](const Row& r) { return r.block; })) {
    std::map<std::string, Unit> units;
    for (const std::size_t i : members) {
      Unit& unit = units[rows[i].unit];
      unit.x += d.x[i], unit.y += d.y[i], unit.rows += 1;
    }
    blocks.emplace_back();
    for (const auto& [unit, u] : units) blocks.back().push_back({u.x / u.rows, u.y / u.rows, u.rows});
  }
  double observed = 0;
  for (const auto& block : blocks)
    for (const Unit& u : block) observed += u.rows * u.x * u.y;
  std::int64_t as_far = 1;
  for (std::int64_t r = 0; r < replicates; ++r) {
    double sum = 0;
    std::uint64_t counter = 0;
    for (auto& block : blocks) {
      for (std::size_t i = block.size(); i > 1; --i)  // Fisher and Yates
        std::swap(block[i - 1].y, block[stream.child(std::uint64_t(r)).below(i, counter++)].y);
      for (const Unit& u : block) sum += u.rows * u.x * u.y;
    }
    as_far += std::abs(sum) >= std::abs(observed) * (1 - 1e-12);
  }
  return double(as_far) / double(replicates + 1);
}

std::size_t runs_in(const std::vector<Row>& rows) {
  return grouped(rows, [](const Row& r) { return r.run.empty() ? r.unit : r.run; }).size();
}

std::string lacking_in(const Claim& claim, const std::vector<RunPoint>& points, const std::vector<Row>& rows) {
  const auto baseline = baselines(points);
  const auto has = [&](const RunPoint& point) { return quantity_of(claim, point, baseline).has_value(); };
  if (std::none_of(points.begin(), points.end(), has)) {
    if (claim.left == "delta_ptq") return "no run is quantized after training, with its loss before";
    return claim.left == "delta" ? "no rounded run has an unrounded one of the same N, D and seed beside it"
                                 : "no run has a loss";
  }
  constexpr std::size_t kFewestCells = 4;
  const auto varies = [&](const RunPoint& point) { return has(point) && variable_of(claim, point); };
  if (std::none_of(points.begin(), points.end(), varies))
    return claim.left == "delta_ptq" ? "the bits after training are not known"
                                     : "no run is rounded to the same bits in all its rounded parts";
  if (rows.empty()) return fmt::format("{} takes one value wherever all else is the same", claim.right);
  const std::vector<double> once(rows.size(), 1.0);
  if (!slope_of(once, deviations(claim, rows, once))) return "D/N and N D do not vary apart from each other";
  const auto cells = grouped(rows, [](const Row& r) { return r.cell; }).size();
  return cells < kFewestCells
             ? fmt::format("expected at least {} different N, D and precisions, got {}", kFewestCells, cells)
             : "";
}

}  // namespace

std::string lacking_for_trend(const Claim& claim, const std::vector<RunPoint>& points) {
  return lacking_in(claim, points, rows_of(claim, points));
}

Trend trend_of(const Claim& claim, const std::vector<RunPoint>& points, std::int64_t replicates, Stream stream) {
  const auto rows = rows_of(claim, points);
  if (const auto why = lacking_in(claim, points, rows); !why.empty())
    throw Error(fmt::format("'{}': {}", claim.text, why));
  const std::vector<double> once(rows.size(), 1.0);
  const Deviations d = deviations(claim, rows, once);
  Trend trend;
  trend.slope = *slope_of(once, d);
  trend.runs = std::int64_t(runs_in(rows));
  trend.strata = std::int64_t(grouped(rows, [](const Row& r) { return r.stratum; }).size());
  add_interval(trend, claim, rows, replicates, stream.child("bootstrap"));
  trend.p = p_by_permutation(rows, d, replicates, stream.child("permutation"));
  return trend;
}

}  // namespace vernier::fit
