// A configuration lists its fields once, in `template <class Archive> void fields(Archive& a)`; the archives here turn
// that one list into JSON, YAML and back. `a("key", value)` is a key that must be there, `a.optional("key", value)` one
// that may be absent: reading then keeps the value it has, and an empty std::optional is not written.
#pragma once

#include <yaml-cpp/yaml.h>

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace vernier {

using Json = nlohmann::ordered_json;

namespace archive {
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
}  // namespace archive

/// Writes fields into a JSON object, in their order.
class JsonWriter {
 public:
  template <class T>
  void operator()(const char* key, const T& value) {
    if constexpr (archive::IsOptional<T>::value) {
      if (value) object_[key] = to_json(*value);
    } else {
      object_[key] = to_json(value);
    }
  }
  template <class T>
  void optional(const char* key, const T& value) {
    (*this)(key, value);
  }

  template <class T>
  static Json to_json(const T& value) {
    if constexpr (archive::IsVector<T>::value) {
      Json list = Json::array();
      for (const auto& element : value) list.push_back(to_json(element));
      return list;
    } else if constexpr (requires(T & t, JsonWriter & a) { t.fields(a); }) {
      JsonWriter writer;
      const_cast<T&>(value).fields(writer);  // fields() is one list for reading and writing; writing does not change it
      return writer.object_;
    } else {
      return Json(value);
    }
  }

 private:
  Json object_ = Json::object();
};

/// The fields of `value` as one JSON object.
template <class T>
Json to_json(const T& value) {
  return JsonWriter::to_json(value);
}

/// Reads YAML (and so JSON) strictly: unknown, missing, duplicate and ill-typed keys become problems, each with file,
/// line, key, what was found and what was expected; the value read keeps its default there.
class YamlReader {
 public:
  YamlReader(const YAML::Node& node, std::string file, std::string path, Problems& problems);
  ~YamlReader();  ///< reports the keys that no field asked for
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  template <class T>
  void operator()(const char* key, T& value) {
    if (const auto node = find(key))
      read(*node, place_of(key), value);
    else if (!archive::IsOptional<T>::value)
      missing(key);
  }
  template <class T>
  void optional(const char* key, T& value) {
    if (const auto node = find(key)) read(*node, place_of(key), value);
  }

 private:
  std::optional<YAML::Node> find(const char* key);
  std::string place_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  void missing(const char* key);
  void ill_typed(const YAML::Node& node, const std::string& place, std::string_view expectation);

  void read(const YAML::Node& node, const std::string& place, bool& value);
  void read(const YAML::Node& node, const std::string& place, std::int64_t& value);
  void read(const YAML::Node& node, const std::string& place, double& value);
  void read(const YAML::Node& node, const std::string& place, std::string& value);
  template <class T>
  void read(const YAML::Node& node, const std::string& place, std::optional<T>& value) {
    T found{};
    read(node, place, found);
    value = found;
  }
  template <class T>
  void read(const YAML::Node& node, const std::string& place, std::vector<T>& value) {
    if (!node.IsSequence()) return ill_typed(node, place, "a list");
    value.assign(node.size(), T{});
    for (std::size_t i = 0; i < node.size(); ++i) {
      T element{};
      read(node[i], fmt::format("{}[{}]", place, i), element);
      value[i] = element;
    }
  }
  template <class T>
  requires requires(T& t, YamlReader& a) { t.fields(a); }
  void read(const YAML::Node& node, const std::string& place, T& value) {
    YamlReader reader(node, file_, place, problems_);
    if (reader.usable_) value.fields(reader);
  }

  YAML::Node node_;
  std::string file_, path_;
  Problems& problems_;
  std::vector<std::string> asked_;
  bool usable_ = true;
};

/// "file:line" of a node; "file" alone where the node has no place in a file (a --set override).
std::string place_in_file(const std::string& file, const YAML::Node& node);

/// Reads a value from YAML or JSON text. `file` is the name used in problems.
template <class T>
void read_fields(const YAML::Node& node, const std::string& file, T& value, Problems& problems) {
  YamlReader reader(node, file, "", problems);
  value.fields(reader);
}

/// Parses YAML text; throws Error with file and line where it is not YAML.
YAML::Node parse_yaml(const std::string& text, const std::string& file);

/// The value that YAML or JSON text holds; throws Error with every problem.
template <class T>
T value_from_text(const std::string& text, const std::string& file) {
  T value;
  Problems problems;
  read_fields(parse_yaml(text, file), file, value, problems);
  refuse_if(problems);
  return value;
}

/// YAML in block style, keys in order, of an object made by to_json.
std::string yaml_text(const Json& object);

/// A whole file as text; throws Error naming the file where it cannot be read.
std::string text_of_file(const std::string& path);

}  // namespace vernier
