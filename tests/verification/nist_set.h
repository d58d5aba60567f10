// One of NIST's data sets for non-linear regression, as tests/verification/nist/README.md describes the files.
#pragma once

#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "law/point.h"

namespace nist {

struct Set {
  std::array<std::vector<double>, 2> starts;
  std::vector<double> certified, deviations;  ///< values, and their standard deviations
  double rss = 0;                             ///< certified residual sum of squares
  std::vector<vernier::law::RunPoint> points;
};

inline std::string next_line(std::ifstream& file, const std::string& name) {
  std::string line;
  while (std::getline(file, line))
    if (!line.empty() && line[0] != '#') return line;
  throw vernier::Failure(name + ": ends too early");
}

/// The numbers after the first word of a line, or of all of it.
inline std::vector<double> numbers(const std::string& line, bool after_a_word) {
  std::vector<double> found;
  const char* at = line.c_str() + (after_a_word ? line.find(' ') : 0);
  for (char* end = nullptr;; at = end) {
    const double value = std::strtod(at, &end);
    if (end == at) return found;
    found.push_back(value);
  }
}

inline vernier::law::RunPoint point_of(const std::vector<double>& row) {
  vernier::law::RunPoint point;
  point.loss = row.at(0);
  point.params = row.at(1);
  point.tokens = row.size() > 2 ? row[2] : 1;
  return point;
}

/// NIST fits the logarithm of Nelson's response.
inline Set read_set(const std::string& name) {
  std::ifstream file(std::string(VERNIER_SOURCE_DIR "/tests/verification/nist/") + name + ".txt");
  Set set;
  const auto count = numbers(next_line(file, name), true).at(0);
  set.rss = numbers(next_line(file, name), true).at(0);
  for (int k = 0; k < int(count); ++k) {
    const auto line = numbers(next_line(file, name), true);
    for (std::size_t start : {0u, 1u}) set.starts[start].push_back(line.at(start));
    set.certified.push_back(line.at(2));
    set.deviations.push_back(line.at(3));
  }
  const auto rows = numbers(next_line(file, name), true).at(0);
  for (int i = 0; i < int(rows); ++i) set.points.push_back(point_of(numbers(next_line(file, name), false)));
  if (name == "Nelson")
    for (auto& point : set.points) point.loss = std::log(point.loss);
  return set;
}

/// Correct digits, -log10 of the relative error, at most the eleven that are certified.
inline double digits(double found, double certified) {
  const double error = std::abs(found - certified) / std::abs(certified);
  return std::isnan(error) ? 0 : std::min(11.0, -std::log10(std::max(error, 1e-300)));
}

}  // namespace nist
