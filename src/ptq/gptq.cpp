#include "ptq/gptq.h"

#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "quant/quantize.h"

namespace vernier::ptq {

namespace {

constexpr double kLeastSecondDamping = 1e-6;  ///< after a first one of nothing
constexpr std::int64_t kPanel = 128;          ///< columns whose updates of the later ones are applied together

/// Lower or upper Cholesky factor; undefined where there is none.
at::Tensor triangle_of(const at::Tensor& h_II, bool upper) {
  const auto [factor, info] = at::linalg_cholesky_ex(h_II, upper);
  const bool found = info.item<int>() == 0 && at::isfinite(factor).all().item<bool>();
  return found ? factor : at::Tensor();
}

/// U of H's damped inverse; undefined where it cannot be had.
at::Tensor inverse_factor(const at::Tensor& h_II, double addend) {
  at::Tensor damped = h_II.clone();
  damped.diagonal().add_(addend);
  const at::Tensor lower = triangle_of(damped, false);
  return lower.defined() ? triangle_of(at::cholesky_inverse(lower), true) : lower;
}

struct Factor {
  at::Tensor upper_II;
  double damping;
};

Factor factor_of(const at::Tensor& h_II, double damping, const std::string& name) {
  const double mean = h_II.diagonal().mean().item<double>();
  std::string tried;
  for (int attempt = 0; attempt <= kMoreDampings; ++attempt) {
    if (const at::Tensor upper = inverse_factor(h_II, damping * mean); upper.defined()) return {upper, damping};
    tried += fmt::format("{}{}", attempt > 0 ? ", " : "", damping);
    damping = std::max(10 * damping, kLeastSecondDamping);
  }
  throw Failure(fmt::format(
      "{}: the moments of its inputs could not be factorised; dampings tried, as shares of the mean diagonal: {}", name,
      tried));
}

/// H with the mean of the live diagonal where an input was never seen: such a column then touches no other.
at::Tensor without_dead_inputs(const at::Tensor& h_II) {
  at::Tensor h = h_II.clone();
  at::Tensor diagonal = h.diagonal();
  const at::Tensor live = diagonal > 0;
  diagonal.masked_fill_(live.logical_not(), diagonal.masked_select(live).mean().item<double>());
  return h;
}

/// The scale of every column's rows: [1], [O, 1], or a contiguous [O, 1] of its block.
class ColumnScales {
 public:
  ColumnScales(const at::Tensor& w_OI, const Number& number)
      : scale_(quant::scales_of(w_OI, number)), block_(number.block) {
    if (scale_.defined() && block_ > 0) scale_ = scale_.t().contiguous();
  }
  at::Tensor of(std::int64_t column) const {
    return scale_.defined() && block_ > 0 ? scale_[column / block_].unsqueeze(1) : scale_;
  }

 private:
  at::Tensor scale_;
  std::int64_t block_;
};

/// All columns rounded in this order; transposed, as a column is then contiguous.
at::Tensor spread(const Layer& layer, const at::Tensor& order_I, const at::Tensor& upper_II, const Number& number) {
  const ColumnScales scales(layer.w_OI, number);
  at::Tensor w_IO = layer.w_OI.to(at::kDouble).t().index_select(0, order_I).contiguous();
  const at::Tensor columns = order_I.to(at::kCPU), pivots = upper_II.diagonal().to(at::kCPU);
  const std::int64_t inputs = w_IO.size(0);
  at::Tensor w_hat_IO = at::empty_like(w_IO, at::kFloat), error_IO = at::empty_like(w_IO);
  for (std::int64_t begin = 0; begin < inputs; begin += kPanel) {
    const std::int64_t end = std::min(begin + kPanel, inputs);
    for (std::int64_t i = begin; i < end; ++i) {
      const at::Tensor scale = scales.of(columns[i].item<std::int64_t>());
      const at::Tensor nearest = quant::fake_quantized(w_IO[i].to(at::kFloat).unsqueeze(1), number, {{}, scale});
      w_hat_IO[i].copy_(nearest.squeeze(1));
      error_IO[i].copy_((w_IO[i] - w_hat_IO[i]) / pivots[i].item<double>());
      w_IO.slice(0, i + 1, end).addr_(upper_II[i].slice(0, i + 1, end), error_IO[i], 1, -1);
    }
    w_IO.slice(0, end).sub_(at::mm(upper_II.slice(0, begin, end).slice(1, end).t(), error_IO.slice(0, begin, end)));
  }
  return at::empty_like(w_hat_IO).index_copy_(0, order_I, w_hat_IO).t().contiguous();
}

}  // namespace

QuantizedLayer gptq(const Layer& layer, const Number& number, const GptqOptions& options) {
  const at::Tensor& seen_II = layer.inputs.second_II;
  if (!at::isfinite(seen_II).all().item<bool>())
    throw Failure(fmt::format("{}: the moments of its inputs are not finite", layer.name));
  QuantizedLayer result = rounded_to_nearest(layer, number);
  result.rows_rtn = layer.w_OI.size(0);
  if (!number.rounded || seen_II.diagonal().max().item<double>() <= 0) return result;
  const at::Tensor h_II = without_dead_inputs(seen_II);
  const at::Tensor order_I = options.act_order ? at::argsort(h_II.diagonal(), true, 0, true)
                                               : at::arange(h_II.size(0), h_II.options().dtype(at::kLong));
  const Factor factor = factor_of(h_II.index_select(0, order_I).index_select(1, order_I), options.damping, layer.name);
  const at::Tensor spread_OI = spread(layer, order_I, factor.upper_II, number);
  const at::Tensor error_O = row_errors(layer, spread_OI), nearest_O = row_errors(layer, result.w_OI);
  const at::Tensor better_O = error_O < nearest_O;
  result.w_OI = at::where(better_O.unsqueeze(1), spread_OI, result.w_OI);
  result.error = at::where(better_O, error_O, nearest_O).sum().item<double>();
  result.damping = factor.damping;
  result.rows_rtn = result.w_OI.size(0) - better_O.sum().item<std::int64_t>();
  return result;
}

}  // namespace vernier::ptq
