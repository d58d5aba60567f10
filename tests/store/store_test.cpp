#include "store/store.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "catch.h"
#include "store/run_folder.h"
#include "store/sample.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::string all_of(const StoredRun& run) {
  return run.id + "\n" + yaml_text(to_json(run.spec)) + to_json(run.record).dump() + "\n" +
         store::curve_text(run.curve);
}

/// Names in a folder that are no hidden files.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string()[0] != '.') names.push_back(entry.path().filename().string());
  return names;
}

/// Runs `work` in a forked process and gives its exit status.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a run comes back from the store as it was put in", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path / "results" / "runs");
  const StoredRun done = sample_run(1), diverged = diverged_run(2);
  runs.publish(done,
               [](const fs::path& folder) { write_file(folder / "checkpoint" / "model.safetensors", "weights"); });
  runs.publish(diverged);

  std::vector<store::Broken> broken;
  const std::vector<StoredRun> back = store::read_runs(runs.path(), broken);
  CHECK(broken.empty());
  REQUIRE(back.size() == 2);
  CHECK(back[0].id < back[1].id);
  for (const StoredRun& run : back) CHECK(all_of(run) == all_of(run.id == done.id ? done : diverged));
  CHECK(runs.has(done.id));
  CHECK(runs.has(diverged.id));
  CHECK(runs.done_ids() == std::vector{back[0].id, back[1].id});
  CHECK(text_of_file((runs.folder_of(done.id) / "checkpoint" / "model.safetensors").string()) == "weights");
  CHECK(all_of(store::read_run(runs.folder_of(done.id) / "")) == all_of(done));
}

TEST_CASE("a loss that became NaN stays NaN in a curve, and an absent one stays absent", "[store][fast]") {
  Curve curve(2);
  curve[0].loss_train = std::numeric_limits<double>::quiet_NaN();
  curve[1].gradient_norm = std::numeric_limits<double>::infinity();
  curve[1].loss_val = 0.1 + 0.2;
  const Curve back = store::curve_from_text(store::curve_text(curve), "curve.csv");
  REQUIRE(back.size() == 2);
  CHECK(std::isnan(back[0].loss_train));
  CHECK_FALSE(back[0].loss_val.has_value());
  CHECK(std::isinf(back[1].gradient_norm));
  CHECK(back[1].loss_val == 0.1 + 0.2);
}

TEST_CASE("a writer that was killed leaves no visible run", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const StoredRun run = sample_run();
  const int status = in_child([&] {
    runs.publish(run, [](const fs::path&) { ::_exit(7); });  // dies half way, without cleaning up
    return 0;
  });
  CHECK(status == 7);
  CHECK_FALSE(fs::is_empty(temporary.path));  // what it left
  CHECK(names_in(temporary.path).empty());
  CHECK_FALSE(runs.has(run.id));
  std::vector<store::Broken> broken;
  CHECK(store::read_runs(temporary.path, broken).empty());
  CHECK(broken.empty());
  runs.publish(run);
  CHECK(runs.done_ids() == std::vector{run.id});
}

TEST_CASE("a run that fails while it is written leaves nothing behind", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  CHECK_THROWS_AS(runs.publish(sample_run(), [](const fs::path&) { throw Failure("no space"); }), Failure);
  CHECK(fs::is_empty(temporary.path));
}

TEST_CASE("what cannot be read back is not published", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  StoredRun nan = sample_run();
  nan.record.loss_val = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(runs.publish(nan), Failure);
  StoredRun misnamed = sample_run();
  misnamed.id = "feedfacefeedface";
  CHECK_THROWS_WITH(runs.publish(misnamed), ContainsSubstring("expected the name of a folder to be the run's id"));
  CHECK(fs::is_empty(temporary.path));
}

