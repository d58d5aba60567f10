// Problems of a YAML document that come with the line of the key that they are about.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace vernier::plan {

class Findings {
 public:
  /// `structural` are the problems that reading already found; what they are about is not judged again.
  Findings(YAML::Node document, std::string file, Problems structural);

  /// True when neither `key`, nor anything that holds it or that it holds, has a problem yet.
  bool sound(const std::string& key) const;

  /// Adds "file:line: key: problem".
  void add(const std::string& key, const std::string& problem);

  /// Adds problems that each begin with their key inside `key` and ": "; one without ": " is a key that cannot be used.
  void add_inside(const std::string& key, const Problems& problems);

  /// Adds "key: expected <expectation>, got <value>" unless `holds`; says nothing about a key that is not sound.
  template <class Value>
  bool expect(const std::string& key, bool holds, std::string_view expectation, const Value& value) {
    if (!sound(key)) return false;
    if (!holds) add(key, fmt::format("expected {}, got {}", expectation, value));
    return holds;
  }

  /// In the order of the file's lines; those without a line come first.
  Problems problems() const;

 private:
  std::string place_of(const std::string& key) const;

  YAML::Node document_;
  std::string file_;
  Problems problems_;
  std::vector<std::string> keys_;  ///< that have problems
};

}  // namespace vernier::plan
