#include "quant/carrier.h"

#include <ATen/native/CPUBlas.h>
#include <torch/torch.h>

#include <algorithm>

namespace vernier::quant {

namespace {

constexpr int kBf16Bits = 8, kFp16Bits = 11;  // of a significand

bool fits_fp16(const NumberFormat& format) {
  static const NumberFormat fp16 = format_named("fp16");
  return format.significand_bits <= kFp16Bits && format.largest <= fp16.largest && -format.lowest <= fp16.largest &&
         format.smallest_exponent >= fp16.smallest_exponent;
}

at::ScalarType type_of(Carrier carrier) {
  return carrier == Carrier::Bf16 ? at::kBFloat16 : carrier == Carrier::Fp16 ? at::kHalf : at::kFloat;
}

/// a b^T from bf16 to fp32. ATen's mm would round the result to bf16; its BLAS, whose result is fp32, picks the matrix
/// unit.
at::Tensor bf16_product_on_cpu(const at::Tensor& a_RI, const at::Tensor& b_OI) {
  const at::Tensor a = a_RI.contiguous(), b_IO = b_OI.t().contiguous();
  const std::int64_t rows = a.size(0), inner = a.size(1), columns = b_IO.size(1);
  if (rows == 0 || inner == 0 || columns == 0) return at::zeros({rows, columns}, at::kFloat);
  const at::Tensor y = at::empty({rows, columns}, at::kFloat);
  at::native::cpublas::brgemm(rows, columns, inner, inner, columns, columns, false, a.const_data_ptr<at::BFloat16>(),
                              b_IO.const_data_ptr<at::BFloat16>(), y.data_ptr<float>(), false);
  return y;
}

/// Every member of a on a CPU, as it would be alone.
at::Tensor by_members(const at::Tensor& a_KRI, const at::Tensor& b_KOI, Carrier carrier);

at::Tensor plain_product(const at::Tensor& a, const at::Tensor& b, Carrier carrier) {
  if (a.dim() == 3 && a.is_cpu()) return by_members(a, b, carrier);
  const at::Tensor left = a.to(type_of(carrier)), right = b.to(type_of(carrier));
  if (a.dim() == 3) {
    const at::Tensor right_KIO = right.transpose(1, 2);
    return carrier == Carrier::Fp32 ? at::bmm(left, right_KIO) : at::bmm(left, right_KIO, at::kFloat);
  }
  if (carrier == Carrier::Fp32) return at::mm(left, right.t());
  return left.is_cpu() ? bf16_product_on_cpu(left, right) : at::mm(left, right.t(), at::kFloat);
}

at::Tensor by_members(const at::Tensor& a_KRI, const at::Tensor& b_KOI, Carrier carrier) {
  std::vector<at::Tensor> products;
  for (std::int64_t k = 0; k < a_KRI.size(0); ++k) products.push_back(plain_product(a_KRI[k], b_KOI[k], carrier));
  return at::stack(products);
}

/// Whether a scale is the same for all rows.
bool is_of_tensor(const at::Tensor& scale) { return scale.dim() < 2 || scale.size(-2) == 1; }

/// What the operands of a number have in common.
struct Form {
  Carrier carrier = Carrier::Fp32;
  bool scaled = false, by_rows = false;
  bool operator==(const Form&) const = default;
};

Form form_of(const Number& number, bool exact, bool on_cpu) {
  if (!enters_unscaled(number)) return {};
  const bool scaled = number.scale != Scale::None;
  return {carrier_of_product(number, number, exact, on_cpu), scaled,
          scaled && number.granularity != Granularity::Tensor};
}

}  // namespace

std::string_view name_of(Carrier carrier) { return kCarriers[static_cast<std::size_t>(carrier)].name; }

Carrier carrier_of(const NumberFormat& format) {
  if (format.significand_bits <= kBf16Bits) return Carrier::Bf16;
  return fits_fp16(format) ? Carrier::Fp16 : Carrier::Fp32;
}

bool enters_unscaled(const Number& number) {
  constexpr double kLargestFactor = 0x1p56;  // two of them, 2^15 times, stay within fp32
  if (!number.rounded) return false;
  return number.scale == Scale::None ||
         (number.granularity != Granularity::Block && number.format.largest <= kLargestFactor);
}

Carrier carrier_of_product(const Number& a, const Number& b, bool exact, bool on_cpu) {
  if (exact || !enters_unscaled(a) || !enters_unscaled(b)) return Carrier::Fp32;
  const Carrier wider = std::max(carrier_of(a.format), carrier_of(b.format));
  return wider == Carrier::Fp16 && on_cpu ? Carrier::Fp32 : wider;
}

Operand operand_of(const at::Tensor& x_RC, const Number& number, const How& how, bool exact) {
  if (!number.rounded) return {x_RC, {}, Carrier::Fp32};
  if (!enters_unscaled(number)) return {fake_quantized(x_RC, number, how), {}, Carrier::Fp32};
  const Carrier carrier = carrier_of_product(number, number, exact, x_RC.is_cpu());
  const OnGrid on_grid = onto_grid(x_RC, number, how, carrier == Carrier::Bf16 ? Store::Bf16 : Store::Grid);
  return {on_grid.grid, on_grid.scale, carrier};
}

bool alike(const std::vector<Number>& numbers, bool exact, bool on_cpu) {
  return std::all_of(numbers.begin(), numbers.end(), [&](const Number& number) {
    return form_of(number, exact, on_cpu) == form_of(numbers[0], exact, on_cpu);
  });
}

Operand stacked_operand(const at::Tensor& x_KRC, const std::vector<Number>& numbers, const std::vector<How>& hows,
                        bool exact) {
  const bool any = std::any_of(numbers.begin(), numbers.end(), [](const Number& number) { return number.rounded; });
  if (!any) return {x_KRC, {}, Carrier::Fp32};
  const at::Tensor x = x_KRC.contiguous();
  const Form form = form_of(numbers[0], exact, x.is_cpu());
  const auto type = form.carrier == Carrier::Bf16 ? at::kBFloat16 : at::kFloat;
  Operand all{at::empty(x.sizes(), x.options().dtype(type)), {}, form.carrier};
  if (form.scaled) all.scale = at::empty({x.size(0), form.by_rows ? x.size(1) : 1, 1}, x.options());
  for (std::int64_t k = 0; k < x.size(0); ++k) {
    const auto member = static_cast<std::size_t>(k);
    if (!enters_unscaled(numbers[member]))
      all.values[k].copy_(fake_quantized(x[k], numbers[member], hows[member]));
    else
      round_into({all.values[k], form.scaled ? all.scale[k] : at::Tensor()}, x[k], numbers[member],
                 hows[member].rounder);
  }
  return all;
}

Operand transposed(const Operand& operand) {
  if (!operand.scale.defined() || is_of_tensor(operand.scale))
    return {operand.values.transpose(-2, -1), operand.scale, operand.carrier};
  return {(operand.values * operand.scale).transpose(-2, -1), {}, Carrier::Fp32};
}

at::Tensor product(const Operand& a, const Operand& b) {
  at::Tensor y = plain_product(a.values, b.values, std::max(a.carrier, b.carrier));
  const at::Tensor columns = b.scale.defined() && b.scale.dim() > 1 ? b.scale.transpose(-2, -1) : b.scale;
  if (a.scale.defined() && columns.defined() && is_of_tensor(a.scale)) return y.mul_(columns * a.scale);  // one pass
  if (a.scale.defined()) y.mul_(a.scale);
  if (columns.defined()) y.mul_(columns);
  return y;
}

}  // namespace vernier::quant
