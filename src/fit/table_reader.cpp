#include "fit/table_reader.h"

#include <fmt/ranges.h>

#include <cmath>

#include "base/error.h"
#include "fit/columns.h"
#include "fit/exported.h"
#include "fit/labels.h"
#include "fit/parts.h"
#include "fit/row_problem.h"
#include "fit/where.h"
#include "store/table.h"

namespace vernier::fit {
namespace {

using law::Part, law::RunPoint, law::Target;

class Reader {
 public:
  Reader(const store::Table& table, const ReadOptions& options);
  Data read();

 private:
  std::string absent(const std::string& name) const {
    return fmt::format("{} has no column '{}'; it has {}", table_.file, name, fmt::join(table_.names(), ", "));
  }
  const store::Column* find(const std::string& name) const {
    const auto mapped = options_.map.find(name);
    return table_.find(mapped == options_.map.end() ? name : mapped->second);
  }
  /// The table says its numbers as we do, so that bf16 is a format and not another word for "not rounded".
  bool has_our_numbers() const;
  std::string why_needed(const std::vector<std::string>& names) const;

  // Of the present row. The first problem is the one that is told.
  void refuse(const std::string& why) {
    if (why_.empty()) why_ = why;
  }
  store::Cell cell(const std::string& name) const {
    const auto* column = find(name);
    return column ? column->cells[row_] : store::Cell{};
  }
  double needed(const std::string& name, std::string_view what);
  double given(const std::string& name);
  std::optional<double> bits(const std::string& name);

  Part part(const std::string& name, const std::string& bits_name);
  Part named_part(const std::string& name, std::optional<double> bits);
  Part part_of_float_bits();
  Part described(Part part);
  void describe_parts(RunPoint& point);
  void describe_our_numbers(RunPoint& point);
  Part part_after_training();
  void add_losses(RunPoint& point);
  void add_task(RunPoint& point);
  void refuse_if_seen(const std::string& id);
  void add_row(Data& data);

