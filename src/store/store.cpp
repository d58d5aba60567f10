#include "store/store.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "store/files.h"
#include "store/run_folder.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

/// Names of the folders that may be runs, ascending. Names with a dot in front are partial runs and claims.
std::vector<std::string> folder_names(const fs::path& store) {
  std::vector<std::string> names;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(store, problem)) {
    const std::string name = entry.path().filename().string();
    std::error_code gone;
    if (entry.is_directory(gone) && name[0] != '.') names.push_back(name);
  }
  if (problem)
    throw Error(fmt::format("{}: cannot be read: {}; expected a folder of runs", store.string(), problem.message()));
  std::sort(names.begin(), names.end());
  return names;
}

StoredRun read_named(const fs::path& folder, const std::string& name) {
  StoredRun run = read_run_files(folder);
  if (run.id != name)
    throw Error(
        fmt::format("{}: holds the run {}; expected the name of a folder to be the run's id", folder.string(), run.id));
  return run;
}

/// Moves a broken folder out of the way of a good run, to the first free name.
void move_aside(const fs::path& folder) {
  for (int k = 1;; ++k) {
    const fs::path aside = fmt::format("{}.broken-{}", folder.string(), k);
    if (fs::exists(aside)) continue;
    fs::rename(folder, aside);
    return;
  }
}

/// A folder that is removed again unless it was published.
struct Partial {
  fs::path folder;
  explicit Partial(fs::path path) : folder(std::move(path)) {
    fs::remove_all(folder);  // of an earlier process that had this number
    fs::create_directories(folder);
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  ~Partial() {
    std::error_code ignored;  // whatever stays is no run
    fs::remove_all(folder, ignored);
  }
};

void check_readable(const StoredRun& run, const fs::path& folder) {
  try {
    read_named(folder, run.id);
  } catch (const Error& problem) {
    throw Failure(fmt::format("run {} cannot be read back: {}", run.id, problem.what()));
  }
}

}  // namespace

bool Store::has(const std::string& id) const {
  try {
    read_named(folder_of(id), id);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<std::string> Store::done_ids() const {
  if (!fs::exists(path_)) return {};
  std::vector<std::string> ids = folder_names(path_);
  std::erase_if(ids, [&](const std::string& id) { return !has(id); });
  return ids;
}

void Store::publish(const StoredRun& run, const std::function<void(const fs::path&)>& add_files) const try {
  if (has(run.id)) return;
  const fs::path folder = folder_of(run.id);
  const Partial partial(path_ / fmt::format(".partial-{}-{}", run.id, ::getpid()));
  write_run_files(run, partial.folder);
  if (add_files) add_files(partial.folder);
  check_readable(run, partial.folder);
  flush_all(partial.folder);
  if (fs::exists(folder) && !has(run.id)) move_aside(folder);
  std::error_code taken;  // by another process meanwhile: rename() replaces no folder that holds something
  fs::rename(partial.folder, folder, taken);
  if (taken && !has(run.id))
    throw Failure(fmt::format("{}: could not be published: {}", folder.string(), taken.message()));
  flush(path_);
} catch (const fs::filesystem_error& problem) {
  throw Failure(fmt::format("run {} could not be published: {}", run.id, problem.what()));
}

void Store::add_post_trained(const std::string& id, const std::vector<PostTrained>& rows) const try {
  std::vector<PostTrained> all = read_named(folder_of(id), id).post_trained;
  const std::size_t present = all.size();
  for (const PostTrained& row : rows)
    if (std::none_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(present),
                     [&](const PostTrained& old) { return old.method == row.method && old.weights == row.weights; }))
      all.push_back(row);
  const fs::path aside = folder_of(id) / fmt::format(".ptq.csv-{}", ::getpid());
  write_text(aside, post_trained_text(all));
  flush(aside);
  fs::rename(aside, folder_of(id) / "ptq.csv");
  flush(folder_of(id));
} catch (const fs::filesystem_error& problem) {
  throw Failure(fmt::format("run {}: ptq.csv could not be written: {}", id, problem.what()));
}

void Store::remove_leftovers(const std::vector<std::string>& ids, const Claim& claim) const {
  std::error_code ignored;  // what stays is no run
  const auto since = fs::last_write_time(claim.file_, ignored);
  if (ignored) return;
  const auto remove_old = [&](const fs::path& folder, const std::string& prefix) {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(folder, gone))
      if (entry.path().filename().string().starts_with(prefix) && fs::last_write_time(entry.path(), gone) < since &&
          !gone)
        fs::remove_all(entry.path(), gone);
  };
  for (const std::string& id : ids) {
    remove_old(path_, fmt::format(".partial-{}-", id));
    remove_old(folder_of(id), ".ptq.csv-");
  }
}

Store open_store(const fs::path& path) {
  make_writable_folder(path, "the store");
  return Store(path);
}

std::vector<StoredRun> read_runs(const fs::path& path, std::vector<Broken>& broken) {
  std::vector<StoredRun> runs;
  for (const std::string& name : folder_names(path)) {
    try {
      runs.push_back(read_named(path / name, name));
    } catch (const std::exception& problem) {
      broken.push_back({name, problem.what()});
    }
  }
  return runs;
}

StoredRun read_run(const fs::path& folder) {
  const fs::path plain = folder.filename().empty() ? folder.parent_path() : folder;  // "runs/abc/"
  return read_run_files(plain);
}

}  // namespace vernier::store
