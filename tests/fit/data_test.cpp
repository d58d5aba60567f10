#include "fit/data.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "fit/labels.h"
#include "fit/parts.h"
#include "fit/select.h"
#include "fit/where.h"
#include "store/dataset.h"
#include "store/sample.h"
#include "store/store.h"

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

namespace {

/// Equal, NaN being equal to NaN.
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool same(const law::Part& a, const law::Part& b) {
  return a.rounded == b.rounded && same(a.bits, b.bits) && a.number == b.number && a.stated == b.stated &&
         same(a.gaussian_error, b.gaussian_error) && same(a.group, b.group) && same(a.exponent_bits, b.exponent_bits) &&
         same(a.mantissa_bits, b.mantissa_bits);
}

bool same(const law::RunPoint& a, const law::RunPoint& b) {
  return a.run == b.run && a.params == b.params && a.tokens == b.tokens && a.loss == b.loss &&
         same(a.weights, b.weights) && same(a.activations, b.activations) && same(a.kv, b.kv) && same(a.post, b.post) &&
         a.precision == b.precision && a.forward == b.forward && a.backward == b.backward && a.method == b.method &&
         same(a.loss_before, b.loss_before) && same(a.task_loss, b.task_loss) &&
         same(a.task_accuracy, b.task_accuracy) && a.seed == b.seed && a.weight == b.weight;
}

std::vector<std::string> differing(const std::vector<law::RunPoint>& a, const std::vector<law::RunPoint>& b) {
  std::vector<std::string> runs;
  for (std::size_t k = 0; k < std::max(a.size(), b.size()); ++k)
    if (k >= std::min(a.size(), b.size()) || !same(a[k], b[k])) runs.push_back((k < a.size() ? a : b)[k].run);
  return runs;
}

std::vector<std::string> named(const std::vector<Excluded>& excluded) {
  std::vector<std::string> lines;
  for (const auto& [run, why] : excluded) lines.push_back(run + ": " + why);
  return lines;
}

StoredRun sample_of(std::int64_t seed, const NumbersSpec& numbers) {
  StoredRun run = sample_run(seed);
  run.spec.numbers = numbers;
  run.record.task_loss = 0.7;
  run.record.task_accuracy = 0.25;
  run.id = run_id(run.spec, run.record.corpus_digest);
  return run;
}

/// Runs that differ in all that a point says, and one that diverged.
std::vector<StoredRun> various_runs() {
  NumbersSpec plain, four, gradients, first;
  four.weights = "int4/channel";
  four.activations = "e4m3/token";
  four.kv = "bf16";
  gradients.gradients = "e5m2/tensor";
  gradients.input_gradients = "e4m3/tensor";
  gradients.backward_rounding = "stochastic";
  first.embedding = first.head = "int8/channel";
  first.weights = "e2m1/block32:e8m0";
  first.rotation = "hadamard32";
  std::vector<StoredRun> runs{sample_of(1, plain), sample_of(2, four), sample_of(3, gradients), sample_of(4, first),
                              diverged_run(5)};
  for (auto& run : runs) run.post_trained = {{"rtn", "int3/channel", 2.5, 2.5 - 1.0 / 3.0}, {"awq", "int2", {}, {}}};
  return runs;
}

}  // namespace

TEST_CASE("a point of a run says what every part and either pass is rounded to", "[fit][fast]") {
  const Data data = points_from_runs(various_runs());
  REQUIRE(data.points.size() == 4);
  const law::RunPoint &plain = data.points[0], &four = data.points[1], &gradients = data.points[2],
                      &first = data.points[3];
  CHECK((plain.forward == "baseline" && plain.backward == "baseline" && plain.seed == "1"));
  CHECK((plain.task_loss == 0.7 && plain.task_accuracy == 0.25));
  CHECK(std::isnan(plain.loss_before));
  CHECK_FALSE(plain.post.rounded);
  CHECK((four.weights.group == 64 && std::isnan(four.weights.exponent_bits)));
  CHECK((four.activations.group == 64 && four.activations.exponent_bits == 4 && four.activations.mantissa_bits == 3));
  CHECK((four.weights.gaussian_error > 0.01 && four.weights.gaussian_error < 0.03));
  CHECK((four.kv.rounded && std::isnan(four.kv.group) && four.kv.gaussian_error < 1e-4));
  CHECK((four.forward == four.precision && four.backward == "baseline"));
  CHECK(gradients.forward == "baseline");
  CHECK(gradients.backward == "input_gradients=e4m3/tensor weight_gradients=e5m2/tensor rounding=stochastic");
  CHECK((first.weights.group == 32 && first.weights.exponent_bits == 2 && first.weights.mantissa_bits == 1));
}

TEST_CASE("one scale for a tensor is shared by its width squared, or by the tokens of a batch", "[fit][fast]") {
  NumbersSpec numbers;
  numbers.weights = numbers.activations = "int4/tensor";
  const auto point = points_from_runs({sample_of(1, numbers)}).points.front();
  CHECK(point.weights.group == 64 * 64);
  CHECK(point.activations.group == 64 * 16 * 128);
}

