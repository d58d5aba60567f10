// The run store (DESIGN.md, section 6): one write-once folder per run, written aside, flushed and renamed, so whoever
// can see a run sees all of it. The path of a store is the folder that holds the runs. No server; several processes may
// share one.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record/run_record.h"

namespace vernier::store {

/// A folder in the store that is no complete run. It is reported, kept, and never counted.
struct Broken {
  std::string folder;  ///< its name inside the store
  std::string why;
};

/// The right to work on something (a cohort, usually) until this value or its process ends, however it ends.
class Claim {
 public:
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim();  ///< releases

 private:
  friend class Store;
  Claim(int descriptor, int owner, std::filesystem::path file)
      : descriptor_(descriptor), owner_(owner), file_(std::move(file)) {}
  void release() noexcept;
  int descriptor_ = -1;
  int owner_ = 0;  ///< the process that claimed
  std::filesystem::path file_;
};

class Store {
 public:
  /// Looks at `path` and creates nothing; a folder that is absent is a store without runs. See open_store for writing.
  explicit Store(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }

  /// Where the run `id` lies, whether or not it is there.
  std::filesystem::path folder_of(const std::string& id) const { return path_ / id; }

  /// True when the run is complete and can be read (also where it diverged). A broken folder is not a run.
  bool has(const std::string& id) const;

  /// Ids of all runs for which has() is true, ascending.
  std::vector<std::string> done_ids() const;

  /// Writes the run under its id: spec.yaml, record.json, curve.csv and what `add_files` puts into the folder it is
  /// given (checkpoint/, say). All is written to .partial-<id>-<pid>, read back, flushed to disk and renamed. A run
  /// that is already there is kept and this one dropped; a broken folder of that name is moved to <id>.broken-<k>
  /// first. Throws Failure where the files cannot be written, and where the run cannot be read back as the run
  /// `run.id`.
  void publish(const StoredRun& run,
               const std::function<void(const std::filesystem::path& folder)>& add_files = {}) const;

  /// Adds rows to the ptq.csv of a run that is there, written aside, flushed and renamed. A row that it has for the
  /// same method and weights is kept. Throws Error where the run cannot be read, Failure where the file cannot be
  /// written.
  void add_post_trained(const std::string& id, const std::vector<PostTrained>& rows) const;

  /// The same for compressed.csv, whose rows are told apart by their tasks.
  void add_compressed(const std::string& id, const std::vector<Compressed>& rows) const;

  /// Removes what killed processes left behind of these runs: partial folders and files older than `claim`, which must
  /// be on what whoever publishes these runs claims, so that no living process is at work on them.
  void remove_leftovers(const std::vector<std::string>& ids, const Claim& claim) const;

  /// Claims `name` for this process; absent when somebody holds it, this process included. The store must exist.
  std::optional<Claim> claim(const std::string& name) const;

  /// True when a living process holds `name`.
  bool is_claimed(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

/// A store to write to, created with its parents where absent. Throws Error when `path` is a file or cannot be written.
Store open_store(const std::filesystem::path& path);

/// All complete runs with their curves, in order of id. Folders that are no complete run go to `broken`: a file is
/// missing or ill-formed, or the folder's name is not the run_id of what it holds. Throws Error when `path` is no
/// folder.
std::vector<StoredRun> read_runs(const std::filesystem::path& path, std::vector<Broken>& broken);

/// One run; throws Error naming file and line where the folder is no complete run.
StoredRun read_run(const std::filesystem::path& folder);

}  // namespace vernier::store
