#include "plan/speeds.h"

#include <unistd.h>

#include <cmath>
#include <set>

#include "base/digest.h"
#include "store/files.h"

namespace fs = std::filesystem;

namespace vernier::plan {

Json SpeedBook::key_of(const Cohort& cohort, std::int64_t members) const {
  std::set<std::string> numbers;  // in one order, whichever order the members have
  for (const Member& member : cohort.members) numbers.insert(to_json(member.numbers).dump());
  return {{"host", machine_.host},
          {"device", machine_.device},
          {"threads", machine_.threads},
          {"version", VERNIER_VERSION},
          {"recipe", cohort.recipe},
          {"shape", to_json(cohort.shape)},
          {"batch", cohort.training.batch},
          {"exact", cohort.exact},
          {"numbers", numbers},
          {"members", members}};
}

fs::path SpeedBook::file_of(const Json& key) const { return folder_ / (digest_of(key.dump()).substr(0, 16) + ".json"); }

std::optional<double> SpeedBook::find(const Cohort& cohort, std::int64_t members) const try {
  const fs::path file = file_of(key_of(cohort, members));
  if (!fs::exists(file)) return std::nullopt;
  const double speed = Json::parse(text_of_file(file.string())).at("tokens_per_second");
  return std::isfinite(speed) && speed > 0 ? std::optional(speed) : std::nullopt;
} catch (const std::exception&) {
  return std::nullopt;  // a speed that cannot be read is measured again
}

void SpeedBook::add(const Cohort& cohort, std::int64_t members, double tokens_per_second) const try {
  Json entry = key_of(cohort, members);
  const fs::path file = file_of(entry), aside = fmt::format("{}.{}", file.string(), ::getpid());
  entry["tokens_per_second"] = tokens_per_second;
  fs::create_directories(folder_);
  store::write_text(aside, entry.dump(2) + "\n");
  fs::rename(aside, file);
} catch (const fs::filesystem_error& problem) {
  throw Failure(fmt::format("a measured speed could not be kept: {}", problem.what()));
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace vernier::plan
