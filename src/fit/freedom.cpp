#include "fit/freedom.h"

#include <algorithm>
#include <cmath>

#include "fit/dispatch.h"

namespace vernier::fit {
namespace {

int index_of(const Problem& problem, const std::string& name) {
  const auto& all = problem.parameters();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Parameter& p) { return p.name == name; });
  return found == all.end() ? -1 : int(found - all.begin());
}

void check_symbol(std::string_view law, const Problem& problem, const std::string& name, Problems& problems) {
  const auto known = symbols_of(law);
  if (index_of(problem, name) >= 0 || std::find(known.begin(), known.end(), name) != known.end()) return;
  std::vector<std::string> names;
  for (const auto& parameter : problem.parameters()) names.push_back(parameter.name);
  problems.push_back(fmt::format("law {} has no parameter '{}'; it has {}", law, name, fmt::join(names, ", ")));
}

void check_fixed(const Parameter& parameter, double value, Problems& problems) {
  const auto& symbol = parameter.symbol;
  if (!(value >= symbol.lowest && value <= symbol.highest))
    problems.push_back(fmt::format("--fix {}: expected a number from {} to {}, got {}", parameter.name, symbol.lowest,
                                   symbol.highest, value));
}

/// For each parameter the first of those it is tied to, itself included.
std::vector<int> leaders(std::string_view law, const Problem& problem, const FitOptions& options, Problems& problems) {
  std::vector<int> leader(problem.parameters().size());
  for (std::size_t g = 0; g < leader.size(); ++g) leader[g] = int(g);
  for (const auto& [first, second] : options.ties) {
    check_symbol(law, problem, first, problems);
    check_symbol(law, problem, second, problems);
    const int a = index_of(problem, first), b = index_of(problem, second);
    if (a < 0 || b < 0) continue;
    if (std::min(a, b) < int(problem.coefficients())) {
      problems.push_back(fmt::format("--tie {}={}: only exponents and precision constants can be tied", first, second));
      continue;
    }
    const int from = leader[std::size_t(std::max(a, b))], to = leader[std::size_t(std::min(a, b))];
    for (int& l : leader)
      if (l == from || l == to) l = std::min(from, to);
  }
  return leader;
}

/// The largest irreducible loss that leaves something to explain.
double upper_limit(const Problem& problem, const Parameter& parameter) {
  if (parameter.name != "E" && parameter.name != "eps") return parameter.symbol.highest;
  double lowest_loss = parameter.symbol.highest;
  for (const auto& point : problem.points()) lowest_loss = std::min(lowest_loss, point.loss);
  return lowest_loss;
}

void add_variable(Freedom& freedom, const Problem& problem, std::size_t g) {
  freedom.variable[g] = int(freedom.parameter.size());
  freedom.parameter.push_back(int(g));
  freedom.lower.push_back(problem.parameters()[g].symbol.lowest);
  freedom.upper.push_back(upper_limit(problem, problem.parameters()[g]));
}

void join_variable(Freedom& freedom, const Problem& problem, std::size_t g, int variable) {
  const auto u = std::size_t(variable);
  freedom.variable[g] = variable;
  freedom.lower[u] = std::max(freedom.lower[u], problem.parameters()[g].symbol.lowest);
  freedom.upper[u] = std::min(freedom.upper[u], problem.parameters()[g].symbol.highest);
}

}  // namespace

std::vector<std::string> symbols_of(std::string_view law) {
  return with_law(law, []<class Law>() {
    std::vector<std::string> names;
    for (const auto& symbol : Law::symbols) names.emplace_back(symbol.name);
    return names;
  });
}

bool fixes_scaled_parameter(std::string_view law, const FitOptions& options) {
  return with_law(law, [&]<class Law>() {
    law::Parameters<double, Law::symbols.size()> theta;
    theta.fill(1.0);
    const auto scaled = Law::natural(theta, 2.0, 3.0);
    for (std::size_t k = 0; k < theta.size(); ++k)
      if (scaled[k] != theta[k] && options.fix.contains(std::string(Law::symbols[k].name))) return true;
    return false;
  });
}

