#include "sweep/trunk.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include "record/archive.h"
#include "train/safetensors.h"

namespace vernier::sweep {

namespace {

/// The parts of a member that are no tensors.
Json notes_of(const train::MemberState& member) {
  Json notes = {{"loss_sum", member.loss_sum}, {"loss_count", member.loss_count}, {"curve", Json::array()}};
  if (member.diverged_at) notes["diverged_at"] = *member.diverged_at;
  for (const CurvePoint& p : member.curve)
    notes["curve"].push_back({p.step, p.tokens, p.learning_rate, p.loss_train, p.gradient_norm});
  return notes;
}

void read_notes(const Json& notes, train::MemberState& member) {
  member.loss_sum = notes.at("loss_sum");
  member.loss_count = notes.at("loss_count");
  if (notes.contains("diverged_at")) member.diverged_at = notes["diverged_at"].get<std::int64_t>();
  for (const Json& row : notes.at("curve"))
    member.curve.push_back({row[0], row[1], row[2], row[3], std::nullopt, row[4]});
}

}  // namespace

void save_trunk(const std::filesystem::path& folder, const train::CohortState& state) {
  std::filesystem::create_directories(folder);
  train::NamedTensors tensors;
  Json notes = Json::array();
  for (std::size_t k = 0; k < state.members.size(); ++k) {
    const train::MemberState& member = state.members[k];
    tensors.emplace_back(fmt::format("{}.weights", k), member.weights_P);
    tensors.emplace_back(fmt::format("{}.first_moment", k), member.first_moment_P);
    tensors.emplace_back(fmt::format("{}.second_moment", k), member.second_moment_P);
    notes.push_back(notes_of(member));
  }
  const auto aside = folder / "trunk.partial";
  train::write_safetensors(aside, tensors, {{"step", std::to_string(state.step)}, {"members", notes.dump()}});
  std::filesystem::rename(aside, folder / "trunk.safetensors");
}

std::optional<train::CohortState> load_trunk(const std::filesystem::path& folder, std::size_t members,
                                             at::Device device) {
  const auto path = folder / "trunk.safetensors";
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const auto file = train::read_safetensors(path);
    const Json notes = Json::parse(file.metadata.at("members"));
    if (notes.size() != members || file.tensors.size() != 3 * members) throw Error("another number of members");
    train::CohortState state;
    state.step = std::stoll(file.metadata.at("step"));
    for (std::size_t k = 0; k < members; ++k) {
      const auto tensor = [&](std::size_t part) { return file.tensors[3 * k + part].second.to(device); };
      state.members.push_back({tensor(0), tensor(1), tensor(2), {}, {}, 0, 0});
      read_notes(notes[k], state.members[k]);
    }
    return state;
  } catch (const std::exception& problem) {
    spdlog::warn("{}: cannot be continued from ({}); this cohort starts again", path.string(), problem.what());
    return std::nullopt;
  }
}

}  // namespace vernier::sweep
