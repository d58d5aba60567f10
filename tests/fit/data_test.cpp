#include "fit/data.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "fit/labels.h"
#include "fit/where.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A file that lives as long as this value.
class File {
 public:
  File(const std::string& name, const std::string& text)
      : path_(std::filesystem::temp_directory_path() / fmt::format("vernier-{}-{}", ::getpid(), name)) {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

StoredRun run(const std::string& id, const std::string& status, std::optional<double> loss, NumbersSpec numbers = {}) {
  StoredRun stored;
  stored.id = id;
  stored.spec.tokens = 1000000;
  stored.spec.numbers = numbers;
  stored.record.status = status;
  stored.record.loss_val = loss;
  stored.record.parameters = {64000, 4000, 9000, 100, 64000};
  return stored;
}

}  // namespace

TEST_CASE("a stored run becomes a point with parameters outside embeddings and the bits of its numbers",
          "[fit][fast]") {
  NumbersSpec numbers;
  numbers.weights = "int4/channel";
  numbers.activations = "e4m3/tensor";
  const Data data = points_from_runs({run("a", "done", 3.5, numbers), run("b", "done", 3.2)});
  REQUIRE(data.points.size() == 2);
  const auto& point = data.points[0];
  CHECK(point.params == 13100);
  CHECK(point.tokens == 1e6);
  CHECK(point.loss == 3.5);
  CHECK((point.weights.rounded && point.weights.bits == 4 && point.weights.number == "int4/channel"));
  CHECK((point.activations.rounded && point.activations.bits == 8));
  CHECK_FALSE(point.kv.rounded);
  CHECK(point.precision == "int4/channel e4m3/tensor fp32");
  CHECK(data.points[1].precision == "baseline");
}

TEST_CASE("diverged runs and runs without a loss are excluded and named", "[fit][fast]") {
  const Data data = points_from_runs({run("good", "done", 3.5), run("lost", "diverged", std::nullopt),
                                      run("bare", "done", std::nullopt), run("nan", "done", std::nan("")),
                                      run("negative", "done", -1.0)});
  CHECK(data.rows == 5);
  CHECK(data.points.size() == 1);
  REQUIRE(data.excluded.size() == 4);
  CHECK((data.excluded[0].run == "lost" && data.excluded[0].why == "diverged"));
  CHECK((data.excluded[1].run == "bare" && data.excluded[1].why == "loss is missing"));
  CHECK_THAT(data.excluded[2].why, ContainsSubstring("nan"));
  CHECK_THAT(data.excluded[3].why, ContainsSubstring("-1"));
}

TEST_CASE("a foreign table is read by the names that the map gives", "[fit][fast]") {
  const File file(
      "a.csv",
      "N,D,loss,bits\n1e6,2e8,3.5,4\n2e6,2e8,3.1,16\n4e6,2e8,0,16\n4e6,2e8,,16\n4e6,inf,2.9,16\n5e6,1e8,2.9,\n");
  ReadOptions options;
  options.map = parse_map("n_non_embedding=N,tokens=D,loss_val=loss,weight_bits=bits");
  const Data data = read_data(file.path(), options);
  CHECK(data.rows == 6);
  REQUIRE(data.points.size() == 2);
  CHECK((data.points[0].weights.rounded && data.points[0].weights.bits == 4 && data.points[0].weights.stated));
  CHECK_FALSE(data.points[0].activations.stated);
  CHECK(data.points[0].precision == "4bit");
  CHECK((data.points[1].precision == "baseline" && !data.points[1].weights.rounded));
  REQUIRE(data.excluded.size() == 4);
  CHECK_THAT(data.excluded[0].run, ContainsSubstring("a.csv:4"));
  CHECK_THAT(data.excluded[0].why, ContainsSubstring("loss is 0"));
  CHECK_THAT(data.excluded[1].why, ContainsSubstring("loss is missing"));
  CHECK_THAT(data.excluded[2].why, ContainsSubstring("D is inf"));
  CHECK_THAT(data.excluded[3].why, ContainsSubstring("weight_bits is missing"));
}

TEST_CASE("our own columns need no map, and number strings are read before bits", "[fit][fast]") {
  const File file("b.jsonl",
                  "{\"run_id\":\"x\",\"n_non_embedding\":1e6,\"tokens\":2e8,\"loss_val\":3.5,\"weights\":\"int3/"
                  "channel\",\"status\":\"done\"}\n"
                  "{\"run_id\":\"y\",\"n_non_embedding\":1e6,\"tokens\":2e8,\"loss_val\":3.5,\"weights\":\"fp32\","
                  "\"status\":\"diverged\"}\n"
                  "{\"run_id\":\"x\",\"n_non_embedding\":1e6,\"tokens\":2e8,\"loss_val\":3.6,\"weights\":\"fp32\","
                  "\"status\":\"done\"}\n");
  const Data data = read_data(file.path());
  REQUIRE(data.points.size() == 1);
  CHECK((data.points[0].run == "x" && data.points[0].weights.bits == 3));
  REQUIRE(data.excluded.size() == 2);
  CHECK((data.excluded[0].run == "y" && data.excluded[0].why == "diverged"));
  CHECK_THAT(data.excluded[1].why, ContainsSubstring("further up"));
}

TEST_CASE("missing columns and unknown names are all refused at once", "[fit][fast]") {
  const File file("c.csv", "N,D,loss\n1,2,3\n");
  ReadOptions options;
  options.map = {{"n_non_embedding", "size"}};
  options.where = "colour==red";
  CHECK_THROWS_WITH(read_data(file.path(), options), ContainsSubstring("'size'") && ContainsSubstring("'tokens'") &&
                                                         ContainsSubstring("'loss_val'") &&
                                                         ContainsSubstring("'colour'"));
  CHECK_THROWS_WITH(parse_map("params=N"), ContainsSubstring("no column is called 'params'"));
  CHECK_THROWS_WITH(parse_map("tokens"), ContainsSubstring("expected canonical=foreign"));
  CHECK_THROWS_AS(read_data(file.path() + ".gone"), Error);
}

TEST_CASE("an empty store is refused", "[fit][fast]") {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("vernier-empty-{}", ::getpid());
  std::filesystem::create_directory(folder);
  CHECK_THROWS_WITH(read_data(folder.string()), ContainsSubstring("no run"));
  std::filesystem::remove(folder);
}

TEST_CASE("where compares numbers as numbers and texts as texts", "[fit][fast]") {
  const auto holds_for = [](const std::string& condition, std::map<std::string, std::string> row) {
    return holds(parse_where(condition), [&](const std::string& name) -> std::optional<std::string> {
      return row.contains(name) ? std::optional(row[name]) : std::nullopt;
    });
  };
  CHECK(holds_for("", {}));
  CHECK(holds_for("bits==4", {{"bits", "4.0"}}));
  CHECK(holds_for("bits >= 4 && tokens<1e9", {{"bits", "4"}, {"tokens", "5e8"}}));
  CHECK_FALSE(holds_for("bits>4&&tokens<1e9", {{"bits", "4"}, {"tokens", "5e8"}}));
  CHECK(holds_for("bits==8 || set==c4", {{"bits", "4"}, {"set", "c4"}}));
  CHECK(holds_for("set != 'rpj'", {{"set", "c4"}}));
  CHECK(holds_for("set!=\"rpj\"", {}));
  CHECK_FALSE(holds_for("set==rpj", {}));
  CHECK(holds_for("a==1 || a==2 && b==3", {{"a", "1"}}));  // && binds closer
  CHECK_THROWS_AS(parse_where("bits"), Error);
  CHECK_THROWS_AS(parse_where("bits==4 &&"), Error);
  CHECK_THROWS_AS(holds_for("set<3", {{"set", "c4"}}), Error);
}

TEST_CASE("labels name every part that is rounded", "[fit][fast]") {
  NumbersSpec numbers;
  CHECK(precision_label(numbers) == "baseline");
  numbers.gradients = "e5m2/tensor";
  CHECK(precision_label(numbers) == "fp32 fp32 fp32 gradients=e5m2/tensor");
  numbers = {};
  numbers.weights = "int4/channel";
  CHECK(precision_label(numbers) == "int4/channel fp32 fp32");
}

TEST_CASE("a short name drops what all parts share, and never stands for two labels", "[fit][fast]") {
  const std::string four = "int4/channel int4/tensor int4/tensor", other = "int4/tensor int4/tensor int4/tensor";
  CHECK(short_names({four}).at(four) == "int4");
  CHECK(short_names({four, other}).at(four) == four);
  CHECK(short_names({"int4/channel fp32 fp32"}).at("int4/channel fp32 fp32") == "int4/channel fp32 fp32");
  CHECK(short_names({"4bit 4bit"}).at("4bit 4bit") == "4");
}

TEST_CASE("a label is found by its formats or by its bits where only one fits", "[fit][fast]") {
  const std::string four = "int4/channel int4/tensor int4/tensor";
  law::RunPoint point;
  point.weights = point.activations = point.kv = part_of("int4");
  CHECK(matching_label({four, "baseline"}, point) == four);
  CHECK(matching_label({"4bit 4bit"}, point) == "4bit 4bit");
  CHECK(matching_label({four, "int4/tensor int4/tensor int4/tensor"}, point).empty());
  CHECK(matching_label({"8bit"}, point).empty());
  CHECK(common_bits(four) == 4);
  CHECK_FALSE(common_bits("int4/channel fp32 fp32").has_value());
}