TEST_CASE("a broken folder is reported by name, kept, and never counted", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const StoredRun good = sample_run(1);
  runs.publish(good);
  const std::string id = sample_run(2).id;
  std::string why;
  SECTION("no record") {
    runs.publish(sample_run(2));
    fs::remove(runs.folder_of(id) / "record.json");
    why = "record.json: cannot be read";
  }
  SECTION("half a record") {
    runs.publish(sample_run(2));
    const std::string record = text_of_file((runs.folder_of(id) / "record.json").string());
    write_file(runs.folder_of(id) / "record.json", record.substr(0, record.size() / 2));
    why = "record.json";
  }
  SECTION("half a curve") {
    runs.publish(sample_run(2));
    const std::string curve = text_of_file((runs.folder_of(id) / "curve.csv").string());
    write_file(runs.folder_of(id) / "curve.csv", curve.substr(0, curve.size() - 3));
    why = "curve.csv: its last line has no end";
  }
  SECTION("a copy under another name") {
    fs::copy(runs.folder_of(good.id), runs.folder_of(id), fs::copy_options::recursive);
    why = "holds the run " + good.id;
  }
  SECTION("an empty folder") {
    fs::create_directory(runs.folder_of(id));
    why = "spec.yaml: cannot be read";
  }
  std::vector<store::Broken> broken;
  const auto back = store::read_runs(temporary.path, broken);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].folder == id);
  CHECK_THAT(broken[0].why, ContainsSubstring(why));
  REQUIRE(back.size() == 1);
  CHECK(back[0].id == good.id);
  CHECK_FALSE(runs.has(id));
  CHECK(runs.done_ids() == std::vector{good.id});
  CHECK(fs::exists(runs.folder_of(id)));
}

TEST_CASE("a broken folder makes way for the run, and is kept beside it", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const StoredRun run = sample_run();
  write_file(runs.folder_of(run.id) / "spec.yaml", "nonsense: 1\n");
  CHECK_FALSE(runs.has(run.id));
  runs.publish(run);
  CHECK(runs.has(run.id));
  CHECK(text_of_file((temporary.path / (run.id + ".broken-1") / "spec.yaml").string()) == "nonsense: 1\n");
  std::vector<store::Broken> broken;
  CHECK(store::read_runs(temporary.path, broken).size() == 1);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].folder == run.id + ".broken-1");
}

TEST_CASE("a run that is published twice keeps its first version", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  StoredRun first = sample_run(), second = sample_run();
  second.record.seconds = 99;
  runs.publish(first);
  runs.publish(second);
  CHECK(store::read_run(runs.folder_of(first.id)).record.seconds == first.record.seconds);
  SECTION("also where another process was faster by a moment") {
    fs::remove_all(runs.folder_of(first.id));
    runs.publish(second, [&](const fs::path&) {
      const int status = in_child([&] {
        runs.publish(first);
        return 0;
      });
      CHECK(status == 0);
    });
    CHECK(store::read_run(runs.folder_of(first.id)).record.seconds == first.record.seconds);
  }
  CHECK(names_in(temporary.path) == std::vector{first.id});
}

TEST_CASE("rows of ptq.csv come back as they were put in, and a run without any has no such file", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  StoredRun with = sample_run(1);
  with.post_trained = {{"rtn", "int4/channel", 0.1 + 0.2, -1e-17}, {"gptq", "e2m1/block32:e8m0", {}, {}}};
  runs.publish(with);
  runs.publish(sample_run(2));
  CHECK(text_of_file((runs.folder_of(with.id) / "ptq.csv").string()) ==
        "method,weights,loss,delta\nrtn,int4/channel,0.30000000000000004,-1e-17\ngptq,e2m1/block32:e8m0,,\n");
  CHECK_FALSE(fs::exists(runs.folder_of(sample_run(2).id) / "ptq.csv"));
  const auto back = store::read_run(runs.folder_of(with.id)).post_trained;
  REQUIRE(back.size() == 2);
  CHECK((back[0].loss == 0.1 + 0.2 && back[0].delta == -1e-17));
  CHECK((back[1].method == "gptq" && back[1].weights == "e2m1/block32:e8m0" && !back[1].loss && !back[1].delta));
}

TEST_CASE("rows are added to a stored run, and those that it has are kept", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const std::string id = sample_run().id;
  CHECK_THROWS_AS(runs.add_post_trained(id, {}), Error);
  runs.publish(sample_run());
  runs.add_post_trained(id, {{"rtn", "int4/channel", 2.5, 0.5}});
  runs.add_post_trained(id, {{"rtn", "int4/channel", 99.0, 98.0}, {"gptq", "int4/channel", 2.25, 0.25}});
  const auto back = store::read_run(runs.folder_of(id)).post_trained;
  REQUIRE(back.size() == 2);
  CHECK((back[0].loss == 2.5 && back[1].loss == 2.25));
  for (const auto& entry : fs::directory_iterator(runs.folder_of(id)))
    CHECK(entry.path().filename().string()[0] != '.');
}

