#include "density/meeting.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "density/slope.h"
#include "fit/fit.h"
#include "fit/ruling.h"
#include "fit/verdict_words.h"

namespace vernier::density {

namespace {

using Members = std::vector<const Met*>;

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kRefuted = 0.05;
constexpr std::size_t kGroups = 3, kFewestInGroup = 2;

double median(std::vector<double> values) {
  const auto upper = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), upper, values.end());
  if (values.size() % 2 == 1 || std::isinf(*upper)) return *upper;
  return (*upper + *std::max_element(values.begin(), upper)) / 2;
}

double log_density(const Met& run) {
  if (run.model.density) return std::log(*run.model.density);
  return run.model.beyond < 0 ? -kInfinite : kInfinite;
}

/// ln of the median density, and in each replicate, with the runs drawn anew.
struct Medians {
  double value = 0;
  std::vector<double> replicates;
};

Medians medians_of(const Members& members, const Stream& stream) {
  Medians medians;
  std::vector<double> values;
  std::size_t count = std::numeric_limits<std::size_t>::max();
  for (const Met* run : members) {
    values.push_back(log_density(*run));
    count = std::min(count, run->log_rho.size());
  }
  medians.value = median(values);
  std::uint64_t drawn = 0;
  for (std::size_t k = 0; k < count; ++k) {
    for (double& value : values) value = members[stream.below(members.size(), drawn++)]->log_rho[k];
    medians.replicates.push_back(median(values));
  }
  return medians;
}

/// A number and its replicates, given by their logarithms; absent where it is none.
std::optional<fit::Interval> from_logs(double value, const std::vector<double>& replicates) {
  if (!std::isfinite(value)) return std::nullopt;
  fit::Interval interval{std::exp(value), {}, {}, {}, {}};
  const Ends ends = ends_of(replicates);
  if (ends.lo) interval.lo = std::exp(*ends.lo);
  if (ends.hi) interval.hi = std::exp(*ends.hi);
  return interval;
}

double log_share(const fit::FitSummary& law, const std::vector<double>& parameters, const Members& members) {
  std::vector<double> shares;
  for (const Met* run : members) shares.push_back(std::log(fit::n_eff_share(law, parameters, run->point)));
  if (std::any_of(shares.begin(), shares.end(), [](double share) { return std::isnan(share); })) return std::nan("");
  return median(shares);
}

Medians shares_of(const fit::FitSummary& law, const Members& members) {
  Medians shares{log_share(law, law.values(), members), {}};
  for (const auto& parameters : law.bootstrap) shares.replicates.push_back(log_share(law, parameters, members));
  return shares;
}

/// Those replicates of a - b in which both are numbers.
std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> values;
  for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k)
    if (!std::isnan(a[k]) && !std::isnan(b[k])) values.push_back(a[k] - b[k]);
  return values;
}

/// Probability of replicates as far to the other side of zero, to both sides.
double two_sided(const std::vector<double>& replicates) {
  const auto above = std::count_if(replicates.begin(), replicates.end(), [](double value) { return value >= 0; });
  const auto below = std::count_if(replicates.begin(), replicates.end(), [](double value) { return value <= 0; });
  return std::min(1.0, 2.0 * double(std::min(above, below) + 1) / double(replicates.size() + 1));
}

fit::Decision empty_decision(const std::string& claim, const std::string& law, std::size_t runs) {
  fit::Decision decision;
  decision.hypothesis.claim.text = claim;
  decision.hypothesis.law = law;
  decision.hypothesis.margin = kMeetingMargin;
  decision.runs = std::int64_t(runs);
  return decision;
}

fit::Decision equality(const Meeting& meeting, const std::string& law, const std::vector<double>& log_ratios) {
  fit::Decision decision = empty_decision(fmt::format("rho == N_eff/N for {}", meeting.precision), law, meeting.runs);
  if (!meeting.ratio) {
    decision.why =
        !meeting.density ? "half of the runs or more have no density" : "the law says nothing of this precision";
  } else {
    const auto less_one = [](const std::optional<double>& end) { return end ? std::optional(*end - 1) : std::nullopt; };
    decision.effect = fit::Effect{"density over N_eff/N, less one", "1",
                                  meeting.ratio->value - 1,         less_one(meeting.ratio->lo),
                                  less_one(meeting.ratio->hi),      kMeetingMargin};
    if (decision.effect->lo && decision.effect->hi) {
      decision.p = two_sided(log_ratios);
      fit::rule_by_difference(decision, false);
    } else {
      decision.why = "the interval of the ratio is open to a side";
    }
  }
  decision.sentence = fit::sentence_of(decision);
  return decision;
}

std::string parts_by(const std::optional<fit::Interval>& ratio) {
  if (!ratio || (!ratio->lo && !ratio->hi)) return "unknown";
  if (ratio->lo && *ratio->lo > 1) return "denser";
  return ratio->hi && *ratio->hi < 1 ? "less dense" : "no difference";
}

MeetingGroup group_of(const Members& members, const fit::FitSummary& law, const Stream& stream) {
  MeetingGroup group;
  group.runs = members.size();
  double sum = 0;
  for (const Met* run : members) sum += std::log(run->point.tokens / run->point.params);
  group.tokens_per_parameter = std::exp(sum / static_cast<double>(members.size()));
  const Medians density = medians_of(members, stream), share = shares_of(law, members);
  group.density = from_logs(density.value, density.replicates);
  group.ratio = from_logs(density.value - share.value, differences(density.replicates, share.replicates));
  group.parts = parts_by(group.ratio);
  return group;
}

