#include "sweep/trunk.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include "record/archive.h"
#include "train/safetensors.h"

namespace vernier::sweep {

namespace {

/// The parts of a member that are no tensors.
Json notes_of(const train::MemberState& member) {
  Json notes = {{"loss_sum", member.loss_sum},
                {"loss_count", member.loss_count},
                {"last_rate", member.last_rate},
                {"last_norm", member.last_norm},
                {"curve", Json::array()}};
  if (member.diverged_at) notes["diverged_at"] = *member.diverged_at;
  for (const CurvePoint& p : member.curve)
    notes["curve"].push_back({p.step, p.tokens, p.learning_rate, p.loss_train, p.gradient_norm});
  return notes;
}

void read_notes(const Json& notes, train::MemberState& member) {
  member.loss_sum = notes.at("loss_sum");
  member.loss_count = notes.at("loss_count");
  member.last_rate = notes.at("last_rate");
  member.last_norm = notes.at("last_norm");
  if (notes.contains("diverged_at")) member.diverged_at = notes["diverged_at"].get<std::int64_t>();
  for (const Json& row : notes.at("curve"))
    member.curve.push_back({row[0], row[1], row[2], row[3], std::nullopt, row[4]});
}

}  // namespace

void save_trunk(const std::filesystem::path& folder, const std::vector<std::string>& names,
                const train::CohortState& state) {
  std::filesystem::create_directories(folder);
  train::NamedTensors tensors;
  Json notes = Json::object();
  for (std::size_t k = 0; k < state.members.size(); ++k) {
    const train::MemberState& member = state.members[k];
    tensors.emplace_back(names[k] + ".weights", member.weights_P);
    tensors.emplace_back(names[k] + ".first_moment", member.first_moment_P);
    tensors.emplace_back(names[k] + ".second_moment", member.second_moment_P);
    notes[names[k]] = notes_of(member);
  }
  const auto aside = folder / "trunk.partial";
  train::write_safetensors(aside, tensors, {{"step", std::to_string(state.step)}, {"members", notes.dump()}});
  std::filesystem::rename(aside, folder / "trunk.safetensors");
}

namespace {

train::CohortState state_from(const train::SafetensorsFile& file, const std::vector<std::string>& names,
                              at::Device device) {
  const std::map<std::string, at::Tensor> tensors(file.tensors.begin(), file.tensors.end());
  const Json notes = Json::parse(file.metadata.at("members"));
  train::CohortState state;
  state.step = std::stoll(file.metadata.at("step"));
  for (const std::string& name : names) {
    const auto tensor = [&](const char* part) { return tensors.at(name + part).to(device); };
    state.members.push_back({tensor(".weights"), tensor(".first_moment"), tensor(".second_moment"), {}, {}, 0, 0});
    read_notes(notes.at(name), state.members.back());
  }
  return state;
}

}  // namespace

std::optional<train::CohortState> load_trunk(const std::filesystem::path& folder, const std::vector<std::string>& names,
                                             at::Device device) {
  const auto path = folder / "trunk.safetensors";
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    return state_from(train::read_safetensors(path), names, device);
  } catch (const std::exception& problem) {
    spdlog::warn("{}: does not hold what is missing ({}); this cohort starts again", path.string(), problem.what());
    return std::nullopt;
  }
}

}  // namespace vernier::sweep
