#include "sweep/saved.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "record/archive.h"
#include "store/files.h"
#include "train/safetensors.h"

namespace fs = std::filesystem;

namespace vernier::sweep {

namespace {

constexpr const char *kEnd = ".safetensors", *kPreviousEnd = ".previous.safetensors";
constexpr const char* kParts[] = {".weights", ".first_moment", ".second_moment"};
using Metadata = std::map<std::string, std::string>;

at::Tensor& part_of(train::MemberState& member, std::size_t part) {
  return part == 0 ? member.weights_P : part == 1 ? member.first_moment_P : member.second_moment_P;
}

/// A row of the curve, as long as it has something to say.
Json row_of(const CurvePoint& p) {
  Json row = {p.step, p.tokens, p.learning_rate, p.loss_train, p.gradient_norm};
  if (p.loss_val) row.push_back(*p.loss_val);
  if (p.loss_val && p.cloze)
    for (const double value : {p.cloze->loss, p.cloze->loss_se, p.cloze->accuracy, p.cloze->accuracy_se})
      row.push_back(value);
  return row;
}

CurvePoint point_of(const Json& row) {
  CurvePoint p{row.at(0), row.at(1), row.at(2), row.at(3), std::nullopt, row.at(4)};
  if (row.size() > 5) p.loss_val = row.at(5).get<double>();
  if (row.size() > 6) p.cloze = TaskResult{row.at(6), row.at(7), row.at(8), row.at(9)};
  return p;
}

/// The parts of a member that are no tensors.
Json notes_of(const train::MemberState& member, double seconds) {
  Json notes = {{"loss_sum", member.loss_sum},
                {"loss_count", member.loss_count},
                {"last_rate", member.last_rate},
                {"last_norm", member.last_norm},
                {"seconds", seconds},
                {"curve", Json::array()}};
  if (member.diverged_at) notes["diverged_at"] = *member.diverged_at;
  for (const CurvePoint& p : member.curve) notes["curve"].push_back(row_of(p));
  return notes;
}

void read_notes(const Json& notes, train::MemberState& member) {
  member.loss_sum = notes.at("loss_sum");
  member.loss_count = notes.at("loss_count");
  member.last_rate = notes.at("last_rate");
  member.last_norm = notes.at("last_norm");
  if (notes.contains("diverged_at")) member.diverged_at = notes["diverged_at"].get<std::int64_t>();
  for (const Json& row : notes.at("curve")) member.curve.push_back(point_of(row));
}

/// Of the step, the notes and every tensor with its name.
std::string digest_of_all(const train::NamedTensors& tensors, const Metadata& metadata) {
  Digest digest;
  digest.add(metadata.at("step") + "\n" + metadata.at("members") + "\n");
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.to(at::kCPU).contiguous();
    digest.add(name + "\n");
    digest.add(plain.const_data_ptr<float>(), static_cast<std::size_t>(plain.numel()) * sizeof(float));
  }
  return digest.hex();
}

/// One file per set of members: where waves become smaller, those that wait find their state in the file of the old.
fs::path file_of(const SavedPlace& place, const std::vector<std::string>& names, const char* end = kEnd) {
  return place.folder /
         fmt::format("{}-{}{}", place.what, digest_of(fmt::format("{}", fmt::join(names, " "))).substr(0, 16), end);
}

/// Every whole file of this state, those to fall back to included.
std::vector<fs::path> files_of(const SavedPlace& place) {
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(place.folder, absent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(place.what + "-") && name.ends_with(kEnd)) files.push_back(entry.path());
  }
  std::sort(files.rbegin(), files.rend());  // a file before the one that it replaced
  return files;
}

/// What a file says that it holds.
struct Claimed {
  fs::path file;
  std::int64_t step;
  std::set<std::string> names;
};

/// Kept for whoever wants to know, under a name that nothing continues from.
void put_aside(const fs::path& file, const std::exception& problem) {
  const fs::path aside = file.string() + ".damaged";
  spdlog::warn("{}: cannot be continued from, kept as {}: {}", file.string(), aside.filename().string(),
               problem.what());
  std::error_code taken;
  fs::rename(file, aside, taken);
}

