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

/// `rows` behind those that are `present`, but those that are the same as one of them.
template <class Row, class Same>
std::vector<Row> with_new_rows(std::vector<Row> present, const std::vector<Row>& rows, Same same) {
  const auto count = static_cast<std::ptrdiff_t>(present.size());
  for (const Row& row : rows)
    if (std::none_of(present.begin(), present.begin() + count, [&](const Row& old) { return same(old, row); }))
      present.push_back(row);
  return present;
}

/// Writes a file of a run aside, flushes it and gives it its name.
void replace_file(const fs::path& folder, const std::string& name, const std::string& text) try {
  const fs::path aside = folder / fmt::format(".{}-{}", name, ::getpid());
  write_text(aside, text);
  flush(aside);
  fs::rename(aside, folder / name);
  flush(folder);
} catch (const fs::filesystem_error& problem) {
  throw Failure(fmt::format("run {}: {} could not be written: {}", folder.filename().string(), name, problem.what()));
}

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

void Store::add_post_trained(const std::string& id, const std::vector<PostTrained>& rows) const {
  const auto same = [](const PostTrained& a, const PostTrained& b) {
    return a.method == b.method && a.weights == b.weights;
  };
  const auto all = with_new_rows(read_named(folder_of(id), id).post_trained, rows, same);
  replace_file(folder_of(id), "ptq.csv", post_trained_text(all));
}

void Store::add_compressed(const std::string& id, const std::vector<Compressed>& rows) const {
  const auto same = [](const Compressed& a, const Compressed& b) { return a.task == b.task; };
  const auto all = with_new_rows(read_named(folder_of(id), id).compressed, rows, same);
  replace_file(folder_of(id), "compressed.csv", compressed_text(all));
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
    remove_old(folder_of(id), ".compressed.csv-");
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
