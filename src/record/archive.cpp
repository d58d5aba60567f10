#include "record/archive.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

namespace vernier {

std::string place_in_file(const std::string& file, const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? file : fmt::format("{}:{}", file, mark.line + 1);  // yaml-cpp counts from zero
}

YamlReader::YamlReader(const YAML::Node& node, std::string file, std::string path, Problems& problems)
    : node_(node), file_(std::move(file)), path_(std::move(path)), problems_(problems) {
  if (!node_.IsMap()) {
    usable_ = false;
    ill_typed(node_, path_.empty() ? "document" : path_, "a map of keys");
    return;
  }
  std::vector<std::string> seen;  // yaml-cpp accepts a key given twice
  for (const auto& pair : node_) {
    const auto key = pair.first.as<std::string>("");
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      problems_.push_back(
          fmt::format("{}: {}: duplicate key; expected it once", place_in_file(file_, pair.first), place_of(key)));
    seen.push_back(key);
  }
}

YamlReader::~YamlReader() {
  if (!usable_) return;
  for (const auto& pair : node_) {
    const auto key = pair.first.as<std::string>("");
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end())
      problems_.push_back(fmt::format("{}: {}: unknown key; expected one of {}", place_in_file(file_, pair.first),
                                      place_of(key), fmt::join(asked_, ", ")));
  }
}

std::optional<YAML::Node> YamlReader::find(const char* key) {
  asked_.emplace_back(key);
  if (!usable_) return std::nullopt;
  for (const auto& pair : node_)
    if (pair.first.as<std::string>("") == key) return pair.second;
  return std::nullopt;
}

void YamlReader::missing(const char* key) {
  if (usable_)
    problems_.push_back(fmt::format("{}: {}: missing; expected this key", place_in_file(file_, node_), place_of(key)));
}

void YamlReader::ill_typed(const YAML::Node& node, const std::string& place, std::string_view expectation) {
  const std::string found = node.IsScalar()     ? fmt::format("'{}'", node.Scalar())
                            : node.IsSequence() ? "a list"
                            : node.IsMap()      ? "a map"
                                                : "nothing";
  problems_.push_back(
      fmt::format("{}: {}: expected {}, got {}", place_in_file(file_, node), place, expectation, found));
}

namespace {
std::optional<double> number_in(const YAML::Node& node) {
  if (!node.IsScalar()) return std::nullopt;
  const std::string& text = node.Scalar();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}
}  // namespace

void YamlReader::read(const YAML::Node& node, const std::string& place, bool& value) {
  if (node.IsScalar() && (node.Scalar() == "true" || node.Scalar() == "false"))
    value = node.Scalar() == "true";
  else
    ill_typed(node, place, "true or false");
}

void YamlReader::read(const YAML::Node& node, const std::string& place, std::int64_t& value) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) return;
  const auto number = number_in(node);  // 1e6 is a whole number too
  if (number && *number == std::floor(*number) && std::abs(*number) < 0x1p53)
    value = static_cast<std::int64_t>(*number);
  else
    ill_typed(node, place, "a whole number");
}

void YamlReader::read(const YAML::Node& node, const std::string& place, double& value) {
  if (const auto number = number_in(node); number && std::isfinite(*number))
    value = *number;
  else
    ill_typed(node, place, "a finite number");
}

void YamlReader::read(const YAML::Node& node, const std::string& place, std::string& value) {
  if (node.IsScalar() && !node.Scalar().empty())
    value = node.Scalar();
  else
    ill_typed(node, place, "a word");
}

YAML::Node parse_yaml(const std::string& text, const std::string& file) {
  try {
    return YAML::Load(text);
  } catch (const YAML::ParserException& problem) {
    throw Error(fmt::format("{}:{}: not YAML: {}", file, problem.mark.line + 1, problem.msg));
  }
}

namespace {
void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, element] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, element);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::BeginSeq;
    for (const auto& element : value) emit(out, element);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << value.get<std::string>();
  } else {
    out << value.dump();  // shortest digits that give the same number back
  }
}
}  // namespace

std::string yaml_text(const Json& object) {
  YAML::Emitter out;
  emit(out, object);
  return std::string(out.c_str()) + "\n";
}

std::string text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("{}: cannot be read; expected a file", path));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) throw Error(fmt::format("{}: cannot be read; expected a file", path));
  return text.str();
}

}  // namespace vernier
