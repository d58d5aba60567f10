#include "store/table.h"

#include <cmath>

#include "catch.h"
#include "store/csv.h"
#include "store/parquet.h"
#include "store/sample.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {

store::Table table_of(const std::string& name, const std::string& text) {
  const TemporaryFolder temporary;
  write_file(temporary.path / name, text);
  return store::read_table(temporary.path / name);
}

}  // namespace

TEST_CASE("a CSV cell is text, and a number where it reads as one", "[store][fast]") {
  const auto table =
      table_of("a.csv", "\xEF\xBB\xBFrun,N,\"loss, val\"\r\n\"a \"\"b\"\"\",1e6,3.25\r\n\r\n007,,nan\r\n\"\", +2 ,inf");
  REQUIRE(table.rows() == 3);
  CHECK(table.names() == std::vector<std::string>{"run", "N", "loss, val"});
  const auto& run = table.find("run")->cells;
  CHECK(run[0].text == "a \"b\"");
  CHECK_FALSE(run[0].number.has_value());
  CHECK(run[1].text == "007");
  CHECK(run[1].number == 7);
  CHECK(run[2].text == "");
  const auto& size = table.find("N")->cells;
  CHECK(size[0].number == 1e6);
  CHECK(size[1].missing());
  CHECK(size[2].number == 2);
  const auto& loss = table.find("loss, val")->cells;
  CHECK(loss[0].number == 3.25);
  CHECK(std::isnan(*loss[1].number));
  CHECK(std::isinf(*loss[2].number));
  CHECK(table.find("absent") == nullptr);
  CHECK_THAT(table.places[1], ContainsSubstring("a.csv:4"));
}

TEST_CASE("a field survives writing and reading whatever it holds", "[store][fast]") {
  for (const std::string text : {"plain", "a,b", "say \"no\"", "two\nlines", "\r\n", "\"", " blanks "}) {
    const auto rows = store::parse_csv(store::csv_field(text) + ",end\n", "memory");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].fields[0].text == text);
  }
}

TEST_CASE("a malformed CSV is refused with its place", "[store][fast]") {
  CHECK_THROWS_WITH(table_of("a.csv", "x,y\n1,2\n3\n"), ContainsSubstring("a.csv:3: a row of 1 values; expected 2"));
  CHECK_THROWS_WITH(table_of("a.csv", "x\n\"a\nb\"\n\"c"), ContainsSubstring("a.csv:4: a quote is left open"));
  CHECK_THROWS_WITH(table_of("a.csv", "x\n\"a\"b\n"), ContainsSubstring("a.csv:2: 'b' follows a closing quote"));
  CHECK_THROWS_WITH(table_of("a.csv", "x,x\n1,2\n"), ContainsSubstring("two columns are called 'x'"));
  CHECK_THROWS_WITH(table_of("a.csv", "x,y\n"), ContainsSubstring("holds no row"));
  CHECK_THROWS_WITH(table_of("a.csv", ""), ContainsSubstring("holds no row"));
  CHECK_THROWS_WITH(table_of("a.txt", "x\n1\n"), ContainsSubstring("expected .csv, .jsonl or .parquet"));
  CHECK_THROWS_AS(store::read_table("absent.csv"), Error);
}

TEST_CASE("JSON lines are rows, and a key that a line lacks is missing there", "[store][fast]") {
  const auto table =
      table_of("a.jsonl", "{\"N\": 1e6, \"name\": \"12\"}\n\n{\"loss\": 2.5, \"N\": null}\n{\"ok\": true}\n");
  REQUIRE(table.rows() == 3);
  CHECK(table.names() == std::vector<std::string>{"N", "name", "loss", "ok"});
  CHECK(table.find("N")->cells[0].number == 1e6);
  CHECK(table.find("N")->cells[1].missing());
  CHECK(table.find("N")->cells[2].missing());
  CHECK(table.find("name")->cells[0].text == "12");
  CHECK_FALSE(table.find("name")->cells[0].number.has_value());
  CHECK(table.find("loss")->cells[0].missing());
  CHECK(table.find("loss")->cells[1].number == 2.5);
  CHECK(table.find("ok")->cells[2].text == "true");
  CHECK(table.places[2].ends_with("a.jsonl:4"));
  CHECK_THROWS_WITH(table_of("a.jsonl", "{\"N\": 1}\n{\"N\": \n"),
                    ContainsSubstring("a.jsonl:2: expected one JSON object"));
  CHECK_THROWS_WITH(table_of("a.jsonl", "[1]\n"), ContainsSubstring("a.jsonl:1: expected one JSON object"));
}

TEST_CASE("a Parquet table comes back as it was written, nulls as missing", "[store][fast]") {
  const TemporaryFolder temporary;
  const std::vector<store::TypedColumn> columns{
      {"run", store::ColumnType::Text, "", {std::string("a"), store::Value()}},
      {"N", store::ColumnType::Integer, "", {std::int64_t{1} << 60, store::Value()}},
      {"loss", store::ColumnType::Number, "", {store::Value(), 0.1}}};
  store::write_parquet(columns, temporary.path / "a.parquet");
  const auto table = store::read_table(temporary.path / "a.parquet");
  REQUIRE(table.rows() == 2);
  CHECK(table.find("run")->cells[0].text == "a");
  CHECK(table.find("run")->cells[1].missing());
  CHECK(table.find("N")->cells[0].text == "1152921504606846976");
  CHECK(table.find("N")->cells[0].number == 0x1p60);
  CHECK(table.find("N")->cells[1].missing());
  CHECK(table.find("loss")->cells[0].missing());
  CHECK(table.find("loss")->cells[1].number == 0.1);
  CHECK(table.find("loss")->cells[1].text == "0.1");
  CHECK_THROWS_WITH(table_of("b.parquet", "no Parquet at all"), ContainsSubstring("not a Parquet file"));
}

TEST_CASE("the reference data of others can be read whole", "[store][fast]") {
  const auto folder = shared_folder() / "refdata";
  SKIP_WITHOUT(folder);
  const auto quest = store::read_table(folder / "quest_N_D_P_loss.csv");
  CHECK(quest.rows() == 104);
  CHECK(quest.find("loss_c4_val")->cells[0].number == 3.0677576065063477);
  CHECK(quest.find("w_quant")->cells[1].text == "TrustQuantizer");
  CHECK(store::read_table(folder / "quartet_fwd_bwd_loss.csv").rows() == 174);
  CHECK(store::read_table(folder / "gadre_models.csv").rows() == 104);
  CHECK(store::read_table(folder / "gadre_models_with_evals.csv").columns.size() > 60);
  CHECK(store::read_table(folder / "olmo_ladder_final_losses.csv").rows() == 24);
}
