#include "fit/search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <thread>

namespace vernier::fit {
namespace {

constexpr double kSameEnd = 1e-6;                   // of the objective, relative
constexpr double kFlat = 1e-9, kNearlyFlat = 1e-3;  // what a step gains at the end, and where descents may meet
constexpr std::size_t kFewStarts =
    256;  // every one of so few goes its way alone: on a plateau any may be the one that leaves it

double drawn(const law::Symbol& symbol, double share) {
  if (symbol.scale == law::Scale::Linear)
    return symbol.start_lowest + share * (symbol.start_highest - symbol.start_lowest);
  return symbol.start_lowest * std::pow(symbol.start_highest / symbol.start_lowest, share);
}

std::vector<double> drawn_theta(const Problem& problem, const Setting& setting, const Stream& stream) {
  std::vector<double> theta = setting.theta;
  for (std::size_t g = problem.coefficients(); g < theta.size(); ++g) {
    const int u = setting.freedom.variable[g];
    if (u < 0) continue;
    const auto& symbol = problem.parameters()[std::size_t(setting.freedom.parameter[std::size_t(u)])].symbol;
    const double value = drawn(symbol, stream.uniform(std::uint64_t(u)));  // tied parameters draw the same
    theta[g] = std::clamp(value, setting.freedom.lower[std::size_t(u)], setting.freedom.upper[std::size_t(u)]);
  }
  return theta;
}

/// Whether two points of a descent will end alike: hardly apart in any parameter nor in their objectives.
bool will_meet(const Problem& problem, const Descent& a, const Descent& b) {
  constexpr double kNear = 1e-2;
  if (!(std::abs(a.objective - b.objective) <= kNear * std::min(a.objective, b.objective))) return false;
  for (std::size_t g = problem.coefficients(); g < a.theta.size(); ++g) {
    const double size = problem.parameters()[g].symbol.scale == law::Scale::Log ? std::abs(a.theta[g]) : 1.0;
    if (!(std::abs(a.theta[g] - b.theta[g]) <= kNear * size)) return false;
  }
  return true;
}

/// Takes points on their way to their ends. Of those that meet one goes on; where it comes to the
/// best end of all, the others would too and share it, otherwise they go on as well.
std::vector<Descent> finished(const Problem& problem, const Setting& setting, const Sample& sample, double delta,
                              const std::vector<Descent>& halfway, std::int64_t threads) {
  constexpr int kIterations = 100;
  std::vector<std::size_t> leaders, followers, leader_of(halfway.size());
  for (std::size_t k = 0; k < halfway.size(); ++k) {
    const auto met = std::find_if(leaders.begin(), leaders.end(),
                                  [&](std::size_t l) { return will_meet(problem, halfway[k], halfway[l]); });
    leader_of[k] = met == leaders.end() ? k : *met;
    if (met == leaders.end()) leaders.push_back(k);
  }
  std::vector<Descent> ends(halfway.size());
  const auto go_on = [&](const std::vector<std::size_t>& chosen) {
    in_parallel(std::int64_t(chosen.size()), threads, [&](std::int64_t c) {
      const std::size_t k = chosen[std::size_t(c)];
      if (std::isfinite(halfway[k].objective))
        ends[k] = descend(problem, setting.freedom, sample, delta, halfway[k].theta, kIterations, kFlat);
    });
  };
  go_on(leaders);
  double best = ends.empty() ? 0 : ends[leaders.front()].objective;
  for (const std::size_t l : leaders) best = std::min(best, ends[l].objective);
  for (std::size_t k = 0; k < halfway.size(); ++k) {
    if (leader_of[k] == k) continue;
    if (ends[leader_of[k]].objective <= best * (1 + kSameEnd))
      ends[k] = ends[leader_of[k]];
    else
      followers.push_back(k);
  }
  go_on(followers);
  return ends;
}

bool better(const Descent& a, const Descent& b) {
  return a.objective != b.objective ? a.objective < b.objective : a.theta < b.theta;
}

}  // namespace

void in_parallel(std::int64_t count, std::int64_t threads, const std::function<void(std::int64_t)>& job) {
  std::atomic<std::int64_t> next = 0;
  std::vector<std::exception_ptr> problems(std::size_t(std::max<std::int64_t>(threads, 1)));
  const auto work = [&](std::size_t worker) {
    try {
      for (std::int64_t k = next++; k < count; k = next++) job(k);
    } catch (...) {
      problems[worker] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t worker = 1; worker < problems.size(); ++worker) others.emplace_back(work, worker);
  work(0);
  for (auto& thread : others) thread.join();
  for (const auto& problem : problems)
    if (problem) std::rethrow_exception(problem);
}

Descent draw_start(const Problem& problem, const Setting& setting, const Sample& sample, double delta, Stream stream) {
  constexpr std::uint64_t kDraws = 200;  // large offsets put a factor below zero and are drawn again
  Descent start;
  for (std::uint64_t draw = 0; draw < kDraws && !std::isfinite(start.objective); ++draw)
    start =
        project(problem, setting.freedom, sample, delta, drawn_theta(problem, setting, stream.child(draw)), false, 3);
  return start;
}

std::vector<Descent> different(const std::vector<Descent>& ends, std::size_t most) {
  std::vector<Descent> kept;
  for (const auto& end : ends) {
    if (kept.size() == most || !std::isfinite(end.objective)) break;
    if (kept.empty() || end.objective > kept.back().objective * (1 + 1e-4)) kept.push_back(end);
  }
  return kept;
}

Search search(const Problem& problem, const Setting& setting, const Sample& sample, double delta,
              const std::vector<std::vector<double>>& starts, std::int64_t draws, Stream stream, std::int64_t threads) {
  constexpr int kIterations = 100, kPolishIterations = 1000;
  const std::size_t count = starts.empty() ? std::size_t(draws) : starts.size();
  const bool few = count <= kFewStarts;
  std::vector<Descent> begins(count), halfway(count);
  in_parallel(std::int64_t(count), threads, [&](std::int64_t k) {
    Descent& begin = begins[std::size_t(k)];
    begin = starts.empty() ? draw_start(problem, setting, sample, delta, stream.child(std::uint64_t(k)))
                           : project(problem, setting.freedom, sample, delta, starts[std::size_t(k)], false, 3);
    if (std::isfinite(begin.objective))
      halfway[std::size_t(k)] =
          descend(problem, setting.freedom, sample, delta, begin.theta, kIterations, few ? kFlat : kNearlyFlat);
  });
  const auto ends = few ? halfway : finished(problem, setting, sample, delta, halfway, threads);
  std::vector<std::pair<Descent, Descent>> pairs;
  for (std::size_t k = 0; k < begins.size(); ++k) pairs.emplace_back(std::move(begins[k]), ends[k]);
  std::erase_if(pairs, [](const auto& pair) { return !std::isfinite(pair.second.objective); });
  if (pairs.empty()) throw Failure("no start gave a finite objective");
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return better(a.second, b.second); });

  Search result;
  for (auto& [begin, end] : pairs) {
    result.begins.push_back(begin);
    result.ends.push_back(end);
  }
  std::size_t leader = 0;
  for (const auto& end : different(result.ends, 3)) {
    const Descent fine = descend(problem, setting.freedom, sample, delta, end.theta, kPolishIterations, 1e-14);
    if (!(fine.objective < result.best.objective)) continue;
    result.best = fine;
    while (result.ends[leader].objective != end.objective) ++leader;
  }
  auto polished = polish(problem, setting.freedom, sample, delta, result.best);
  result.best = std::move(polished.end);
  result.stop = std::move(polished.stop);
  result.ends[leader] = {result.best.theta, std::min(result.best.objective, result.ends[leader].objective)};
  std::swap(result.begins[0], result.begins[leader]);  // that start went all the way
  std::swap(result.ends[0], result.ends[leader]);
  for (const auto& end : result.ends) result.at_best += end.objective <= result.best.objective * (1 + kSameEnd);
  return result;
}

}  // namespace vernier::fit