TEST_CASE("rows of smaller models are added one by one, and those that are there stay", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const std::string id = sample_run().id;
  CHECK_THROWS_AS(runs.add_compressed(id, {}), Error);
  runs.publish(sample_run());
  const CompressionTask half{"unstructured", 0.5, {}, {}, {}, 4096, {}}, student{"distilled", {}, 1, 16, 1, 4096, {}};
  runs.add_compressed(id, {{half, 100, 2.5, {}}});
  runs.add_compressed(id, {{half, 100, 99.0, {}}, {student, 50, {}, {}}});
  const auto back = store::read_run(runs.folder_of(id)).compressed;
  REQUIRE(back.size() == 2);
  CHECK((back[0].task == half && back[0].loss == 2.5));
  CHECK((back[1].task == student && back[1].params == 50 && !back[1].loss));
  for (const auto& entry : fs::directory_iterator(runs.folder_of(id)))
    CHECK(entry.path().filename().string()[0] != '.');
}

TEST_CASE("the results of tasks come back from every file of a run, and add columns only where there are some",
          "[store][fast]") {
  const TemporaryFolder folder;
  const store::Store runs = store::open_store(folder.path);
  const TaskResult tasks{0.1 + 0.2, 1e-17, 1.0 / 3.0, 0.03125};
  StoredRun run = sample_run(1);
  run.curve.back().cloze = tasks;
  run.post_trained = {{"rtn", "int4/channel", 2.0, 1.0}, {"gptq", "int4/channel", 1.5, 0.5, tasks}};
  run.compressed = {{{"structured", 0.25, {}, {}, {}, 4096, 1e-3}, 12345, 0.1 + 0.2, {}},
                    {{"distilled", {}, 2, 48, 3, 1 << 20, {}}, 6789, {}, tasks}};
  runs.publish(run);
  const StoredRun back = store::read_run(runs.folder_of(run.id));
  CHECK(!back.curve[0].cloze);
  CHECK(back.curve[1].cloze == tasks);
  CHECK((!back.post_trained[0].cloze && back.post_trained[1].cloze == tasks));
  REQUIRE(back.compressed.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(back.compressed[i].task == run.compressed[i].task);
    CHECK(back.compressed[i].params == run.compressed[i].params);
    CHECK(back.compressed[i].loss == run.compressed[i].loss);
    CHECK(back.compressed[i].cloze == run.compressed[i].cloze);
  }
  const auto text = [&](const char* name) { return text_of_file((runs.folder_of(run.id) / name).string()); };
  CHECK(text("compressed.csv") ==
        "method,share,depth,width,heads,tokens,learning_rate,params,loss,task_loss,task_loss_se,task_accuracy,"
        "task_accuracy_se\nstructured,0.25,,,,4096,0.001,12345,0.30000000000000004,,,,\n"
        "distilled,,2,48,3,1048576,,6789,,0.30000000000000004,1e-17,0.3333333333333333,0.03125\n");
  CHECK(text("ptq.csv").starts_with(
      "method,weights,loss,delta,task_loss,task_loss_se,task_accuracy,task_accuracy_se\nrtn,int4/channel,2,1,,,,\n"));
  CHECK(store::curve_text(sample_run(2).curve)
            .starts_with("step,tokens,learning_rate,loss_train,loss_val,gradient_norm\n"));
  write_file(runs.folder_of(run.id) / "compressed.csv", "method,share\n");
  CHECK_THROWS_WITH(store::read_run(runs.folder_of(run.id)),
                    ContainsSubstring("compressed.csv:1: expected the header"));
}

TEST_CASE("half a result of tasks, and a way of making models smaller that is none, are named with their line",
          "[store][fast]") {
  const std::string header =
      "method,share,depth,width,heads,tokens,learning_rate,params,loss,task_loss,task_loss_se,"
      "task_accuracy,task_accuracy_se\n";
  CHECK_THROWS_WITH(store::compressed_from_text(header + "squeezed,,,,,1,,1,1,,,,\n", "compressed.csv"),
                    ContainsSubstring("compressed.csv:2: no method is called 'squeezed'"));
  CHECK_THROWS_WITH(store::compressed_from_text(header + "distilled,,two,,,1,,1,1,,,,\n", "compressed.csv"),
                    ContainsSubstring("compressed.csv:2: depth: expected a number, got 'two'"));
  CHECK_THROWS_WITH(store::compressed_from_text(header + "distilled,,2,,,1,,1,1,0.5,,0.5,0.1\n", "compressed.csv"),
                    ContainsSubstring("compressed.csv:2: task_loss_se: expected a number, got ''"));
}

