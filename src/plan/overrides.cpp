#include "plan/overrides.h"

#include <charconv>
#include <optional>
#include <span>

#include "record/archive.h"

namespace vernier::plan {

namespace {

std::optional<std::size_t> index_in(const std::string& key) {
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (problem != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return index;
}

/// The same value without marks: lines of a command line would read as lines of the file.
YAML::Node unmarked(const YAML::Node& node) {
  if (node.IsScalar()) return YAML::Node(node.Scalar());
  YAML::Node copy(node.Type());
  for (const auto& element : node) {
    if (node.IsMap())
      copy.force_insert(unmarked(element.first), unmarked(element.second));
    else
      copy.push_back(unmarked(element));
  }
  return copy;
}

YAML::Node replaced(const YAML::Node& node, std::span<const std::string> keys, const YAML::Node& value);

/// A copy of a list with one element replaced; the others stay the nodes they are, with their places.
YAML::Node replaced_in_list(const YAML::Node& list, std::span<const std::string> keys, const YAML::Node& value) {
  const auto index = index_in(keys[0]);
  if (!index || *index > list.size())
    throw Error(fmt::format("expected an index up to {} into this list, got '{}'", list.size(), keys[0]));
  YAML::Node copy(YAML::NodeType::Sequence);
  for (std::size_t i = 0; i < list.size(); ++i)
    copy.push_back(i == *index ? replaced(list[i], keys.subspan(1), value) : list[i]);
  if (*index == list.size()) copy.push_back(replaced(YAML::Node(), keys.subspan(1), value));
  return copy;
}

/// The same of a map. Keys are walked rather than looked up, so that a key given twice is still there to be refused.
YAML::Node replaced_in_map(const YAML::Node& map, std::span<const std::string> keys, const YAML::Node& value) {
  YAML::Node copy(YAML::NodeType::Map);
  bool found = false;
  for (const auto& pair : map) {
    const bool here = !found && pair.first.as<std::string>("") == keys[0];
    found = found || here;
    copy.force_insert(pair.first, here ? replaced(pair.second, keys.subspan(1), value) : pair.second);
  }
  if (!found) copy.force_insert(YAML::Node(keys[0]), replaced(YAML::Node(), keys.subspan(1), value));
  return copy;
}

YAML::Node replaced(const YAML::Node& node, std::span<const std::string> keys, const YAML::Node& value) {
  if (keys.empty()) return value;
  if (node.IsSequence()) return replaced_in_list(node, keys, value);
  if (node.IsScalar())
    throw Error(fmt::format("expected a map or a list to hold '{}', got '{}'", keys[0], node.Scalar()));
  return replaced_in_map(node, keys, value);
}

}  // namespace

std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> keys(1);
  for (const char c : path) {
    if (c == '.' || c == '[')
      keys.emplace_back();
    else if (c != ']')
      keys.back() += c;
  }
  return keys;
}

YAML::Node with_override(const YAML::Node& document, const std::string& assignment, Problems& problems) {
  const std::string place = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  const auto keys = keys_of(std::string_view(assignment).substr(0, equals));
  bool named = equals != std::string::npos;
  for (const auto& key : keys) named = named && !key.empty();
  if (!named) {
    problems.push_back(fmt::format("{}: expected key.path=value", place));
    return document;
  }
  try {
    return replaced(document, keys, unmarked(parse_yaml(assignment.substr(equals + 1), "value")));
  } catch (const Error& problem) {
    problems.push_back(fmt::format("{}: {}", place, problem.what()));
    return document;
  }
}

}  // namespace vernier::plan
