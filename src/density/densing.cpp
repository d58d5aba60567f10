#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "density/densing.h"
#include "fit/student.h"
#include "fit/summary.h"

namespace vernier::density {

namespace {

constexpr std::size_t kFewestRecords = 3;
constexpr std::chrono::sys_days kOrigin =
    std::chrono::year{2023} / std::chrono::February / 27;  ///< day zero: Llama, the first of the paper's models

/// The densest model of each date, ascending, records marked.
std::vector<DatedDensity> envelope(const std::vector<DatedDensity>& models) {
  std::map<std::string, DatedDensity> best;  // dates of this form sort as text
  for (const DatedDensity& model : models) {
    const auto [at, is_new] = best.try_emplace(model.date, model);
    if (!is_new && model.density > at->second.density) at->second = model;
  }
  std::vector<DatedDensity> points;
  double densest = 0;
  for (auto& [date, point] : best) {
    point.record = point.density > densest;
    densest = std::max(densest, point.density);
    points.push_back(point);
  }
  return points;
}

DensityLine line_through(const std::vector<double>& t, const std::vector<double>& y) {
  const auto n = static_cast<double>(t.size());
  DensityLine line;
  line.points = t.size();
  for (std::size_t i = 0; i < t.size(); ++i) line.middle += t[i] / n, line.level += y[i] / n;
  double ty = 0, yy = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const double dt = t[i] - line.middle, dy = y[i] - line.level;
    line.spread += dt * dt;
    ty += dt * dy;
    yy += dy * dy;
  }
  line.slope = ty / line.spread;
  const double residual = std::max(0.0, yy - line.slope * ty);
  line.variance = residual / (n - 2);
  line.null_variance = yy / (n - 1);
  line.r2 = 1 - residual / yy;
  return line;
}

/// n ln(rss/n) + 2k + 2k(k + 1)/(n - k - 1); k counts the variance too (Hurvich and Tsai, Biometrika 76, 1989).
std::optional<double> corrected_aic(double squares, double n, double k) {
  if (!(n - k - 1 > 0) || !(squares > 0)) return std::nullopt;
  return n * std::log(squares / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1);
}

DensityTrend trend_over(const std::vector<DatedDensity>& points) {
  std::vector<double> t, y;
  for (const auto& point : points) t.push_back(days_of(point.date)), y.push_back(std::log(point.density));
  DensityTrend trend;
  trend.line = line_through(t, y);
  const auto& line = trend.line;
  const auto n = static_cast<double>(points.size());
  const double error = std::sqrt(line.variance / line.spread), half = fit::student_95(points.size() - 2) * error;
  trend.lo = line.slope - half, trend.hi = line.slope + half;
  trend.p = error > 0 ? fit::student_p(line.slope / error, points.size() - 2) : 0;
  trend.aicc = corrected_aic(line.variance * (n - 2), n, 3);
  trend.null_aicc = corrected_aic(line.null_variance * (n - 1), n, 2);
  return trend;
}

/// Scatter of a line's level and slope, from the same variance: Student's t with n - 2 degrees of freedom.
DensityLine scattered(DensityLine drawn, const DensityLine& line, const Stream& stream) {
  const std::size_t degrees = line.points - 2;
  double square = 0;
  for (std::size_t i = 0; i < degrees; ++i) square += std::pow(stream.normals(i + 1)[0], 2);
  const double deviation = std::sqrt(line.variance * static_cast<double>(degrees) / square);
  const auto [first, second] = stream.normals(0);
  drawn.level += first * deviation / std::sqrt(static_cast<double>(line.points));
  drawn.slope += second * deviation / std::sqrt(line.spread);
  return drawn;
}

using Replicates = std::vector<double> LogDensities::*;

/// A line in each replicate in which all points have a density.
std::vector<DensityLine> lines_through(const std::vector<DatedDensity>& points, Replicates of) {
  std::size_t count = (points.front().log_replicates.*of).size();
  for (const auto& point : points) count = std::min(count, (point.log_replicates.*of).size());
  std::vector<double> t;
  for (const auto& point : points) t.push_back(days_of(point.date));
  std::vector<DensityLine> lines;
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<double> y;
    for (const auto& point : points) y.push_back((point.log_replicates.*of)[k]);
    if (!std::all_of(y.begin(), y.end(), [](double value) { return std::isfinite(value); })) continue;
    lines.push_back(line_through(t, y));
    lines.back().replicate = k;
  }
  return lines;
}

std::optional<std::pair<double, double>> interval_of_slope(const std::vector<DensityLine>& lines) {
  std::vector<double> slopes;
  for (const auto& line : lines) slopes.push_back(line.slope);
  return fit::interval_90(slopes);
}

