#include "plan/findings.h"

#include <algorithm>
#include <charconv>

#include "plan/overrides.h"
#include "record/archive.h"

namespace vernier::plan {

namespace {

/// The key of "file:line: key: ...", or "" where there is none.
std::string key_in(const std::string& problem, const std::string& file) {
  if (!problem.starts_with(file)) return "";
  const std::size_t begin = problem.find(": ", file.size());
  if (begin == std::string::npos) return "";
  const std::size_t end = problem.find(": ", begin + 2);
  return end == std::string::npos ? "" : problem.substr(begin + 2, end - begin - 2);
}

/// True for a = b, and where b lies inside a.
bool holds(const std::string& a, const std::string& b) {
  return b.starts_with(a) && (b.size() == a.size() || b[a.size()] == '.' || b[a.size()] == '[');
}

/// The value of one key, by walking: a look-up in a const node of yaml-cpp throws where it finds nothing.
YAML::Node child_of(const YAML::Node& node, const std::string& key) {
  std::size_t index = 0;
  for (const auto& element : node) {
    if (node.IsMap() && element.first.as<std::string>("") == key) return element.second;
    if (node.IsSequence() && std::to_string(index++) == key) return element;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

/// Line of "file:line: ...", 0 where there is none.
int line_in(const std::string& problem, const std::string& file) {
  int line = 0;
  if (problem.starts_with(file + ":"))
    std::from_chars(problem.data() + file.size() + 1, problem.data() + problem.size(), line);
  return line;
}

}  // namespace

Findings::Findings(YAML::Node document, std::string file, Problems structural)
    : document_(std::move(document)), file_(std::move(file)), problems_(std::move(structural)) {
  for (const auto& problem : problems_)
    if (auto key = key_in(problem, file_); !key.empty()) keys_.push_back(std::move(key));
}

bool Findings::sound(const std::string& key) const {
  return std::none_of(keys_.begin(), keys_.end(), [&](const auto& bad) { return holds(bad, key) || holds(key, bad); });
}

std::string Findings::place_of(const std::string& key) const {
  YAML::Node node = document_;
  for (const auto& part : keys_of(key)) {
    const YAML::Node child = child_of(node, part);
    if (!child.IsDefined()) break;
    node.reset(child);
  }
  return place_in_file(file_, node);
}

void Findings::add(const std::string& key, const std::string& problem) {
  problems_.push_back(fmt::format("{}: {}: {}", place_of(key), key, problem));
  keys_.push_back(key);
}

void Findings::add_inside(const std::string& key, const Problems& problems) {
  for (const auto& problem : problems) {
    const std::size_t colon = problem.find(": ");
    add(fmt::format("{}.{}", key, problem.substr(0, colon)),
        colon == std::string::npos ? "cannot be used" : problem.substr(colon + 2));
  }
}

Problems Findings::problems() const {
  Problems sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto& a, const auto& b) { return line_in(a, file_) < line_in(b, file_); });
  return sorted;
}

}  // namespace vernier::plan