/// Runs in order of D/N, in groups of about one size.
std::vector<MeetingGroup> groups_of(Members members, const fit::FitSummary& law, const Stream& stream) {
  const auto ratio = [](const Met* run) { return run->point.tokens / run->point.params; };
  std::stable_sort(members.begin(), members.end(), [&](auto* a, auto* b) { return ratio(a) < ratio(b); });
  const std::size_t groups = std::clamp<std::size_t>(members.size() / kFewestInGroup, 1, kGroups);
  std::vector<MeetingGroup> list;
  for (std::size_t g = 0; g < groups; ++g) {
    const auto begin = members.begin() + std::ptrdiff_t(g * members.size() / groups);
    const auto end = members.begin() + std::ptrdiff_t((g + 1) * members.size() / groups);
    list.push_back(group_of({begin, end}, law, stream.child(std::uint64_t(g))));
  }
  return list;
}

void set_slope(Meeting& meeting, const Members& members, const Stream& stream) {
  std::vector<SlopeRow> rows;
  std::size_t count = std::numeric_limits<std::size_t>::max();
  for (const Met* run : members) {
    if (!run->model.density) continue;
    rows.push_back({run->point.params, run->point.tokens, std::log(*run->model.density), &run->log_rho});
    count = std::min(count, run->log_rho.size());
  }
  meeting.slope = slope_with_data(rows, rows.empty() ? 0 : count, stream);
  if (!meeting.slope) return;
  std::set<double> tokens;
  for (const SlopeRow& row : rows) tokens.insert(row.tokens);
  const double most = std::log1p(kMeetingMargin) / std::log(*tokens.rbegin() / *tokens.begin());
  const auto& [lo, hi] = std::tie(meeting.slope->lo, meeting.slope->hi);
  if (!lo || !hi)
    meeting.slope_verdict = "unknown";
  else if (*lo > 0 || *hi < 0)
    meeting.slope_verdict = *lo > 0 ? "grows" : "falls";
  else
    meeting.slope_verdict = *lo > -most && *hi < most ? "constant" : "undecided";
}

Meeting meeting_of(const std::string& precision, const Members& members, const fit::FitSummary& law,
                   const Stream& stream) {
  Meeting meeting;
  meeting.precision = precision;
  meeting.bits = members.front()->model.bits;
  meeting.runs = members.size();
  meeting.beyond = std::size_t(
      std::count_if(members.begin(), members.end(), [](const Met* run) { return !run->model.density.has_value(); }));
  const Medians density = medians_of(members, stream.child("runs")), share = shares_of(law, members);
  const auto log_ratios = differences(density.replicates, share.replicates);
  meeting.density = from_logs(density.value, density.replicates);
  meeting.share =
      from_logs(share.value, differences(share.replicates, std::vector<double>(share.replicates.size(), 0)));
  meeting.ratio = from_logs(density.value - share.value, log_ratios);
  meeting.equal = equality(meeting, law.law, log_ratios);
  set_slope(meeting, members, stream.child("slope"));
  meeting.groups = groups_of(members, law, stream.child("groups"));
  return meeting;
}

double distance(const Meeting& meeting) { return std::abs(meeting.equal.effect->value); }

/// That the laws agree in every precision that has a ratio with an interval.
std::optional<fit::Decision> overall(const std::vector<Meeting>& formats, const std::string& law) {
  std::vector<const Meeting*> tested;
  for (const Meeting& meeting : formats)
    if (meeting.equal.p) tested.push_back(&meeting);
  if (tested.empty()) return std::nullopt;
  const Meeting& farthest =
      **std::max_element(tested.begin(), tested.end(), [](auto* a, auto* b) { return distance(*a) < distance(*b); });
  std::size_t runs = 0;
  double least = 1;
  bool all = true, one_off = false;
  for (const Meeting* meeting : tested) {
    const double p = std::min(1.0, *meeting->equal.p * static_cast<double>(tested.size()));
    const bool inside = meeting->equal.ruling == fit::Ruling::Supported;
    runs += meeting->runs;
    least = std::min(least, p);
    all = all && inside;
    one_off = one_off || (!inside && p < kRefuted);
  }
  fit::Decision decision = empty_decision(
      fmt::format("rho == N_eff/N for all {} precisions that can be compared", tested.size()), law, runs);
  decision.effect = farthest.equal.effect;
  decision.effect->what += fmt::format(", of {}, the farthest,", farthest.precision);
  decision.p = least;
  decision.ruling = all ? fit::Ruling::Supported : one_off ? fit::Ruling::Refuted : fit::Ruling::Undecided;
  decision.sentence = fit::sentence_of(decision);
  return decision;
}

}  // namespace

Meetings meetings_of(const std::vector<Met>& runs, const fit::FitSummary& law, const Stream& stream) {
  std::map<std::string, Members> by_precision;
  for (const Met& run : runs) by_precision[run.point.precision].push_back(&run);
  Meetings meetings;
  for (const auto& [precision, members] : by_precision) {
    Meeting meeting = meeting_of(precision, members, law, stream.child(precision));
    if (precision == "baseline")
      meetings.control = std::move(meeting);
    else
      meetings.formats.push_back(std::move(meeting));
  }
  const auto bits = [](const Meeting& meeting) { return meeting.bits.value_or(kInfinite); };
  std::stable_sort(meetings.formats.begin(), meetings.formats.end(),
                   [&](const Meeting& a, const Meeting& b) { return bits(a) < bits(b); });
  meetings.overall = overall(meetings.formats, law.law);
  if (meetings.formats.empty()) meetings.why_absent = "no run is rounded";
  return meetings;
}

}  // namespace vernier::density
