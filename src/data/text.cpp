#include "data/text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/digest.h"
#include "record/archive.h"

namespace vernier::data {

namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kLeastBytes = 1024;  ///< of each part: enough that any window of use fits

/// The file itself, or a folder's *.txt files in order of their names.
std::vector<fs::path> files_at(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::int64_t cut_of(std::int64_t size, double validation_share) {
  return size - static_cast<std::int64_t>(validation_share * static_cast<double>(size));
}

std::int64_t windows_in(std::string_view bytes, std::int64_t context) {
  return std::max<std::int64_t>(0, (static_cast<std::int64_t>(bytes.size()) - 1) / context);
}

std::int64_t spans_in(std::string_view bytes, std::int64_t prefix, std::int64_t answer) {
  return std::max<std::int64_t>(0, (static_cast<std::int64_t>(bytes.size()) - prefix) / answer);
}

void write_tokens(std::string_view bytes, std::int64_t from, std::int64_t count, std::uint16_t* tokens) {
  const char* begin = bytes.data() + from;
  std::transform(begin, begin + count, tokens, [](char byte) { return static_cast<unsigned char>(byte); });
}

/// Sizes only, so that checking an experiment does not read a whole corpus.
void check_sizes(const TextSpec& spec, const std::vector<fs::path>& files, Problems& found) {
  std::int64_t train = 0, validation = 0;
  for (const auto& file : files) {
    const auto size = static_cast<std::int64_t>(fs::file_size(file));
    const std::int64_t cut = cut_of(size, spec.validation_share);
    train += cut;
    validation += size - cut;
  }
  if (std::min(train, validation) < kLeastBytes)
    found.push_back(
        fmt::format("path: expected at least {} bytes each for training and validation, got {} and {} in {}",
                    kLeastBytes, train, validation, spec.path));
}
}  // namespace

Problems problems(const TextSpec& spec) {
  Problems found;
  expect(found, spec.validation_share > 0 && spec.validation_share <= 0.5, "validation_share",
         "a share above 0 and at most 0.5", spec.validation_share);
  std::error_code failed;
  if (!fs::exists(spec.path, failed)) {
    expect(found, false, "path", "a text file, or a folder with *.txt files",
           fmt::format("nothing at '{}'", spec.path));
    return found;
  }
  try {
    const auto files = files_at(spec.path);
    for (const auto& file : files)
      if (!std::ifstream(file).good())
        expect(found, false, "path", "a file that can be read", fmt::format("'{}', which cannot", file.string()));
    if (files.empty())
      expect(found, false, "path", "a folder with *.txt files", fmt::format("none in '{}'", spec.path));
    else if (found.empty())
      check_sizes(spec, files, found);
  } catch (const fs::filesystem_error& error) {
    expect(found, false, "path", "a text file or folder that can be read", error.what());
  }
  return found;
}

Text::Text(const TextSpec& spec) {
  refuse_if(problems(spec));
  Digest digest;
  digest.add("text\n");
  for (const auto& path : files_at(spec.path)) {
    File file{text_of_file(path.string()), 0};
    file.cut = cut_of(static_cast<std::int64_t>(file.bytes.size()), spec.validation_share);
    digest.add(fmt::format("{} {}\n", file.bytes.size(), file.cut));
    digest.add(file.bytes);
    files_.push_back(std::move(file));
  }
  digest_ = digest.hex();
}

std::string_view Text::part_of(const File& file, Part part) const {
  const auto cut = static_cast<std::size_t>(file.cut);
  const std::string_view bytes = file.bytes;
  return part == Part::Train ? bytes.substr(0, cut) : bytes.substr(cut);
}

std::int64_t Text::windows(Part part, std::int64_t context) const {
  std::int64_t count = 0;
  for (const File& file : files_) count += windows_in(part_of(file, part), context);
  return count;
}

void Text::window(Part part, std::int64_t index, std::int64_t context, std::uint16_t* tokens) const {
  const Stream order = Stream(0).child(digest_).child(part == Part::Train ? "train" : "validation");
  std::int64_t left = shuffled(index, windows(part, context), order);
  for (const File& file : files_) {
    const std::string_view bytes = part_of(file, part);
    const std::int64_t here = windows_in(bytes, context);
    if (left < here) return write_tokens(bytes, left * context, context + 1, tokens);
    left -= here;
  }
}

std::int64_t Text::spans(Part part, std::int64_t prefix, std::int64_t answer) const {
  std::int64_t count = 0;
  for (const File& file : files_) count += spans_in(part_of(file, part), prefix, answer);
  return count;
}

void Text::span(Part part, std::int64_t index, std::int64_t prefix, std::int64_t answer, std::uint16_t* tokens) const {
  std::int64_t left = index;
  for (const File& file : files_) {
    const std::string_view bytes = part_of(file, part);
    const std::int64_t here = spans_in(bytes, prefix, answer);
    if (left < here) return write_tokens(bytes, left * answer, prefix + answer, tokens);
    left -= here;
  }
}

std::int64_t shuffled(std::int64_t index, std::int64_t count, const Stream& stream) {
  int half = 1;
  while ((std::int64_t{1} << (2 * half)) < count) ++half;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  auto place = static_cast<std::uint64_t>(index);
  do {
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t left = place >> half, right = place & mask;
      place = (right << half) | (left ^ (stream.child(round).bits(right) & mask));
    }
  } while (place >= static_cast<std::uint64_t>(count));
  return static_cast<std::int64_t>(place);
}

}  // namespace vernier::data