  const store::Table& table_;
  const ReadOptions& options_;
  bool ours_ = false;
  std::map<std::string, std::string> place_of_id_, place_of_cells_;
  std::size_t row_ = 0;
  std::string why_;
};

bool Reader::has_our_numbers() const {
  for (const char* name : {"weights", "activations", "kv", "attention", "gradients", "rounding", "estimator"})
    if (!find(name)) return false;
  return true;
}

std::string Reader::why_needed(const std::vector<std::string>& names) const {
  for (const auto& name : names)
    if (find(name) || options_.map.contains(name)) return "";
  return absent(fmt::format("{}", fmt::join(names, "' or '"))) +
         fmt::format("; name it with --map {}=COLUMN", names.front());
}

Reader::Reader(const store::Table& table, const ReadOptions& options) : table_(table), options_(options) {
  Problems problems;
  for (const auto& [ours, theirs] : options.map)
    if (!table.find(theirs)) problems.push_back(fmt::format("--map {}={}: {}", ours, theirs, absent(theirs)));
  for (const auto& names : needed_columns(options.target))
    if (const auto why = why_needed(names); !why.empty()) problems.push_back(why);
  for (const auto& conjunction : parse_where(options.where))
    for (const auto& comparison : conjunction)
      if (!find(comparison.column)) problems.push_back("--where: " + absent(comparison.column));
  refuse_if(problems);
  ours_ = has_our_numbers();
}

Data Reader::read() {
  Data data;
  const Condition condition = parse_where(options_.where);
  for (row_ = 0; row_ < table_.rows(); ++row_)
    if (holds(condition, [&](const std::string& name) { return cell(name).text; })) add_row(data);
  return data;
}

/// A positive finite number; refuses the row where it is none.
double Reader::needed(const std::string& name, std::string_view what) {
  const auto found = cell(name);
  if (found.text && !found.number)
    refuse(fmt::format("{} is '{}', expected a positive finite number", what, *found.text));
  else if (!is_positive(found.number))
    refuse(not_positive(what, found.number));
  return found.number.value_or(0);
}

/// NaN where it is missing, else as above.
double Reader::given(const std::string& name) { return cell(name).missing() ? law::kUnknown : needed(name, name); }

std::optional<double> Reader::bits(const std::string& name) {
  if (cell(name).missing()) return std::nullopt;
  return needed(name, name);
}

/// `group` counts for the scales whose sharing the name does not say.
Part Reader::named_part(const std::string& name, std::optional<double> bits) {
  Part part = ours_ ? part_of(name, elements_of_weights(given("width"))) : foreign_part(name, bits);
  if (!ours_ && part.rounded && !cell("group").missing()) {
    const double group = given("group");
    part = foreign_part(name, bits, {group, group});
  }
  return described(std::move(part));
}

/// From the format's name where the file has a column for it, else from the bits.
Part Reader::part(const std::string& name, const std::string& bits_name) {
  try {
    if (const auto text = cell(name).text) return named_part(*text, bits(bits_name));
  } catch (const Error& problem) {
    refuse(fmt::format("{}: {}", name, problem.what()));
    return {};
  }
  if (const auto stated = bits(bits_name)) return described(part_of_bits(*stated));
  if (find(bits_name) || find(name)) refuse(fmt::format("{} is missing", find(bits_name) ? bits_name : name));
  Part unstated;
  unstated.stated = false;
  return unstated;
}

/// What columns of their own say of every rounded part.
Part Reader::described(Part part) {
  if (!part.rounded) return part;
  if (std::isnan(part.group)) part.group = given("group");
  if (!std::isnan(part.exponent_bits) || !find("exponent_bits")) return part;
  part.exponent_bits = given("exponent_bits");
  part.mantissa_bits = cell("mantissa_bits").number.value_or(law::kUnknown);  // may be 0
  if (!std::isnan(part.exponent_bits)) part.gaussian_error = law::kUnknown;   // a float's levels are not evenly spaced
  return part;
}

/// Data of float formats that say their bits and nothing else.
Part Reader::part_of_float_bits() {
  const double exponent = needed("exponent_bits", "exponent_bits"),
               mantissa = cell("mantissa_bits").number.value_or(-1);
  if (!(mantissa >= 0)) refuse("mantissa_bits is missing or no number of 0 or more");
  const double bits = exponent + mantissa + 1;
  if (!why_.empty() || bits >= 16) return part_of_bits(16);
  return named_part(fmt::format("e{}m{}", exponent, mantissa), bits);
}

void Reader::describe_parts(RunPoint& point) {
  const bool float_bits_alone =
      !find("weights") && !find("weight_bits") && find("exponent_bits") && find("mantissa_bits");
  point.weights = float_bits_alone ? part_of_float_bits() : part("weights", "weight_bits");
  point.activations = part("activations", "activation_bits");
  point.kv = part("kv", "kv_bits");
  const Part gradients = part("gradients", "gradient_bits");
  if (gradients.rounded) point.backward = part_label(gradients);
  point.forward = forward_label(point);
  point.precision = precision_label(point);
}

void Reader::describe_our_numbers(RunPoint& point) {
  const auto text = [&](const char* name, const std::string& usual) { return cell(name).text.value_or(usual); };
  NumbersSpec numbers;
  for (const auto& [name, number] :
       {std::pair("weights", &numbers.weights), std::pair("activations", &numbers.activations),
        std::pair("kv", &numbers.kv), std::pair("attention", &numbers.attention),
        std::pair("gradients", &numbers.gradients), std::pair("embedding", &numbers.embedding),
        std::pair("head", &numbers.head)})
    *number = text(name, "fp32");
  numbers.input_gradients = text("input_gradients", numbers.gradients);
  numbers.weight_gradients = text("weight_gradients", numbers.gradients);
  numbers.rounding = text("rounding", numbers.rounding);
  numbers.backward_rounding = text("backward_rounding", numbers.rounding);
  numbers.estimator = text("estimator", numbers.estimator);
  numbers.rotation = text("rotation", "none");
  try {
    describe(point, numbers, given("width"), given("batch_tokens"));
  } catch (const Error& problem) {
    refuse(problem.what());
  }
}

Part Reader::part_after_training() {
  Part none;
  none.stated = false;
  none.bits = law::kUnknown;
  try {
    if (const auto text = cell("post_weights").text) return named_part(*text, bits("post_bits"));
  } catch (const Error& problem) {
    refuse(fmt::format("post_weights: {}", problem.what()));
    return none;
  }
  const auto stated = bits("post_bits");
  return stated ? described(part_of_bits(*stated)) : none;
}

/// N, D and the losses, as far as what is predicted needs them.
void Reader::add_losses(RunPoint& point) {
  const bool score = options_.target == Target::TaskScore;
  const bool conditional = options_.target == Target::TaskLoss && !cell("task_loss").missing();
  if (cell("status").text == "diverged") refuse("diverged");
  if (!score || !cell("n_non_embedding").missing()) point.params = needed("n_non_embedding", "N");
  if (!score || !cell("tokens").missing()) point.tokens = needed("tokens", "D");
  if (!score && !conditional) point.loss = needed("loss_val", "loss");
  if (!point.post.rounded) return;
  if (cell("loss_before").missing() && !cell("delta").missing()) {
    const auto delta = cell("delta").number;  // may be negative by noise
    if (!delta || !std::isfinite(*delta))
      refuse(fmt::format("delta is '{}', expected a finite number", *cell("delta").text));
    point.loss_before = point.loss - delta.value_or(law::kUnknown);
    if (!(point.loss_before > 0)) refuse(not_positive("loss - delta", point.loss_before));
  } else {
    point.loss_before = needed("loss_before", "loss_before");
  }
}

void Reader::add_task(RunPoint& point) {
  const auto loss = cell("task_loss"), accuracy = cell("task_accuracy");
  point.task_loss = loss.number.value_or(law::kUnknown);
  point.task_accuracy = accuracy.number.value_or(law::kUnknown);
  if (options_.target != Target::TaskLoss && options_.target != Target::TaskScore) return;
  if (!loss.missing()) needed("task_loss", "task_loss");
  if (options_.target == Target::TaskScore && !accuracy.missing() &&
      !(point.task_accuracy >= 0 && point.task_accuracy <= 1))
    refuse(fmt::format("task_accuracy is {}, expected a share from 0 to 1", *accuracy.text));
}

/// The same run, or a row of the same cells, further up.
void Reader::refuse_if_seen(const std::string& id) {
  std::string cells;
  for (const auto& column : table_.columns) cells += column.cells[row_].text.value_or("") + '\x1f';
  const std::string& place = table_.places[row_];
  const auto& first_of_cells = place_of_cells_.try_emplace(cells, place).first->second;
  const auto& first_of_id = id.empty() ? place : place_of_id_.try_emplace(id, place).first->second;
  if (first_of_id != place)
    why_ = fmt::format("a run of this id stands further up, in {}", first_of_id);
  else if (first_of_cells != place)
    why_ = fmt::format("a row of the same values stands further up, in {}", first_of_cells);
}

void Reader::add_row(Data& data) {
  why_.clear();
  RunPoint point;
  point.post = part_after_training();
  point.method = point.post.rounded ? cell("method").text.value_or("") : "";
  const auto id = cell("run_id").text;
  point.run = id.value_or(table_.places[row_]);
  if (id && point.post.rounded) point.run += fmt::format("/{}/{}", point.method, part_label(point.post));
  point.seed = cell("seed").text.value_or("");
  add_losses(point);
  add_task(point);
  ours_ ? describe_our_numbers(point) : describe_parts(point);
  refuse_if_seen(id ? point.run : "");
  const bool post = point.post.rounded;
  ++(post ? data.post_rows : data.rows);
  if (why_.empty())
    (post ? data.post_trained : data.points).push_back(std::move(point));
  else
    (post ? data.post_excluded : data.excluded).push_back({std::move(point.run), why_});
}

}  // namespace

Data read_points(const std::filesystem::path& file, const ReadOptions& options) {
  const store::Table table = with_runs_beside(store::read_table(file));
  return Reader(table, options).read();
}

}  // namespace vernier::fit
