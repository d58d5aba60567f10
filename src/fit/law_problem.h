// One law over one set of runs: the formula of the law inlined below the virtual calls of fit/problem.h.
#pragma once

#include <ceres/jet.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "fit/labels.h"
#include "fit/problem.h"
#include "law/laws.h"

namespace vernier::fit {

/// 1 where a value is 0, that is, not known, as N and D may be to a law that does not look at them.
inline double geometric_mean(const std::vector<law::RunPoint>& points, double law::RunPoint::*member) {
  double sum = 0;
  for (const auto& point : points) sum += std::log(point.*member);
  return points.empty() || !std::isfinite(sum) ? 1 : std::exp(sum / static_cast<double>(points.size()));
}

/// Law says L = E + A (N f)^-alpha + B D^-beta: then one exponential each, and ln f for every rounding instead of every
/// run, give the same as its formula.
template <class Law>
constexpr bool scales_parameters = std::is_base_of_v<law::ScalesParameters<Law>, Law>;

/// Whether a law can tell two runs' roundings apart.
inline bool same_rounding(const law::RunPoint& a, const law::RunPoint& b) {
  const auto same = [](const law::Part& x, const law::Part& y) {
    return x.rounded == y.rounded && x.stated == y.stated &&
           (!x.rounded || (x.bits == y.bits && x.gaussian_error == y.gaussian_error));
  };
  return a.precision == b.precision && same(a.weights, b.weights) && same(a.activations, b.activations) &&
         same(a.kv, b.kv);
}

template <class Law>
class LawProblem final : public Problem {
  using RunPoint = law::RunPoint;
  static constexpr std::size_t K = Law::symbols.size(), L = Law::coefficients;

 public:
  LawProblem(const std::vector<RunPoint>& points, bool centred) {
    points_ = points;
    coefficients_ = L;
    locals_ = K;
    residual_ = law::residual_of<Law>();
    looks_at_size_ = law::target_of<Law>() != law::Target::TaskScore;
    if (centred) {
      n0_ = geometric_mean(points, &RunPoint::params);
      d0_ = geometric_mean(points, &RunPoint::tokens);
    }
    for (auto& point : points_) point.params /= n0_, point.tokens /= d0_;
    number_parameters();
    if constexpr (scales_parameters<Law>) find_roundings();
  }

  void columns(std::span<const double> theta, std::span<const int> rows, double* base, double* columns) const override {
    if constexpr (scales_parameters<Law>) return terms(theta, rows, base, columns);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const RunPoint& point = points_[std::size_t(rows[i])];
      if constexpr (L == 0) {
        base[i] = Law::loss(gather<double>(theta, rows[i]), point);
      } else {
        const auto loss = Law::loss(gather<ceres::Jet<double, int(L)>>(theta, rows[i]), point);
        base[i] = loss.a;
        for (std::size_t j = 0; j < L; ++j) columns[i * L + j] = loss.v[int(j)];
      }
    }
  }

