// The densing law over dated recipes (2412.04315, Eq 5).
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>

#include "density/density.h"
#include "fit/student.h"

namespace vernier::density {

namespace {

constexpr std::size_t kFewestRecords = 3;

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

void fit_line(DensingLaw& law, const std::vector<DatedDensity>& records) {
  const auto n = static_cast<double>(records.size());
  double mean_t = 0, mean_y = 0;
  for (const auto& point : records) {
    mean_t += days_of(point.date) / n;
    mean_y += std::log(point.density) / n;
  }
  double tt = 0, ty = 0, yy = 0;
  for (const auto& point : records) {
    const double t = days_of(point.date) - mean_t, y = std::log(point.density) - mean_y;
    tt += t * t;
    ty += t * y;
    yy += y * y;
  }
  const double slope = ty / tt, residual = std::max(0.0, yy - slope * ty);
  const double half = fit::student_95(records.size() - 2) * std::sqrt(residual / (n - 2) / tt);
  law.slope_per_day = slope;
  law.intercept = mean_y - slope * mean_t;
  law.r2 = 1 - residual / yy;
  law.doubling_days = std::log(2.0) / slope;
  law.lo = slope - half;
  law.hi = slope + half;
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
  constexpr sys_days kOrigin = year{2023} / February / 27;
  return static_cast<double>((sys_days(day) - kOrigin).count());
}

DensingLaw densing_law(const std::vector<DatedDensity>& models) {
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
    fit_line(law, records);
  return law;
}

}  // namespace vernier::density