TEST_CASE("models quantized after training are points of their own, beside their run", "[fit][fast]") {
  const auto runs = various_runs();
  const Data data = points_from_runs(runs);
  CHECK(data.post_rows == 10);
  REQUIRE(data.post_trained.size() == 4);
  const auto& point = data.post_trained[1];
  CHECK(point.run == runs[1].id + "/rtn/int3/channel");
  CHECK((point.post.rounded && point.post.bits == 3 && point.post.group == 64 && point.method == "rtn"));
  CHECK((point.loss == 2.5 && point.loss_before == 1.0 / 3.0));
  CHECK(point.precision == data.points[1].precision);
  CHECK(data.post_excluded.size() == 6);
  CHECK(named(data.post_excluded)[0] == runs[0].id + "/awq/int2: loss is missing");
  CHECK(named(data.post_excluded)[4] == runs[4].id + "/rtn/int3/channel: diverged");
  CHECK(data.all().size() == 8);
  CHECK(points_for("kumar_ptq", data.all()).size() == 4);
  CHECK(points_for("chinchilla", data.all()).size() == 4);
}

TEST_CASE("an exported dataset gives the points of its store", "[fit][fast]") {
  const TemporaryFolder temporary;
  const auto store = store::open_store(temporary.path / "runs");
  for (const auto& run : various_runs()) {
    store.publish(run);
    store.add_post_trained(run.id, run.post_trained);
  }
  std::vector<store::Broken> broken;
  const auto runs = store::read_runs(store.path(), broken);
  store::write_dataset(runs, temporary.path / "dataset");
  const Data expected = read_data(store.path().string());
  REQUIRE(expected.points.size() == 4);
  for (const char* name : {"runs.csv", "runs.parquet"}) {
    const Data data = read_data((temporary.path / "dataset" / name).string());
    INFO(name);
    CHECK(differing(data.points, expected.points).empty());
    CHECK(named(data.excluded) == named(expected.excluded));
  }
  const Data post =
      read_data((temporary.path / "dataset" / "ptq.parquet").string(), {.target = law::Target::PostTraining});
  CHECK(differing(post.post_trained, expected.post_trained).empty());
  CHECK(post.rows == 0);
  CHECK(post.post_rows == 10);
  CHECK(post.post_excluded.size() == 6);
}

TEST_CASE("an exported ptq.parquet without the runs beside it is refused", "[fit][fast]") {
  const TemporaryFolder temporary;
  store::write_ptq_parquet(various_runs(), temporary.path / "ptq.parquet");
  CHECK_THROWS_WITH(read_data((temporary.path / "ptq.parquet").string()), ContainsSubstring("runs.parquet"));
}

TEST_CASE("a format of others is known by its name alone, and words for none are the baseline", "[fit][fast]") {
  const File file(
      "names.csv",
      "n_non_embedding,tokens,loss_val,weights,gradients,weight_bits\n1,1,1,QuEST,BF16,\n1,2,1,none,Eden32,\n"
      "1,3,1,NoQuantizer,bf16,\n1,4,1,FP4 Trust,fp32,4\n1,5,1,int4/chanel,bf16,\n1,6,1,4,bf16,\n"
      "1,7,1,,bf16,\n1,8,1,QuEST,Eden32,\n");
  const Data data = read_data(file.path());
  REQUIRE(data.points.size() == 5);
  const auto& points = data.points;
  CHECK((points[0].weights.rounded && std::isnan(points[0].weights.bits)));
  CHECK((points[0].forward == "QuEST" && points[0].backward == "baseline" && points[0].precision == "QuEST"));
  CHECK((points[1].forward == "baseline" && points[1].backward == "Eden32"));
  CHECK(points[1].precision == "fp32 gradients=Eden32");
  CHECK((points[2].precision == "baseline" && !points[2].weights.rounded));
  CHECK((points[3].weights.bits == 4 && points[3].precision == "FP4_Trust"));
  CHECK(points[4].precision == "QuEST gradients=Eden32");
  REQUIRE(data.excluded.size() == 3);
  CHECK_THAT(data.excluded[0].why, ContainsSubstring("weights: number 'int4/chanel'"));
  CHECK_THAT(data.excluded[1].why, ContainsSubstring("got '4'") && ContainsSubstring("weight_bits"));
  CHECK_THAT(data.excluded[2].why, ContainsSubstring("weight_bits is missing"));
  CHECK_THAT(why_outside("kumar_weights", points[0]), ContainsSubstring("bits of 'QuEST'"));
}