  void derivatives(std::span<const double> theta, std::span<const int> rows, double* predicted,
                   double* derivatives) const override {
    if constexpr (scales_parameters<Law>) return derivatives_of_terms(theta, rows, predicted, derivatives);
    using Jet = ceres::Jet<double, int(K)>;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Jet loss = Law::loss(jets(theta, std::size_t(rows[i])), points_[std::size_t(rows[i])]);
      predicted[i] = loss.a;
      for (std::size_t k = 0; k < K; ++k) derivatives[i * K + k] = loss.v[int(k)];
    }
  }

  void admit(std::vector<double>& theta) const override {
    if constexpr (requires { Law::admit(law::Parameters<double, K>{}); }) put(Law::admit(shared(theta)), theta);
  }

  std::vector<double> natural(const std::vector<double>& theta) const override {
    std::vector<double> values = theta;
    put(Law::natural(shared(theta), n0_, d0_), values);
    return values;
  }

 private:
  /// What all runs share, as the law orders it; 1 for what acts on no run.
  law::Parameters<double, K> shared(const std::vector<double>& theta) const {
    law::Parameters<double, K> local;
    for (std::size_t k = 0; k < K; ++k) local[k] = first_of_[k] < 0 ? 1.0 : theta[std::size_t(first_of_[k])];
    return local;
  }

  void put(const law::Parameters<double, K>& local, std::vector<double>& theta) const {
    for (std::size_t k = 0; k < K; ++k)
      if (Law::symbols[k].per == law::Per::All && first_of_[k] >= 0) theta[std::size_t(first_of_[k])] = local[k];
  }

  /// The local parameters as constants, except the coefficients: these are 0 with derivative 1, which makes columns of
  /// them.
  template <class Jet>
  law::Parameters<Jet, K> gather(std::span<const double> theta, int row) const {
    law::Parameters<Jet, K> local;
    const auto index = local_of(std::size_t(row));
    for (std::size_t k = 0; k < L; ++k) {
      if constexpr (std::is_same_v<Jet, double>)
        local[k] = 0;
      else
        local[k] = Jet(0.0, int(k));
    }
    for (std::size_t k = L; k < K; ++k) local[k] = Jet(index[k] < 0 ? 1.0 : theta[std::size_t(index[k])]);
    return local;
  }

  /// E has 1 as its column, A (N f)^-alpha, B D^-beta.
  void terms(std::span<const double> theta, std::span<const int> rows, double* base, double* columns) const {
    const double alpha = constant(theta, 3), beta = constant(theta, 4);
    std::vector<double> shares;
    for (const int run : example_of_)
      shares.push_back(Law::log_share(gather<double>(theta, run), points_[std::size_t(run)]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto run = std::size_t(rows[i]);
      base[i] = 0;
      columns[3 * i] = 1;
      columns[3 * i + 1] = std::exp(-alpha * (shares[std::size_t(rounding_of_[run])] + log_params_[run]));
      columns[3 * i + 2] = std::exp(-beta * log_tokens_[run]);
    }
  }

  void derivatives_of_terms(std::span<const double> theta, std::span<const int> rows, double* predicted,
                            double* derivatives) const {
    using Jet = ceres::Jet<double, int(K)>;
    std::vector<Jet> shares;
    for (const int run : example_of_)
      shares.push_back(Law::log_share(jets(theta, std::size_t(run)), points_[std::size_t(run)]));
    const double E = constant(theta, 0), A = constant(theta, 1), B = constant(theta, 2);
    const double alpha = constant(theta, 3), beta = constant(theta, 4);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto run = std::size_t(rows[i]);
      const Jet& share = shares[std::size_t(rounding_of_[run])];
      const double log_size = share.a + log_params_[run];
      const double size = std::exp(-alpha * log_size), data = std::exp(-beta * log_tokens_[run]);
      predicted[i] = E + A * size + B * data;
      double* by = &derivatives[i * K];
      for (std::size_t k = 5; k < K; ++k) by[k] = -alpha * A * size * share.v[int(k)];
      by[0] = 1, by[1] = size, by[2] = data;
      by[3] = -A * size * log_size;
      by[4] = -B * data * log_tokens_[run];
    }
  }

  /// A parameter that all runs share.
  double constant(std::span<const double> theta, std::size_t k) const { return theta[std::size_t(first_of_[k])]; }

  law::Parameters<ceres::Jet<double, int(K)>, K> jets(std::span<const double> theta, std::size_t run) const {
    using Jet = ceres::Jet<double, int(K)>;
    law::Parameters<Jet, K> local;
    const auto index = local_of(run);
    for (std::size_t k = 0; k < K; ++k) local[k] = index[k] < 0 ? Jet(1.0) : Jet(theta[std::size_t(index[k])], int(k));
    return local;
  }

  void find_roundings() {
    for (std::size_t i = 0; i < points_.size(); ++i) {
      log_params_.push_back(std::log(points_[i].params));
      log_tokens_.push_back(std::log(points_[i].tokens));
      std::size_t g = 0;
      while (g < example_of_.size() && !same_rounding(points_[std::size_t(example_of_[g])], points_[i])) ++g;
      if (g == example_of_.size()) example_of_.push_back(int(i));
      rounding_of_.push_back(int(g));
    }
  }

  void number_parameters() {
    index_.assign(points_.size() * K, -1);
    first_of_.assign(K, -1);
    for (std::size_t k = 0; k < K; ++k) Law::symbols[k].per == law::Per::All ? number_shared(k) : number_per_label(k);
  }

  void number_shared(std::size_t k) {
    const law::Symbol& symbol = Law::symbols[k];
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (!acts_on(symbol, points_[i])) continue;
      if (first_of_[k] < 0) {
        first_of_[k] = int(parameters_.size());
        parameters_.push_back({std::string(symbol.name), symbol, ""});
      }
      index_[i * K + k] = first_of_[k];
    }
  }

  void number_per_label(std::size_t k) {
    const law::Symbol& symbol = Law::symbols[k];
    std::set<std::string> labels;
    for (const auto& point : points_)
      if (acts_on(symbol, point)) labels.insert(label_of(symbol, point));
    std::map<std::string, int> number_of;
    for (const auto& [label, name] : short_names({labels.begin(), labels.end()})) {
      number_of[label] = int(parameters_.size());
      parameters_.push_back({fmt::format("{}_{}", symbol.name, name), symbol, label});
    }
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (acts_on(symbol, points_[i])) index_[i * K + k] = number_of.at(label_of(symbol, points_[i]));
  }

  std::vector<int> first_of_;
  // Of a law that scales parameters:
  std::vector<double> log_params_, log_tokens_;  // of each run
  std::vector<int> rounding_of_;                 // of each run, index into example_of_
  std::vector<int> example_of_;                  // of each rounding, a run that has it
};

}  // namespace vernier::fit
