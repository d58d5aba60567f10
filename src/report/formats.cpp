#include "report/formats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/stream.h"

namespace vernier::report {
namespace {

constexpr double kFewestBits = 1, kMostBits = 32, kBitsStep = 0.1;

std::vector<const law::Part*> rounded_parts(const law::RunPoint& point) {
  std::vector<const law::Part*> parts;
  for (const auto* part : {&point.weights, &point.activations, &point.kv})
    if (part->rounded) parts.push_back(part);
  return parts;
}

std::string format_alone(const std::string& number) { return number.substr(0, number.find_first_of("/:")); }

/// int4 where all rounded parts agree, else each part with its format.
std::string short_name(const law::RunPoint& point) {
  const auto parts = rounded_parts(point);
  if (parts.empty()) return point.precision == "baseline" ? "unrounded" : point.precision;
  const auto first = format_alone(parts.front()->number);
  const bool alike =
      std::all_of(parts.begin(), parts.end(), [&](auto* part) { return format_alone(part->number) == first; });
  if (alike && parts.size() == 3) return first;
  if (alike) return first + " " + parts_of(point);
  std::string name;
  const auto add = [&](const char* letters, const law::Part& part) {
    if (part.rounded) name += (name.empty() ? "" : " ") + std::string(letters) + " " + format_alone(part.number);
  };
  add("W", point.weights);
  add("A", point.activations);
  add("KV", point.kv);
  return name;
}

/// Names that several precisions share become the full spelling.
void tell_names_apart(std::vector<Format>& formats) {
  std::map<std::string, int> uses;
  for (const auto& format : formats) ++uses[format.name];
  for (auto& format : formats)
    if (uses[format.name] > 1) format.name = format.precision;
}

/// rho of every point under one parameter vector of the reference; infinite where the loss is beyond the reference's
/// reach.
std::vector<double> densities_under(const std::vector<law::RunPoint>& points, fit::FitSummary& reference,
                                    const std::vector<double>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) reference.parameters[i].value = parameters[i];
  std::vector<double> values;
  for (const auto& model : density::densities(points, {}, reference, nullptr))
    values.push_back(model.density.value_or(std::numeric_limits<double>::infinity()));
  return values;
}

double median(std::vector<double> values) {
  const auto upper = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), upper, values.end());
  if (values.size() % 2 == 1) return *upper;
  return (*upper + *std::max_element(values.begin(), upper)) / 2;
}

/// Median of rho over `members`, its interval over replicates of the reference, each with a resample of the members.
/// Absent where half of the runs lie beyond the reference; one-sided where that happens in too many replicates.
std::optional<fit::Interval> median_density(const std::vector<std::size_t>& members, const std::vector<double>& rho,
                                            const std::vector<std::vector<double>>& replicates, Stream stream) {
  std::vector<double> own;
  for (const auto member : members) own.push_back(rho[member]);
  fit::Interval interval{median(own), {}, {}, {}, {}};
  if (!std::isfinite(interval.value)) return std::nullopt;
  std::vector<double> medians;
  std::size_t beyond = 0;
  std::uint64_t drawn = 0;
  for (const auto& replicate : replicates) {
    for (auto& value : own) value = replicate[members[stream.below(members.size(), drawn++)]];
    const double found = median(own);
    beyond += !std::isfinite(found);
    medians.push_back(std::isfinite(found) ? found : std::numeric_limits<double>::max());
  }
  if (const auto ends = fit::interval_90(medians)) {
    interval.lo = ends->first;
    if (20 * (beyond + 1) <= medians.size()) interval.hi = ends->second;
  }
  return interval;
}

fit::Interval scaled(fit::Interval interval, double factor) {
  interval.value *= factor;
  if (interval.lo) *interval.lo *= factor;
  if (interval.hi) *interval.hi *= factor;
  return interval;
}

/// The top of the parabola through three values at -1, 0 and 1; the middle one is the largest.
double top_of_parabola(double left, double middle, double right) {
  const double bend = left - 2 * middle + right;
  return bend < 0 ? 0.5 * (left - right) / bend : 0;
}

double best_on_grid(const fit::FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& typical) {
  const auto per_bit = [&](double bits) { return fit::n_eff_share(law, parameters, at_bits(typical, bits)) / bits; };
  double best = kFewestBits, highest = -std::numeric_limits<double>::infinity();
  const int steps = int(std::lround((kMostBits - kFewestBits) / kBitsStep));
  for (int step = 0; step <= steps; ++step) {
    const double bits = kFewestBits + step * kBitsStep, found = per_bit(bits);
    if (found > highest) highest = found, best = bits;
  }
  if (best <= kFewestBits || best >= kMostBits - kBitsStep / 2) return best;
  const double shift = top_of_parabola(per_bit(best - kBitsStep), highest, per_bit(best + kBitsStep));
  return std::isfinite(shift) ? best + kBitsStep * shift : best;
}

}  // namespace

