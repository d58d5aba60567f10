// Speeds of training that were measured on a machine, kept in the store so that no start measures them again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "plan/cohorts.h"
#include "record/archive.h"

namespace vernier::plan {

/// What a speed depends on beside the work.
struct MachineName {
  std::string host, device;
  std::int64_t threads = 0;
};

/// One file per measurement in <store>/.speeds, named by a digest of what it depends on: machine, version, shape,
/// batch, recipe, the numbers in the cohort and how many members are trained at the same time.
class SpeedBook {
 public:
  SpeedBook(const std::filesystem::path& store, MachineName machine)
      : folder_(store / ".speeds"), machine_(std::move(machine)) {}

  /// Tokens per second, summed over members; absent where not measured.
  std::optional<double> find(const Cohort& cohort, std::int64_t members) const;

  /// Throws Failure where the file cannot be written.
  void add(const Cohort& cohort, std::int64_t members, double tokens_per_second) const;

 private:
  Json key_of(const Cohort& cohort, std::int64_t members) const;
  std::filesystem::path file_of(const Json& key) const;
  std::filesystem::path folder_;
  MachineName machine_;
};

/// The name by which this machine knows itself; "unknown" where it has none.
std::string host_name();

}  // namespace vernier::plan