std::vector<Claimed> claimed_by(const SavedPlace& place) {
  std::vector<Claimed> all;
  for (const fs::path& file : files_of(place)) try {
      const Metadata metadata = train::read_safetensors_metadata(file);
      Claimed claimed{file, std::stoll(metadata.at("step")), {}};
      const Json members = Json::parse(metadata.at("members"));
      for (const auto& [name, notes] : members.items()) claimed.names.insert(name);
      all.push_back(std::move(claimed));
    } catch (const std::exception& problem) {
      put_aside(file, problem);
    }
  return all;
}

Saved read(const fs::path& path, const std::vector<std::string>& names, at::Device device) {
  const train::SafetensorsFile file = train::read_safetensors(path);
  const std::string said = file.metadata.at("digest"), found = digest_of_all(file.tensors, file.metadata);
  if (said != found) throw Error(fmt::format("its content has the digest {}; expected {}", found, said));
  const std::map<std::string, at::Tensor> tensors(file.tensors.begin(), file.tensors.end());
  const Json notes = Json::parse(file.metadata.at("members"));
  Saved saved;
  saved.state.step = std::stoll(file.metadata.at("step"));
  for (const std::string& name : names) {
    train::MemberState member;
    for (std::size_t part = 0; part < std::size(kParts); ++part)
      part_of(member, part) = tensors.at(name + kParts[part]).to(device);
    read_notes(notes.at(name), member);
    saved.state.members.push_back(std::move(member));
    saved.seconds.push_back(notes.at(name).at("seconds"));
  }
  return saved;
}

/// The old file steps back only once the new one is whole.
void put_in_place(const fs::path& aside, const SavedPlace& place, const std::vector<std::string>& names) {
  const fs::path file = file_of(place, names);
  if (fs::exists(file)) fs::rename(file, file_of(place, names, kPreviousEnd));
  fs::rename(aside, file);
  store::flush(place.folder);
}

}  // namespace

void save(const SavedPlace& place, const std::vector<std::string>& names, const Saved& saved) try {
  fs::create_directories(place.folder);
  train::NamedTensors tensors;
  Json notes = Json::object();
  for (std::size_t k = 0; k < names.size(); ++k) {
    train::MemberState member = saved.state.members[k];
    for (std::size_t part = 0; part < std::size(kParts); ++part)
      tensors.emplace_back(names[k] + kParts[part], part_of(member, part));
    notes[names[k]] = notes_of(member, saved.seconds[k]);
  }
  Metadata metadata{{"step", std::to_string(saved.state.step)}, {"members", notes.dump()}};
  metadata["digest"] = digest_of_all(tensors, metadata);
  const fs::path aside = file_of(place, names, ".partial");
  train::write_safetensors(aside, tensors, metadata);
  put_in_place(aside, place, names);
} catch (const fs::filesystem_error& problem) {
  throw Failure(fmt::format("{}: the state could not be saved: {}", place.folder.string(), problem.what()));
}

std::optional<Saved> load(const SavedPlace& place, const std::vector<std::string>& names, std::int64_t until,
                          at::Device device) {
  auto candidates = claimed_by(place);
  std::erase_if(candidates, [&](const Claimed& claimed) {
    const auto held = [&](const std::string& name) { return claimed.names.contains(name); };
    return claimed.step > until || !std::all_of(names.begin(), names.end(), held);
  });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Claimed& a, const Claimed& b) { return a.step > b.step; });
  for (const Claimed& claimed : candidates) try {
      return read(claimed.file, names, device);
    } catch (const std::exception& problem) {
      put_aside(claimed.file, problem);
    }
  return std::nullopt;
}

std::set<std::string> saved_names(const SavedPlace& place) {
  std::set<std::string> names;
  for (const Claimed& claimed : claimed_by(place)) names.insert(claimed.names.begin(), claimed.names.end());
  return names;
}

void forget(const SavedPlace& place) {
  for (const fs::path& file : files_of(place)) fs::remove(file);
}

}  // namespace vernier::sweep
