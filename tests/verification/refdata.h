// Published runs of others as points (../shared/refdata; its README.md says where they come from).
#pragma once

#include <string>
#include <vector>

#include "fit/data.h"
#include "fit/labels.h"
#include "fit/parts.h"
#include "store/table.h"

namespace refdata {

using vernier::law::RunPoint;

/// QuEST's rows at equal bits of weights and activations, Hadamard family or unquantized, of at least `fewest_bits`.
/// `kv_too` lets keys and values have the same bits, which makes the cube of `kumar_tied` of the product over parts.
inline std::vector<RunPoint> quest(const std::filesystem::path& file, double fewest_bits, bool kv_too = false) {
  const auto table = vernier::store::read_table(file);
  const auto text = [&](const char* column, std::size_t row) {
    return table.find(column)->cells[row].text.value_or("");
  };
  const auto number = [&](const char* column, std::size_t row) {
    return table.find(column)->cells[row].number.value();
  };
  std::vector<RunPoint> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string w = text("w_quant", row), a = text("a_quant", row);
    const bool baseline = w == "NoQuantizer" && a == "NoQuantizer";
    const bool other = w.find("FourEight") != std::string::npos || w.find("FP4") != std::string::npos || w != a ||
                       w.find("Hadamard") == std::string::npos;
    if (!baseline && other) continue;
    const double bits = baseline ? 16 : number("w_bits", row);
    if (bits < fewest_bits) continue;
    RunPoint point;
    point.run = table.places[row];
    point.params = number("N_nonemb", row);
    point.tokens = number("D_tokens", row);
    point.loss = number("loss_c4_val", row);
    point.weights = point.activations = vernier::fit::part_of_bits(bits);
    point.kv = kv_too ? point.weights : vernier::law::Part{false, 16, "fp32", false};
    point.precision = vernier::fit::precision_label(point);
    points.push_back(point);
  }
  return points;
}

/// What README.md calls the rounding of a row of QuEST's: its bits, with NOH where nothing is rotated, with WO where
/// weights alone are rounded; s24, fp4; 16 for none.
inline std::string quest_class(const std::string& weights, const std::string& activations, const std::string& bits) {
  const auto has = [&](const char* word) { return weights.find(word) != std::string::npos; };
  if (weights == "NoQuantizer" && activations == "NoQuantizer") return "16";
  if (has("FourEight")) return "s24";
  if (has("FP4")) return "fp4";
  if (weights != activations) return bits + "WO";
  return has("Hadamard") ? bits : bits + "NOH";
}

/// All of QuEST's rows as the reader gives them, their precision being their class, "baseline" for 16.
inline std::vector<RunPoint> quest_by_class(const std::filesystem::path& file) {
  const auto map = vernier::fit::parse_map(
      "n_non_embedding=N_nonemb,tokens=D_tokens,loss_val=loss_c4_val,weights=w_quant,activations=a_quant,"
      "weight_bits=w_bits,activation_bits=a_bits");
  auto points = vernier::fit::read_data(file.string(), {.map = map}).points;
  const auto table = vernier::store::read_table(file);
  for (auto& point : points)
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (table.places[row] == point.run) {
        const auto text = [&](const char* column) { return table.find(column)->cells[row].text.value_or(""); };
        const std::string its_class = quest_class(text("w_quant"), text("a_quant"), text("w_bits"));
        point.precision = its_class == "16" ? "baseline" : its_class;
      }
  return points;
}

}  // namespace refdata
