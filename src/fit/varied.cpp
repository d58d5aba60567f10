#include "fit/varied.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "fit/labels.h"

namespace vernier::fit {
namespace {

constexpr law::Symbol kDifference{"d", "nats per token", -20, 20, -0.05, 0.05, law::Scale::Linear};
constexpr law::Symbol kRatio{"r", "1", 0.02, 50, 0.8, 1.25, law::Scale::Log};

/// Wraps the problem of a law: runs of one precision see it with their own value in the place of the parameter.
class VariedProblem final : public Problem {
 public:
  VariedProblem(std::unique_ptr<Problem> whole, std::size_t parameter, bool adds)
      : whole_(std::move(whole)), parameter_(parameter), adds_(adds) {
    parameters_ = whole_->parameters();
    coefficients_ = whole_->coefficients();
    locals_ = whole_->locals() + 1;
    residual_ = whole_->residual();
    points_ = whole_->points();
    number_differences();
  }

  std::size_t first() const { return whole_->parameters().size(); }

  void columns(std::span<const double> theta, std::span<const int> rows, double* base, double* columns) const override {
    const std::size_t L = coefficients_;
    for (const auto& group : by_precision(rows)) {
      std::vector<double> own_base(group.rows.size()), own_columns(group.rows.size() * L);
      whole_->columns(with_own(theta, group.own), group.rows, own_base.data(), own_columns.data());
      const double own = own_value(theta, group.own);
      for (std::size_t j = 0; j < group.rows.size(); ++j) {
        const std::size_t i = group.places[j];
        base[i] = own_base[j];
        std::copy_n(&own_columns[j * L], L, columns + i * L);
        if (parameter_ >= L) continue;
        double& column = columns[i * L + parameter_];
        adds_ ? base[i] += own* column : column *= own;
      }
    }
  }

  void derivatives(std::span<const double> theta, std::span<const int> rows, double* predicted,
                   double* derivatives) const override {
    const std::size_t K = locals_ - 1;
    for (const auto& group : by_precision(rows)) {
      std::vector<double> loss(group.rows.size()), by(group.rows.size() * K);
      whole_->derivatives(with_own(theta, group.own), group.rows, loss.data(), by.data());
      for (std::size_t j = 0; j < group.rows.size(); ++j) {
        const std::size_t i = group.places[j];
        predicted[i] = loss[j];
        std::copy_n(&by[j * K], K, derivatives + i * locals_);
        share_derivative(theta, group.rows[j], group.own, derivatives + i * locals_);
      }
    }
  }

  std::vector<double> natural(const std::vector<double>& theta) const override {
    const auto middle = theta.begin() + std::ptrdiff_t(first());
    std::vector<double> values = whole_->natural({theta.begin(), middle});
    values.insert(values.end(), middle, theta.end());
    return values;
  }

 private:
  /// Rows that see the law with the same parameters, and where they stand among those asked for.
  struct Group {
    int own = -1;  ///< their d_p or r_p; -1 for the first precision
    std::vector<int> rows;
    std::vector<std::size_t> places;
  };

  std::vector<Group> by_precision(std::span<const int> rows) const {
    std::map<int, Group> groups;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const int own = index_[std::size_t(rows[i]) * locals_ + locals_ - 1];
      Group& group = groups[own];
      group.own = own;
      group.rows.push_back(rows[i]);
      group.places.push_back(i);
    }
    std::vector<Group> list;
    for (auto& [own, group] : groups) list.push_back(std::move(group));
    return list;
  }

  double own_value(std::span<const double> theta, int own) const {
    return own < 0 ? (adds_ ? 0.0 : 1.0) : theta[std::size_t(own)];
  }

  std::vector<double> with_own(std::span<const double> theta, int own) const {
    std::vector<double> local(theta.begin(), theta.begin() + std::ptrdiff_t(first()));
    double& value = local[parameter_];
    value = adds_ ? value + own_value(theta, own) : value * own_value(theta, own);
    return local;
  }

  /// From the derivative by the precision's own value to those by the parameter and by d_p or r_p, the last local one.
  void share_derivative(std::span<const double> theta, int row, int own, double* by) const {
    const auto local = whole_->local_of(std::size_t(row));
    by[locals_ - 1] = 0;
    for (std::size_t k = 0; k + 1 < locals_; ++k) {
      if (local[k] != int(parameter_)) continue;
      by[locals_ - 1] = adds_ ? by[k] : by[k] * theta[parameter_];
      if (!adds_) by[k] *= own_value(theta, own);
    }
  }

  void number_differences() {
    std::set<std::string> labels;
    for (const auto& point : points_) labels.insert(point.precision);
    const std::string reference = labels.contains(std::string(kBaseline)) ? std::string(kBaseline) : *labels.begin();
    std::map<std::string, int> number_of{{reference, -1}};
    const auto names = short_names({labels.begin(), labels.end()});
    for (const auto& label : labels) {
      if (label == reference) continue;
      number_of[label] = int(parameters_.size());
      const auto& varied = whole_->parameters()[parameter_].name;
      parameters_.push_back({fmt::format("{} of {}", varied, names.at(label)), adds_ ? kDifference : kRatio, label});
    }
    for (std::size_t i = 0; i < points_.size(); ++i) {
      const auto local = whole_->local_of(i);
      index_.insert(index_.end(), local.begin(), local.end());
      index_.push_back(number_of.at(points_[i].precision));
    }
  }

  std::unique_ptr<Problem> whole_;
  std::size_t parameter_;
  bool adds_;
};

}  // namespace

Varied make_varied(std::string_view law, const std::string& symbol, const std::vector<law::RunPoint>& points) {
  auto whole = make_problem(law, points);
  const auto& all = whole->parameters();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == symbol; });
  if (found == all.end()) throw Error(fmt::format("law {} has no parameter '{}'", law, symbol));
  const auto place = std::size_t(found - all.begin());
  const bool adds = symbol == "E";
  auto problem = std::make_unique<VariedProblem>(std::move(whole), place, adds);
  const std::size_t first = problem->first();
  return {std::move(problem), place, first, adds ? 0.0 : 1.0};
}

std::vector<double> values_by_precision(const Varied& varied, const std::vector<double>& natural) {
  const double shared = natural[varied.parameter];
  std::vector<double> values{shared};
  for (std::size_t g = varied.first; g < natural.size(); ++g)
    values.push_back(varied.none == 0 ? shared + natural[g] : shared * natural[g]);
  return values;
}

}  // namespace vernier::fit