namespace {

/// What the user gave, and the usual values of what he neither gave, tied nor freed.
std::map<std::string, double> fixed_values(const Problem& problem, const FitOptions& options) {
  std::map<std::string, double> fixed = options.fix;
  for (const auto& parameter : problem.parameters()) {
    const bool tied = std::any_of(options.ties.begin(), options.ties.end(), [&](const auto& tie) {
      return tie.first == parameter.name || tie.second == parameter.name;
    });
    if (parameter.symbol.usual && !tied && !options.free.contains(parameter.name))
      fixed.try_emplace(parameter.name, *parameter.symbol.usual);
  }
  return fixed;
}

/// Where one of d and c of densing_score is fixed, c + d <= 1 is a bound of the other.
void bound_ceiling(const Problem& problem, Setting& setting) {
  const int d = index_of(problem, "d"), c = index_of(problem, "c");
  const int of_d = setting.freedom.variable[std::size_t(d)], of_c = setting.freedom.variable[std::size_t(c)];
  const double at_d = setting.theta[std::size_t(d)], at_c = setting.theta[std::size_t(c)];
  if (of_d < 0 && of_c < 0 && at_d + at_c > 1)
    throw Error(fmt::format("--fix: expected c + d of at most 1, got {}", at_d + at_c));
  if (of_d < 0 && of_c >= 0) setting.freedom.upper[std::size_t(of_c)] = 1 - at_d;
  if (of_c < 0 && of_d >= 0) setting.freedom.upper[std::size_t(of_d)] = 1 - at_c;
}

}  // namespace

Setting make_setting(std::string_view law, const Problem& problem, const FitOptions& options) {
  Problems problems;
  const auto& parameters = problem.parameters();
  for (const auto& name : options.free) check_symbol(law, problem, name, problems);
  const auto fixed_by_name = fixed_values(problem, options);
  for (const auto& [name, value] : fixed_by_name) {
    check_symbol(law, problem, name, problems);
    if (const int g = index_of(problem, name); g >= 0) check_fixed(parameters[std::size_t(g)], value, problems);
  }
  const auto leader = leaders(law, problem, options, problems);
  refuse_if(problems);

  Setting setting;
  setting.freedom.variable.assign(parameters.size(), -1);
  setting.theta.resize(parameters.size());
  std::map<int, double> fixed_group;
  for (std::size_t g = 0; g < parameters.size(); ++g)
    if (const auto fixed = fixed_by_name.find(parameters[g].name); fixed != fixed_by_name.end())
      fixed_group[leader[g]] = fixed->second;
  for (std::size_t g = 0; g < parameters.size(); ++g) {
    setting.theta[g] = parameters[g].symbol.lowest;
    if (const auto fixed = fixed_group.find(leader[g]); fixed != fixed_group.end())
      setting.theta[g] = fixed->second;
    else if (leader[g] == int(g))
      add_variable(setting.freedom, problem, g);
    else
      join_variable(setting.freedom, problem, g, setting.freedom.variable[std::size_t(leader[g])]);
  }
  if (law == law::DensingScore::name) bound_ceiling(problem, setting);
  return setting;
}

std::vector<bool> outside(const Problem& problem, const Setting& setting) {
  std::vector<int> rows(problem.points().size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = int(i);
  std::vector<double> base(rows.size()), columns(rows.size() * problem.coefficients());
  problem.columns(setting.theta, rows, base.data(), columns.data());
  std::vector<bool> result(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result[i] = std::isnan(base[i]);
    for (std::size_t j = 0; j < problem.coefficients(); ++j)
      result[i] = result[i] || std::isnan(columns[i * problem.coefficients() + j]);
  }
  return result;
}

std::vector<std::vector<double>> start_points(std::string_view law, const Problem& problem, const Setting& setting,
                                              const FitOptions& options) {
  const Freedom& freedom = setting.freedom;
  std::set<std::string> free;
  for (std::size_t u = 0; u < freedom.size(); ++u)
    if (freedom.parameter[u] >= int(problem.coefficients()))
      free.insert(problem.parameters()[std::size_t(freedom.parameter[u])].name);
  Problems problems;
  for (const auto& [name, values] : options.start_grid)
    if (!free.contains(name) || values.empty())
      problems.push_back(fmt::format("--start-grid {}: expected values of a free shape parameter of {}: {}", name, law,
                                     fmt::join(free, ", ")));
  for (const auto& name : free)
    if (!options.start_grid.contains(name))
      problems.push_back(fmt::format("--start-grid: expected values of {} too", name));
  refuse_if(problems);
  std::vector<std::vector<double>> points{setting.theta};
  for (const auto& [name, values] : options.start_grid) {
    std::vector<std::vector<double>> more;
    const int u = freedom.variable[std::size_t(index_of(problem, name))];
    for (const auto& point : points)
      for (const double value : values) {
        more.push_back(point);
        for (std::size_t g = 0; g < point.size(); ++g)
          if (freedom.variable[g] == u)
            more.back()[g] = std::clamp(value, freedom.lower[std::size_t(u)], freedom.upper[std::size_t(u)]);
      }
    points = std::move(more);
  }
  return points;
}

}  // namespace vernier::fit
