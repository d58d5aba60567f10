#include "store/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "base/error.h"

namespace fs = std::filesystem;

namespace vernier::store {

void write_text(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) throw Failure(fmt::format("{}: could not be written: {}", file.string(), std::strerror(errno)));
}

void flush(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!flushed)
    throw Failure(fmt::format("{}: could not be flushed to disk: {}", path.string(), std::strerror(reason)));
}

void flush_all(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() || entry.is_directory()) flush(entry.path());
  flush(folder);
}

void make_writable_folder(const fs::path& folder, std::string_view what) {
  std::error_code problem;
  if (fs::exists(folder, problem) && !fs::is_directory(folder, problem))
    throw Error(fmt::format("{}: {} is a file; expected a folder", folder.string(), what));
  fs::create_directories(folder, problem);
  if (problem) throw Error(fmt::format("{}: {} cannot be created: {}", folder.string(), what, problem.message()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(fmt::format("{}: {} cannot be written: {}", folder.string(), what, std::strerror(errno)));
}

}  // namespace vernier::store