law::RunPoint at_bits(law::RunPoint point, double bits) {
  for (auto* part : {&point.weights, &point.activations, &point.kv})
    if (part->rounded) part->bits = bits;
  return point;
}

std::string parts_of(const law::RunPoint& point) {
  std::string text;
  const auto add = [&](const char* name, const law::Part& part) {
    if (part.rounded) text += (text.empty() ? "" : " + ") + std::string(name);
  };
  add("weights", point.weights);
  add("activations", point.activations);
  add("kv", point.kv);
  return text.empty() ? "none" : text;
}

double bits_of(const law::RunPoint& point) {
  if (point.weights.rounded) return point.weights.bits;
  double bits = 16;
  for (const auto* part : rounded_parts(point)) bits = std::min(bits, part->bits);
  return bits;
}

std::optional<fit::Interval> share_of(const fit::FitSummary& law, const law::RunPoint& point) {
  const double value = fit::n_eff_share(law, law.values(), point);
  if (!std::isfinite(value)) return std::nullopt;
  fit::Interval interval{value, {}, {}, {}, {}};
  if (point.precision == "baseline") return interval;  // 1 by definition
  std::vector<double> replicates;
  for (const auto& parameters : law.bootstrap) {
    const double share = fit::n_eff_share(law, parameters, point);
    if (std::isfinite(share)) replicates.push_back(share);
  }
  if (const auto ends = fit::interval_90(replicates)) interval.lo = ends->first, interval.hi = ends->second;
  return interval;
}

const law::RunPoint* typical_point(const std::vector<law::RunPoint>& points) {
  std::map<std::string, std::pair<int, const law::RunPoint*>> choices;
  for (const auto& point : points) {
    if (rounded_parts(point).empty()) continue;
    auto& [number, first] = choices[parts_of(point)];
    if (number++ == 0) first = &point;
  }
  const auto most = std::max_element(choices.begin(), choices.end(),
                                     [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
  return most == choices.end() ? nullptr : most->second.second;
}

std::optional<BestBits> best_bits(const fit::FitSummary& law, const law::RunPoint& typical) {
  if (!typical.weights.rounded) return std::nullopt;
  BestBits best;
  best.bits = best_on_grid(law, law.values(), typical);
  best.interior = best.bits > kFewestBits && best.bits < kMostBits - kBitsStep / 2;
  std::vector<double> replicates;
  for (const auto& parameters : law.bootstrap) replicates.push_back(best_on_grid(law, parameters, typical));
  if (const auto ends = fit::interval_90(replicates)) best.lo = ends->first, best.hi = ends->second;
  return best;
}

std::vector<Format> formats_of(const fit::Data& data, const fit::FitSummary* reference, const fit::FitSummary* free,
                               const fit::FitSummary* curve, std::int64_t seed) {
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < data.points.size(); ++i) groups[data.points[i].precision].push_back(i);

  std::vector<double> rho;
  std::vector<std::vector<double>> replicates;
  if (reference) {
    fit::FitSummary varied = *reference;
    varied.bootstrap.clear();
    rho = densities_under(data.points, varied, reference->values());
    for (const auto& parameters : reference->bootstrap)
      replicates.push_back(densities_under(data.points, varied, parameters));
  }

  const Stream root = Stream(std::uint64_t(seed)).child("report");
  std::vector<Format> formats;
  for (const auto& [precision, members] : groups) {
    const auto& point = data.points[members.front()];
    Format format{
        precision, short_name(point), parts_of(point), bits_of(point), std::int64_t(members.size()), {}, {}, {}, {}};
    if (free) format.free_share = share_of(*free, point);
    if (curve) format.law_share = share_of(*curve, point);
    if (reference) format.density = median_density(members, rho, replicates, root.child(precision));
    if (format.density) format.density_per_bit = scaled(*format.density, 16 / format.bits);
    formats.push_back(format);
  }
  tell_names_apart(formats);
  std::stable_sort(formats.begin(), formats.end(), [](const Format& a, const Format& b) {
    return std::pair(a.precision != "baseline", -a.bits) < std::pair(b.precision != "baseline", -b.bits);
  });
  return formats;
}

}  // namespace vernier::report