TEST_CASE("a run whose ptq.csv is ill-formed is broken, and the line is named", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  runs.publish(sample_run());
  const auto [text, why] = GENERATE(table<std::string, std::string>(
      {{"method,loss\n", "ptq.csv:1: expected the header method,weights,loss,delta"},
       {"method,weights,loss,delta\nrtn,int4/channel,much,0\n", "ptq.csv:2: loss: expected a number, got 'much'"},
       {"method,weights,loss,delta\nsmooth,int4/channel,1,0\n", "ptq.csv:2: no method is called 'smooth'"},
       {"method,weights,loss,delta\nrtn,int99,1,0\n", "ptq.csv:2: number 'int99'"},
       {"method,weights,loss,delta\nrtn,int4/channel,1,0", "ptq.csv: its last line has no end"},
       {"", "ptq.csv:1: expected the header"}}));
  write_file(runs.folder_of(sample_run().id) / "ptq.csv", text);
  std::vector<store::Broken> broken;
  CHECK(store::read_runs(temporary.path, broken).empty());
  REQUIRE(broken.size() == 1);
  CHECK_THAT(broken[0].why, ContainsSubstring(why));
}

TEST_CASE("a store that cannot be one is refused", "[store][fast]") {
  const TemporaryFolder temporary;
  write_file(temporary.path / "file", "text");
  CHECK_THROWS_AS(store::open_store(temporary.path / "file"), Error);
  CHECK_THROWS_AS(store::open_store(temporary.path / "file" / "below"), Error);
  std::vector<store::Broken> broken;
  CHECK_THROWS_AS(store::read_runs(temporary.path / "absent", broken), Error);
  CHECK(store::Store(temporary.path / "absent").done_ids().empty());
  if (::geteuid() != 0) {  // nothing is unwritable to root
    fs::permissions(temporary.path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK_THROWS_AS(store::open_store(temporary.path), Error);
    fs::permissions(temporary.path, fs::perms::owner_all);
  }
}

TEST_CASE("a claim is seen by others and ends with its value", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  const std::string name = GENERATE(std::string("cohort-1"), std::string("odd/name with blanks"));
  CHECK_FALSE(runs.is_claimed(name));
  auto claim = runs.claim(name);
  REQUIRE(claim.has_value());
  CHECK(runs.is_claimed(name));
  CHECK_FALSE(runs.claim(name).has_value());
  CHECK(runs.claim("another").has_value());
  CHECK(in_child([&] { return runs.is_claimed(name) && !runs.claim(name).has_value() ? 1 : 0; }) == 1);
  store::Claim moved = std::move(*claim);
  claim.reset();
  CHECK(runs.is_claimed(name));
  { const store::Claim last = std::move(moved); }
  CHECK_FALSE(runs.is_claimed(name));
  CHECK(runs.claim(name).has_value());
}

TEST_CASE("a process that dies loses its claims", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  int ready[2], done[2];
  REQUIRE((::pipe(ready) == 0 && ::pipe(done) == 0));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = runs.claim("cohort");
    const char answer = held ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
    char ignored = 0;
    if (::read(done[0], &ignored, 1) < 0) ::_exit(1);  // waits to be killed
    ::_exit(0);
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  CHECK(runs.is_claimed("cohort"));
  CHECK_FALSE(runs.claim("cohort").has_value());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(runs.is_claimed("cohort"));
  CHECK(runs.claim("cohort").has_value());
  for (const int end : {ready[0], ready[1], done[0], done[1]}) ::close(end);
}

TEST_CASE("of many processes that claim the same at once, exactly one holds it at any time", "[store][fast]") {
  const TemporaryFolder temporary;
  const auto runs = store::open_store(temporary.path);
  std::vector<pid_t> children;
  for (int k = 0; k < 8; ++k) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    for (int i = 0; i < 200; ++i) {
      const auto claim = runs.claim("one");
      if (!claim) continue;
      const fs::path inside = temporary.path / "inside";
      const int file = ::open(inside.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
      if (file < 0) ::_exit(1);  // somebody else is inside
      ::close(file);
      fs::remove(inside);
    }
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
}