/// Sets the trend's interval to the wider of the two, and returns the lines that it is of.
std::vector<DensityLine> set_interval(DensityTrend& trend, const std::vector<DatedDensity>& points,
                                      const Stream& stream) {
  auto by_scatter = lines_through(points, &LogDensities::of_reference),
       by_errors = lines_through(points, &LogDensities::all);
  for (auto& line : by_scatter) line = scattered(line, trend.line, stream.child(std::uint64_t(line.replicate)));
  const auto scatter = interval_of_slope(by_scatter), errors = interval_of_slope(by_errors);
  if (!scatter || !errors) return by_scatter;
  const bool is_wider = errors->second - errors->first > scatter->second - scatter->first;
  std::tie(trend.lo, trend.hi) = is_wider ? *errors : *scatter;
  return is_wider ? by_errors : by_scatter;
}

std::string sentence_of(const DensingLaw& law) {
  const auto& trend = *law.trend;
  const std::string doubling = law.doubling_hi
                                   ? fmt::format("{:.3g} to {:.3g} days", *law.doubling_lo, *law.doubling_hi)
                               : law.doubling_lo ? fmt::format("{:.3g} days to never", *law.doubling_lo)
                                                 : "never";
  std::string text = fmt::format(
      "The line rests on {} points, so {} degree{} of freedom remain{}: density doubles in {:.3g} days, by the "
      "90 % interval {}. A constant leaves a variance of ln rho of {:.3g}, the line {:.3g} (p = {:.2g}).",
      trend.line.points, trend.line.points - 2, trend.line.points == 3 ? "" : "s", trend.line.points == 3 ? "s" : "",
      *law.doubling_days, doubling, trend.line.null_variance, trend.line.variance, trend.p);
  if (trend.line.points < law.points.size())
    text += fmt::format(
        " Records rise by construction; over the densest of all {} dates the slope is {:.3g} per day (p = {:.2g}).",
        law.points.size(), law.all_dates->line.slope, law.all_dates->p);
  return text;
}

void fit_line(DensingLaw& law, const std::vector<DatedDensity>& records, const Stream& stream) {
  DensityTrend trend = trend_over(records), all = trend_over(law.points);
  law.replicates = set_interval(trend, records, stream);
  set_interval(all, law.points, stream.child("all dates"));
  law.slope_per_day = trend.line.slope;
  law.intercept = trend.line.at(0);
  law.r2 = trend.line.r2;
  law.doubling_days = std::log(2.0) / trend.line.slope;
  law.lo = trend.lo;
  law.hi = trend.hi;
  if (trend.hi > 0) law.doubling_lo = std::log(2.0) / trend.hi;
  if (trend.lo > 0) law.doubling_hi = std::log(2.0) / trend.lo;
  law.trend = trend;
  law.all_dates = all;
  law.sentence = sentence_of(law);
}

int number_in(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

double days_of(std::string_view date) {
  using namespace std::chrono;
  const bool shaped = date.size() == 10 && date[4] == '-' && date[7] == '-';
  const int y = shaped ? number_in(date.substr(0, 4)) : -1;
  const int m = shaped ? number_in(date.substr(5, 2)) : -1;
  const int d = shaped ? number_in(date.substr(8, 2)) : -1;
  const year_month_day day{year{y}, month{static_cast<unsigned>(m)}, std::chrono::day{static_cast<unsigned>(d)}};
  if (y < 0 || m < 0 || d < 0 || !day.ok()) throw Error(fmt::format("'{}' is no date; expected YYYY-MM-DD", date));
  return static_cast<double>((sys_days(day) - kOrigin).count());
}

std::string date_of(double days) {
  using namespace std::chrono;
  const year_month_day day{kOrigin + std::chrono::days{std::lround(days)}};
  return fmt::format("{:04}-{:02}-{:02}", int(day.year()), unsigned(day.month()), unsigned(day.day()));
}

DensingLaw densing_law(const std::vector<DatedDensity>& models, const Stream& stream) {
  DensingLaw law;
  law.points = envelope(models);
  std::vector<DatedDensity> records;
  std::copy_if(law.points.begin(), law.points.end(), std::back_inserter(records),
               [](const auto& point) { return point.record; });
  if (law.points.size() < kFewestRecords)
    law.why_absent =
        fmt::format("{} recipe date(s); a densing law needs at least {}", law.points.size(), kFewestRecords);
  else if (records.size() < kFewestRecords)
    law.why_absent = fmt::format("{} of {} recipe dates set a record of density; a densing law needs at least {}",
                                 records.size(), law.points.size(), kFewestRecords);
  else
    fit_line(law, records, stream);
  return law;
}

}  // namespace vernier::density
