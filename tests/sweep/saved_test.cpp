#include "sweep/saved.h"

#include <torch/torch.h>
#include <unistd.h>

#include <fstream>

#include "catch.h"

using namespace vernier;

namespace {

struct Scratch {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("vernier-saved-" + std::to_string(::getpid()));
  sweep::SavedPlace trunk{folder, "trunk"};
  Scratch() { std::filesystem::remove_all(folder); }
  ~Scratch() { std::filesystem::remove_all(folder); }
  std::filesystem::path newest() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (!entry.path().string().ends_with(".previous.safetensors")) return entry.path();
    return {};
  }
};

constexpr TaskResult kTasks{0.1 + 0.2, 1e-17, 0.5, 0.03125};

sweep::Saved two_members(std::int64_t step) {
  sweep::Saved saved;
  saved.state.step = step;
  saved.state.members.push_back(
      {at::randn({5}),
       at::randn({5}),
       at::rand({5}),
       {},
       {{1, 128, 0.1, 3.25, {}, 0.5}, {2, 256, 0.1, 3.0, 3.1, 0.5}, {4, 512, 0.1, 2.9, 3.05, 0.4, kTasks}},
       1.25,
       3});
  saved.state.members.push_back({at::randn({5}), at::randn({5}), at::rand({5}), 7, {}, 0, 0});
  saved.seconds = {1.5, 2.25};
  return saved;
}

constexpr std::int64_t kAny = 1000;

std::optional<sweep::Saved> load(const Scratch& scratch, const std::vector<std::string>& names,
                                 std::int64_t until = kAny) {
  return sweep::load(scratch.trunk, names, until, at::kCPU);
}

}  // namespace

TEST_CASE("a saved state is the state, curve, seconds and all", "[sweep][fast]") {
  const Scratch scratch;
  const auto saved = two_members(12);
  sweep::save(scratch.trunk, {"a", "b"}, saved);
  const auto read = load(scratch, {"b", "a"});
  REQUIRE(read);
  CHECK(read->state.step == 12);
  CHECK(at::equal(read->state.members[1].second_moment_P, saved.state.members[0].second_moment_P));
  CHECK(read->state.members[1].curve[0].loss_train == 3.25);
  CHECK(!read->state.members[1].curve[0].loss_val);
  CHECK((read->state.members[1].curve[1].loss_val == 3.1 && !read->state.members[1].curve[1].cloze));
  CHECK((read->state.members[1].curve[2].loss_val == 3.05 && read->state.members[1].curve[2].cloze == kTasks));
  CHECK(read->state.members[1].loss_count == 3);
  CHECK(read->state.members[0].diverged_at == 7);
  CHECK(read->seconds == std::vector<double>{2.25, 1.5});
  CHECK(load(scratch, {"b"})->state.members.size() == 1);
  CHECK(!load(scratch, {"a", "c"}));
  CHECK(!load(scratch, {"a"}, 11));
  CHECK(!sweep::load({scratch.folder, "branch-12"}, {"a"}, kAny, at::kCPU));
  CHECK(!sweep::load({scratch.folder / "absent", "trunk"}, {"a"}, kAny, at::kCPU));
  CHECK(sweep::saved_names(scratch.trunk) == std::set<std::string>{"a", "b"});
  sweep::forget(scratch.trunk);
  CHECK(!load(scratch, {"a"}));
}

TEST_CASE("the latest state is continued from, and one before where that is asked for", "[sweep][fast]") {
  const Scratch scratch;
  for (const std::int64_t step : {5, 12}) sweep::save(scratch.trunk, {"a", "b"}, two_members(step));
  CHECK(load(scratch, {"a"})->state.step == 12);
  CHECK(load(scratch, {"a"}, 11)->state.step == 5);
}

TEST_CASE("a damaged state is never trusted: the one before it is, then none", "[sweep][fast]") {
  const Scratch scratch;
  for (const std::int64_t step : {5, 12}) sweep::save(scratch.trunk, {"a", "b"}, two_members(step));
  const auto newest = scratch.newest();
  SECTION("one bit differs") {
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-3, std::ios::end);
    const char byte = static_cast<char>(file.peek() ^ 1);
    file.seekp(-3, std::ios::end);
    file.put(byte);
  }
  SECTION("it is cut short") { std::filesystem::resize_file(newest, std::filesystem::file_size(newest) - 8); }
  SECTION("it is empty") { std::filesystem::resize_file(newest, 0); }
  SECTION("its seconds were changed") {
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    file.seekp(static_cast<std::streamoff>(text.find("2.25")));
    file << "2.75";
  }
  const auto read = load(scratch, {"a", "b"});
  REQUIRE(read);
  CHECK(read->state.step == 5);
  CHECK(std::filesystem::exists(newest.string() + ".damaged"));
}
