// Small help with files that must be wholly there or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace vernier::store {

/// Writes a whole file; throws Failure with the system's reason.
void write_text(const std::filesystem::path& file, std::string_view text);

/// Flushes a file or a folder's list of names to disk; throws Failure.
void flush(const std::filesystem::path& path);

/// flush() for everything below a folder, then for the folder.
void flush_all(const std::filesystem::path& folder);

/// Creates `folder` with its parents. Throws Error where it is a file or cannot be written; `what` is what the user
/// calls it.
void make_writable_folder(const std::filesystem::path& folder, std::string_view what);

}  // namespace vernier::store
