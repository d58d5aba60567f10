#include "train/safetensors.h"

#include <torch/torch.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "catch.h"

using namespace vernier;

namespace {
std::filesystem::path scratch(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / ("vernier-safetensors-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder / name;
}
}  // namespace

TEST_CASE("tensors and metadata survive a safetensors file", "[train][fast]") {
  const auto path = scratch("a.safetensors");
  const auto a = at::randn({3, 5}), b = at::arange(4, at::kFloat);
  train::write_safetensors(path, {{"a", a}, {"b.c", b}}, {{"step", "7"}});
  const auto file = train::read_safetensors(path);
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].first == "a");
  CHECK(at::equal(file.tensors[0].second, a));
  CHECK(at::equal(file.tensors[1].second, b));
  CHECK(file.metadata.at("step") == "7");
}

TEST_CASE("a file that is cut short or no safetensors is refused by name", "[train][fast]") {
  const auto path = scratch("cut.safetensors");
  train::write_safetensors(path, {{"a", at::ones({100})}}, {});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 8);
  CHECK_THROWS_AS(train::read_safetensors(path), Error);
  std::ofstream(scratch("text")) << "hello";
  CHECK_THROWS_AS(train::read_safetensors(scratch("text")), Error);
}
