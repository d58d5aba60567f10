// Published runs of others as points (../shared/refdata; its README.md says where they come from).
#pragma once

#include <string>
#include <vector>

#include "fit/data.h"
#include "fit/labels.h"
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
    point.weights = point.activations = {!baseline, bits, "fp32", true};
    point.kv = kv_too ? point.weights : vernier::law::Part{false, 16, "fp32", true};
    point.precision = vernier::fit::precision_label(point);
    points.push_back(point);
  }
  return points;
}

}  // namespace refdata
