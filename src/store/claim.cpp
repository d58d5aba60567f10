// Claims are flock()ed files: the kernel drops the lock when its process dies, so nothing is ever left claimed.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "store/store.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

constexpr int kTries = 10;  // of one claim; a process that only looks holds the lock for some microseconds

fs::path claim_file(const fs::path& store, const std::string& name) {
  const bool plain =
      !name.empty() && name[0] != '.' && name.size() < 200 && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
      });
  return store / ".claims" / (plain ? name : digest_of(name));
}

/// Whoever releases a claim removes its file, so a lock on a file that is no longer there claims nothing.
bool still_there(int descriptor, const fs::path& file) {
  struct stat held {
  }, named{};
  return ::fstat(descriptor, &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

Claim::Claim(Claim&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), owner_(other.owner_), file_(std::move(other.file_)) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
    owner_ = other.owner_;
    file_ = std::move(other.file_);
  }
  return *this;
}

Claim::~Claim() { release(); }

void Claim::release() noexcept {
  if (descriptor_ < 0) return;
  if (owner_ == ::getpid()) ::unlink(file_.c_str());  // a forked child only has a copy
  ::close(descriptor_);
  descriptor_ = -1;
}

std::optional<Claim> Store::claim(const std::string& name) const {
  const fs::path file = claim_file(path_, name);
  std::error_code problem;
  fs::create_directory(file.parent_path(), problem);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) throw Failure(fmt::format("{}: cannot be claimed: {}", file.string(), std::strerror(errno)));
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && still_there(descriptor, file)) {
      ::futimens(descriptor,
                 nullptr);  // the file may be older, of a process that died; its time says since when we hold
      return Claim(descriptor, ::getpid(), file);
    }
    ::close(descriptor);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

bool Store::is_claimed(const std::string& name) const {
  const int descriptor = ::open(claim_file(path_, name).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return held;
}

}  // namespace vernier::store