TEST_CASE("bits alone stand for evenly spaced levels, and other columns describe what is rounded", "[fit][fast]") {
  const File file("bits.csv",
                  "n_non_embedding,tokens,loss_val,weight_bits,group,exponent_bits,mantissa_bits\n1,1,1,4,128,,\n"
                  "1,2,1,16,,,\n1,3,1,2.5,,,\n1,4,1,8,32,4,3\n1,5,1,4,none,,\n");
  const Data data = read_data(file.path());
  REQUIRE(data.points.size() == 4);
  CHECK(std::abs(data.points[0].weights.gaussian_error / 0.0115429 - 1) < 1e-5);
  CHECK((data.points[0].weights.group == 128 && std::isnan(data.points[0].weights.exponent_bits)));
  CHECK_FALSE(data.points[1].weights.rounded);
  CHECK(std::isnan(data.points[2].weights.gaussian_error));
  CHECK((data.points[3].weights.exponent_bits == 4 && data.points[3].weights.mantissa_bits == 3));
  CHECK(std::isnan(data.points[3].weights.gaussian_error));
  REQUIRE(data.excluded.size() == 1);
  CHECK(named(data.excluded)[0] == file.path() + ":6: group is 'none', expected a positive finite number");
}

TEST_CASE("data of float formats need their exponent and mantissa bits alone", "[fit][fast]") {
  const File file("floats.csv",
                  "n_non_embedding,tokens,loss_val,group,exponent_bits,mantissa_bits\n1,1,1,128,4,3\n1,2,1,128,8,7\n"
                  "1,3,1,128,2,0\n1,4,1,128,2,\n");
  const Data data = read_data(file.path());
  REQUIRE(data.points.size() == 3);
  const law::Part& part = data.points[0].weights;
  CHECK((part.rounded && part.bits == 8 && part.number == "e4m3" && part.group == 128));
  CHECK((part.exponent_bits == 4 && part.mantissa_bits == 3 && part.gaussian_error > 0));
  CHECK_FALSE(data.points[1].weights.rounded);
  CHECK((data.points[2].weights.bits == 3 && data.points[2].weights.mantissa_bits == 0));
  CHECK_THAT(named(data.excluded)[0], ContainsSubstring(":5: mantissa_bits is missing"));
}

TEST_CASE("rows of models quantized after training say so, with the loss before or the difference", "[fit][fast]") {
  const File file("post.csv",
                  "run_id,n_non_embedding,tokens,loss_val,post_bits,method,loss_before,delta\na,1,1,3,,,,\n"
                  "a,1,1,3.5,4,gptq,3,\na,1,1,3.25,8,gptq,,-0.25\na,1,1,3.5,4,rtn,3,\na,1,1,3.6,4,rtn,3,\n"
                  "a,1,1,3.5,3,rtn,,\na,1,1,3.5,2,rtn,,x\na,1,1,3.5,5,rtn,,4\n");
  const Data data = read_data(file.path(), {.target = law::Target::PostTraining});
  CHECK((data.rows == 1 && data.points.size() == 1 && data.post_rows == 7));
  REQUIRE(data.post_trained.size() == 3);
  CHECK((data.post_trained[0].run == "a/gptq/4bit" && data.post_trained[0].post.bits == 4));
  CHECK((data.post_trained[1].loss == 3.25 && data.post_trained[1].loss_before == 3.5));
  CHECK(data.post_trained[2].method == "rtn");
  REQUIRE(data.post_excluded.size() == 4);
  CHECK_THAT(data.post_excluded[0].why, ContainsSubstring("further up, in " + file.path() + ":5"));
  CHECK(data.post_excluded[1].why == "loss_before is missing");
  CHECK_THAT(data.post_excluded[2].why, ContainsSubstring("delta is 'x'"));
  CHECK_THAT(data.post_excluded[3].why, ContainsSubstring("loss - delta is -0.5"));
  const File trained("trained.csv", "n_non_embedding,tokens,loss_val\n1,1,3\n");
  CHECK_THROWS_WITH(
      read_data(trained.path(), {.target = law::Target::PostTraining}),
      ContainsSubstring("'post_weights' or 'post_bits'") && ContainsSubstring("'loss_before' or 'delta'"));
}

TEST_CASE("a table of scores needs neither N nor D", "[fit][fast]") {
  const File file("scores.csv", "run_id,task_loss,task_accuracy\na,0.5,0.75\nb,1.5,75\nc,,0.5\nd,x,0.5\n");
  CHECK_THROWS_WITH(read_data(file.path()), ContainsSubstring("'n_non_embedding'"));
  const Data data = read_data(file.path(), {.target = law::Target::TaskScore});
  REQUIRE(data.points.size() == 2);
  CHECK((data.points[0].task_loss == 0.5 && data.points[0].task_accuracy == 0.75));
  CHECK(named(data.excluded) == std::vector<std::string>{"b: task_accuracy is 75, expected a share from 0 to 1",
                                                         "d: task_loss is 'x', expected a positive finite number"});
  CHECK(named(without_target("densing_score", data.points)) == std::vector<std::string>{"c: task_loss is missing"});
}

TEST_CASE("a row that stands further up is excluded, with the place of the first", "[fit][fast]") {
  const File file("twice.csv", "n_non_embedding,tokens,loss_val\n1,2,3\n1,2,3.5\n1,2,3\n1,2,abc\n");
  const Data data = read_data(file.path());
  CHECK(data.points.size() == 2);
  CHECK(
      named(data.excluded) ==
      std::vector<std::string>{file.path() + ":4: a row of the same values stands further up, in " + file.path() + ":2",
                               file.path() + ":5: loss is 'abc', expected a positive finite number"});
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
