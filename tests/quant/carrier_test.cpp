#include "quant/carrier.h"

#include <torch/torch.h>

#include "catch.h"

using namespace vernier;
using quant::Carrier;

namespace {

/// Whole numbers over the whole range of an integer format, few enough that no sum of products leaves 2^24.
struct Integers {
  at::Tensor a_RI, b_OI;
};

Integers integers(const NumberFormat& format) {
  const auto lowest = static_cast<std::int64_t>(format.lowest), above = static_cast<std::int64_t>(format.largest) + 1;
  const std::int64_t inner = std::clamp<std::int64_t>((1LL << 24) / (lowest * lowest), 1, 300);
  const auto draw = [&](std::int64_t rows) { return at::randint(lowest, above, {rows, inner}, at::kFloat); };
  Integers x{draw(37), draw(29)};
  x.a_RI[0].fill_(format.lowest);
  x.b_OI[0].fill_(format.lowest);
  return x;
}

at::Tensor exact_product(const Integers& x) { return at::matmul(x.a_RI.to(at::kLong), x.b_OI.to(at::kLong).t()); }

quant::Operand operand(const at::Tensor& values, Carrier carrier) { return {values, {}, carrier}; }

}  // namespace

TEST_CASE("a carrier is chosen by significand and exponents", "[quant][fast]") {
  for (const auto* name : {"int2", "int4", "int8", "int9", "sint9", "ternary", "e4m3", "e5m2", "e2m1", "bf16", "e3m7"})
    CHECK(quant::carrier_of(format_named(name)) == Carrier::Bf16);
  for (const auto* name : {"int10", "int12", "fp16", "e4m10", "e5m8"})
    CHECK(quant::carrier_of(format_named(name)) == Carrier::Fp16);
  for (const auto* name : {"int13", "int16", "e6m9", "e2m13"})
    CHECK(quant::carrier_of(format_named(name)) == Carrier::Fp32);
}

TEST_CASE("a carrier holds every value of each format that it is chosen for", "[quant][fast]") {
  std::string wrong;
  for (const auto& format : all_formats()) {
    const Carrier carrier = quant::carrier_of(format);
    if (carrier == Carrier::Fp32) continue;
    const at::Tensor values = torch::tensor(values_of(format), at::kDouble);
    const at::Tensor carried = values.to(carrier == Carrier::Bf16 ? at::kBFloat16 : at::kHalf).to(at::kDouble);
    if (!at::equal(values, carried)) wrong = format.name;
  }
  CHECK(wrong == "");
}

TEST_CASE("products of integers are exact in the carrier of their format", "[quant][fast]") {
  for (int bits = 2; bits <= 12; ++bits) {
    const NumberFormat format = format_named(fmt::format("int{}", bits));
    const Integers x = integers(format);
    const Carrier carrier =
        quant::carrier_of_product(parse_number(format.name), parse_number(format.name), false, true);
    CHECK(carrier == (bits <= 9 ? Carrier::Bf16 : Carrier::Fp32));
    const at::Tensor y = quant::product(operand(x.a_RI, carrier), operand(x.b_OI, carrier));
    INFO(format.name);
    CHECK(at::equal(y.to(at::kLong), exact_product(x)));
  }
}

TEST_CASE("fp32 carries products of every integer format up to its bound", "[quant][fast]") {
  for (int bits = 2; bits <= 13; ++bits) {
    const Integers x = integers(format_named(fmt::format("int{}", bits)));
    const at::Tensor y = quant::product(operand(x.a_RI, Carrier::Fp32), operand(x.b_OI, Carrier::Fp32));
    INFO(bits);
    CHECK(at::equal(y.to(at::kLong), exact_product(x)));
  }
}

TEST_CASE("fp16 carries products of integers of 10 to 12 bits on a device that has it", "[quant][gpu]") {
  if (!at::hasCUDA()) {
    WARN("SKIPPED: no CUDA device");
    return;
  }
  for (int bits = 2; bits <= 12; ++bits) {
    const NumberFormat format = format_named(fmt::format("int{}", bits));
    const Integers x = integers(format);
    const Carrier carrier =
        quant::carrier_of_product(parse_number(format.name), parse_number(format.name), false, false);
    CHECK(carrier == (bits <= 9 ? Carrier::Bf16 : Carrier::Fp16));
    const at::Tensor y = quant::product(operand(x.a_RI.cuda(), carrier), operand(x.b_OI.cuda(), carrier));
    INFO(format.name);
    CHECK(at::equal(y.cpu().to(at::kLong), exact_product(x)));
  }
}

