// One law over one set of runs: the formula of the law inlined below the virtual calls of fit/problem.h.
#pragma once

#include <ceres/jet.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "fit/labels.h"
#include "fit/problem.h"
#include "law/laws.h"

namespace vernier::fit {

inline double geometric_mean(const std::vector<law::RunPoint>& points, double law::RunPoint::*member) {
  double sum = 0;
  for (const auto& point : points) sum += std::log(point.*member);
  return points.empty() ? 1 : std::exp(sum / static_cast<double>(points.size()));
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
    if (centred) {
      n0_ = geometric_mean(points, &RunPoint::params);
      d0_ = geometric_mean(points, &RunPoint::tokens);
    }
    for (auto& point : points_) point.params /= n0_, point.tokens /= d0_;
    number_parameters();
  }

  void columns(std::span<const double> theta, std::span<const int> rows, double* base, double* columns) const override {
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
    using Jet = ceres::Jet<double, int(K)>;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      law::Parameters<Jet, K> local;
      const auto index = local_of(std::size_t(rows[i]));
      for (std::size_t k = 0; k < K; ++k)
        local[k] = index[k] < 0 ? Jet(1.0) : Jet(theta[std::size_t(index[k])], int(k));
      const Jet loss = Law::loss(local, points_[std::size_t(rows[i])]);
      predicted[i] = loss.a;
      for (std::size_t k = 0; k < K; ++k) derivatives[i * K + k] = loss.v[int(k)];
    }
  }

  std::vector<double> natural(const std::vector<double>& theta) const override {
    law::Parameters<double, K> local;
    for (std::size_t k = 0; k < K; ++k) local[k] = first_of_[k] < 0 ? 1.0 : theta[std::size_t(first_of_[k])];
    const auto result = Law::natural(local, n0_, d0_);
    std::vector<double> values = theta;
    for (std::size_t k = 0; k < K; ++k)
      if (Law::symbols[k].per == law::Per::All && first_of_[k] >= 0) values[std::size_t(first_of_[k])] = result[k];
    return values;
  }

 private:
  /// The local parameters as constants, except the coefficients: these are 0 with derivative 1, which makes columns of
  /// them.
  template <class Jet>
  law::Parameters<Jet, K> gather(std::span<const double> theta, int row) const {
    law::Parameters<Jet, K> local;
    const auto index = local_of(std::size_t(row));
    if constexpr (L > 0)
      for (std::size_t k = 0; k < L; ++k) local[k] = Jet(0.0, int(k));
    for (std::size_t k = L; k < K; ++k) local[k] = Jet(index[k] < 0 ? 1.0 : theta[std::size_t(index[k])]);
    return local;
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
};

}  // namespace vernier::fit