TEST_CASE("one bit more than a carrier has is lost in it", "[quant][fast]") {
  const Integers x = integers(format_named("int10"));
  const at::Tensor y = quant::product(operand(x.a_RI, Carrier::Bf16), operand(x.b_OI, Carrier::Bf16));
  CHECK_FALSE(at::equal(y.to(at::kLong), exact_product(x)));
}

TEST_CASE("small floats multiply in bf16 without an error of the carrier", "[quant][fast]") {
  for (const auto* text : {"e4m3/tensor", "e5m2/tensor", "e2m1/tensor", "e3m2/token"}) {
    const Number number = parse_number(text);
    const auto a = quant::onto_grid(at::randn({20, 64}), number), b = quant::onto_grid(at::randn({30, 64}), number);
    const at::Tensor exact = at::matmul(a.grid.to(at::kDouble), b.grid.to(at::kDouble).t());
    const at::Tensor y = quant::product(operand(a.grid, Carrier::Bf16), operand(b.grid, Carrier::Bf16));
    const at::Tensor terms = at::matmul(a.grid.abs().to(at::kDouble), b.grid.abs().to(at::kDouble).t());
    CHECK(((y.to(at::kDouble) - exact).abs() <= terms * (64 * 0x1p-24)).all().item<bool>());  // fp32 sums alone
  }
}

TEST_CASE("scales of rows, tokens and tensors are applied to the result", "[quant][fast]") {
  const at::Tensor x = at::randn({20, 64}), w = at::randn({30, 64});
  for (const auto& [activation, weight] :
       std::vector<std::pair<std::string, std::string>>{{"int8/tensor", "int4/channel"},
                                                        {"int8/token", "int4/tensor"},
                                                        {"e4m3/token", "e2m1/channel"},
                                                        {"int12/tensor", "int12/channel"},
                                                        {"bf16", "bf16"},
                                                        {"int8/tensor", "e2m1/block32:e8m0"},
                                                        {"e7m3/tensor", "e7m3/channel"}}) {
    const Number left = parse_number(activation), right = parse_number(weight);
    const at::Tensor expected =
        at::matmul(quant::fake_quantized(x, left).to(at::kDouble), quant::fake_quantized(w, right).to(at::kDouble).t());
    for (const bool exact : {false, true}) {
      const at::Tensor y =
          quant::product(quant::operand_of(x, left, {}, exact), quant::operand_of(w, right, {}, exact));
      INFO(activation << " " << weight);
      CHECK((y.to(at::kDouble) - expected).abs().max().item<double>() < 1e-4);
    }
  }
}

TEST_CASE("a transposed operand has the same values", "[quant][fast]") {
  for (const auto* text : {"int4/channel", "int4/tensor", "bf16", "e2m1/block16:e4m3"}) {
    const Number number = parse_number(text);
    const at::Tensor w = at::randn({12, 32}), g = at::randn({7, 12});
    const at::Tensor y =
        quant::product({g, {}, Carrier::Fp32}, quant::transposed(quant::operand_of(w, number, {}, false)));
    CHECK((y - at::mm(g, quant::fake_quantized(w, number))).abs().max().item<double>() < 1e-4);
  }
}

TEST_CASE("blocks, unrounded operands and exact runs are carried in fp32", "[quant][fast]") {
  const auto carrier = [](const char* a, const char* b, bool exact = false, bool cpu = true) {
    return quant::carrier_of_product(parse_number(a), parse_number(b), exact, cpu);
  };
  CHECK(carrier("int8/tensor", "int4/channel") == Carrier::Bf16);
  CHECK(carrier("int8/tensor", "int4/channel", true) == Carrier::Fp32);
  CHECK(carrier("fp32", "int4/channel") == Carrier::Fp32);
  CHECK(carrier("int8/tensor", "int4/block32") == Carrier::Fp32);
  CHECK(carrier("int12/tensor", "int4/channel") == Carrier::Fp32);
  CHECK(carrier("int12/tensor", "int4/channel", false, false) == Carrier::Fp16);
  CHECK(carrier("e7m3/tensor", "e7m3/channel") == Carrier::Fp32);
  CHECK(carrier("bf16", "bf16") == Carrier::Bf16);
}
