#include "format/number_format.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "format/spelling.h"

namespace vernier {

namespace {

constexpr int kMostBits = 16;
constexpr int kMostExponentBits = 8;  // fp32 carries every simulated value
constexpr int kFp32Bits = 32;

NumberFormat integer(std::string name, int bits, bool symmetric) {
  const double largest = std::ldexp(1.0, bits - 1) - 1;
  return {std::move(name), Kind::Integer,  bits, 0, bits - 1, 0, symmetric ? -largest : -largest - 1,
          largest,         TopCodes::Value};
}

/// The OCP specifications give these five floats top codes of their own.
TopCodes top_codes_of(std::string_view name) {
  if (name == "e4m3") return TopCodes::Nan;
  if (name == "e3m2" || name == "e2m3" || name == "e2m1") return TopCodes::Value;
  return TopCodes::Ieee;
}

NumberFormat floating(std::string name, int exponent_bits, int fraction_bits) {
  const TopCodes top_codes = top_codes_of(name);
  const int exponent_bias = (1 << (exponent_bits - 1)) - 1;
  const int smallest_exponent = 1 - exponent_bias - fraction_bits;
  // The largest finite magnitude code counts steps within its exponent; IEEE gives the whole highest exponent away.
  const int top_exponent = (1 << exponent_bits) - 1 - (top_codes == TopCodes::Ieee ? 1 : 0);
  const double top_fraction = std::ldexp(1.0, fraction_bits) - 1 - (top_codes == TopCodes::Nan ? 1 : 0);
  const double largest = top_exponent == 0 ? std::ldexp(top_fraction, smallest_exponent)
                                           : std::ldexp(top_fraction + std::ldexp(1.0, fraction_bits),
                                                        smallest_exponent + top_exponent - 1);
  return {std::move(name), Kind::Float,       1 + exponent_bits + fraction_bits,
          exponent_bits,   fraction_bits + 1, smallest_exponent,
          -largest,        largest,           top_codes};
}

/// Three bits in all are the fewest.
int fewest_fraction_bits(int exponent_bits) { return std::max(0, 2 - exponent_bits); }

std::vector<NumberFormat> every_format() {
  std::vector<NumberFormat> formats;
  for (int bits = 2; bits <= kMostBits; ++bits) formats.push_back(integer(fmt::format("int{}", bits), bits, false));
  for (int bits = 2; bits <= kMostBits; ++bits) formats.push_back(integer(fmt::format("sint{}", bits), bits, true));
  formats.push_back(integer("ternary", 2, true));
  formats.push_back(floating("bf16", 8, 7));
  formats.push_back(floating("fp16", 5, 10));
  for (int e = 1; e <= kMostExponentBits; ++e)
    for (int m = fewest_fraction_bits(e); 1 + e + m <= kMostBits; ++m)
      formats.push_back(floating(fmt::format("e{}m{}", e, m), e, m));
  return formats;
}

constexpr std::array kOtherFormats{
    OtherSpelling{"fp4", "e2m1"},     OtherSpelling{"fp6", "e3m2"},      OtherSpelling{"fp6", "e2m3"},
    OtherSpelling{"fp8", "e4m3"},     OtherSpelling{"fp8", "e5m2"},      OtherSpelling{"half", "fp16"},
    OtherSpelling{"float16", "fp16"}, OtherSpelling{"binary16", "fp16"}, OtherSpelling{"bfloat16", "bf16"},
    OtherSpelling{"bfloat", "bf16"},  OtherSpelling{"float32", "fp32"},  OtherSpelling{"binary32", "fp32"},
    OtherSpelling{"float", "fp32"},   OtherSpelling{"single", "fp32"},
};

/// Why a name that looks like e<E>m<M>, int<b> or sint<b> is none of the formats, and the one nearest to it.
struct Impossible {
  std::string reason;
  std::string nearest;
};

std::optional<Impossible> impossible(std::string_view name) {
  if (const auto float_bits = numbers_in(name, "e", "m")) {
    const int e = std::clamp(float_bits->first, 1, kMostExponentBits);
    const int m = std::clamp(float_bits->second, fewest_fraction_bits(e), kMostBits - 1 - e);
    return Impossible{
        fmt::format("e<E>m<M> needs 1 to {} exponent bits and 3 to {} bits in all, this has {} and {}",
                    kMostExponentBits, kMostBits, float_bits->first, 1 + float_bits->first + float_bits->second),
        fmt::format("e{}m{}", e, m)};
  }
  for (const char* prefix : {"int", "sint"})
    if (const auto bits = number_after(name, prefix))
      return Impossible{fmt::format("{}<b> needs 2 to {} bits", prefix, kMostBits),
                        fmt::format("{}{}", prefix, std::clamp(*bits, 2, kMostBits))};
  return std::nullopt;
}

double infinity() { return std::numeric_limits<double>::infinity(); }

/// The exponent of the grid's step around x, which is finite and not 0.
int step_exponent(double x, const NumberFormat& format) {
  if (format.kind == Kind::Integer) return format.smallest_exponent;
  return std::max(std::ilogb(x) - format.significand_bits + 1, format.smallest_exponent);
}

/// A grid value without bounds becomes one of the format: saturated, the sign of a float's zero taken from x.
double settled(double on_grid, double x, const NumberFormat& format) {
  const double bounded = std::clamp(on_grid, format.lowest, format.largest);
  if (bounded == 0) return format.kind == Kind::Float ? std::copysign(0.0, x) : 0.0;
  return bounded;
}

/// What needs no rounding: NaN, infinities and zeros.
std::optional<double> unrounded(double x, const NumberFormat& format) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return has_infinity(format) ? x : (x > 0 ? format.largest : format.lowest);
  if (x == 0) return settled(0, x, format);
  return std::nullopt;
}

std::uint32_t fraction_mask(const NumberFormat& format) { return (1U << (format.significand_bits - 1)) - 1; }
std::uint32_t top_exponent_code(const NumberFormat& format) {
  return ((1U << format.exponent_bits) - 1) << (format.significand_bits - 1);
}

std::uint32_t encode_integer(double value, const NumberFormat& format) {
  const std::uint32_t mask = (1U << format.bits) - 1;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(value)) & mask;
}

std::uint32_t nan_code(const NumberFormat& format) {
  const std::uint32_t quiet =
      format.top_codes == TopCodes::Nan ? fraction_mask(format) : (fraction_mask(format) + 1) / 2;
  return top_exponent_code(format) | quiet;
}

std::uint32_t magnitude_code(double magnitude, const NumberFormat& format) {
  if (magnitude == 0) return 0;
  const int fraction_bits = format.significand_bits - 1;
  const int step = step_exponent(magnitude, format);
  const auto steps = static_cast<std::uint32_t>(std::ldexp(magnitude, -step));  // hidden bit included
  return steps + (static_cast<std::uint32_t>(step - format.smallest_exponent) << fraction_bits);
}

}  // namespace

bool has_infinity(const NumberFormat& format) { return format.top_codes == TopCodes::Ieee; }

bool has_nan(const NumberFormat& format) {
  return format.top_codes == TopCodes::Nan || (format.top_codes == TopCodes::Ieee && format.significand_bits > 1);
}

std::optional<int> bias(const NumberFormat& format) {
  if (format.kind == Kind::Integer) return std::nullopt;
  return (1 << (format.exponent_bits - 1)) - 1;
}

std::optional<double> smallest_normal(const NumberFormat& format) {
  if (format.kind == Kind::Integer) return 1;
  const double normal = std::ldexp(1.0, format.smallest_exponent + format.significand_bits - 1);
  if (normal > format.largest) return std::nullopt;
  return normal;
}

std::optional<double> smallest_subnormal(const NumberFormat& format) {
  if (format.kind == Kind::Integer || format.significand_bits == 1) return std::nullopt;
  return std::ldexp(1.0, format.smallest_exponent);
}

const std::vector<NumberFormat>& all_formats() {
  static const std::vector<NumberFormat> formats = every_format();
  return formats;
}

std::optional<NumberFormat> find_format(std::string_view name) {
  if (name == "fp32") return floating("fp32", kMostExponentBits, kFp32Bits - 1 - kMostExponentBits);
  const auto& formats = all_formats();
  const auto found =
      std::find_if(formats.begin(), formats.end(), [&](const auto& format) { return format.name == name; });
  return found == formats.end() ? std::nullopt : std::optional(*found);
}

std::string no_such_format(std::string_view name) {
  const auto why = impossible(name);
  return fmt::format(
      "no format is called '{}'; known: int2...int{}, sint2...sint{}, ternary, bf16, fp16, fp32 (not rounded), "
      "e<E>m<M> (as e4m3){}",
      name, kMostBits, kMostBits, why ? "; " + why->reason : "");
}

std::vector<std::string> formats_near(std::string_view name) {
  if (find_format(name)) return {std::string(name)};
  if (const auto why = impossible(name)) return {why->nearest};
  std::vector<std::string_view> names{"fp32"};
  for (const auto& format : all_formats()) names.push_back(format.name);
  return nearest_spellings(name, names, kOtherFormats);
}

NumberFormat format_named(std::string_view name) {
  if (const auto found = find_format(name)) return *found;
  const auto near = formats_near(name);
  throw Error(fmt::format("{}{}", no_such_format(name),
                          near.empty() ? "" : fmt::format("; nearest: {}", fmt::join(near, ", "))));
}

double round_to_grid(double x, const NumberFormat& format) {
  if (const auto same = unrounded(x, format)) return *same;
  const int step = step_exponent(x, format);
  const double steps = std::nearbyint(std::ldexp(x, -step));  // ties to even: the default rounding mode
  return settled(std::ldexp(steps, step), x, format);
}

namespace {

/// x, which is finite and not 0, rounded by the draw on the same grid without a bound.
double stochastic_without_bound(double x, const NumberFormat& format, std::int32_t draw) {
  const int step = step_exponent(x, format);
  const double exact = std::ldexp(std::abs(x), -step), inner = std::floor(exact);
  const double steps = draw < std::ldexp(exact - inner, 31) ? inner + 1 : inner;
  return std::copysign(std::ldexp(steps, step), x);
}

}  // namespace

double round_to_grid_stochastic(double x, const NumberFormat& format, std::int32_t draw) {
  if (const auto same = unrounded(x, format)) return *same;
  return settled(stochastic_without_bound(x, format, draw), x, format);
}

double widest_step(const NumberFormat& format) { return std::ldexp(1.0, step_exponent(format.largest, format)); }

bool saturates(double x, const NumberFormat& format, std::optional<std::int32_t> draw) {
  if (std::isnan(x) || x == 0) return false;
  if (std::isinf(x)) return !has_infinity(format);
  const int step = step_exponent(x, format);
  const double on_grid =
      draw ? stochastic_without_bound(x, format, *draw) : std::ldexp(std::nearbyint(std::ldexp(x, -step)), step);
  return on_grid < format.lowest || on_grid > format.largest;
}

std::uint32_t encode(double value, const NumberFormat& format) {
  if (std::isnan(value)) {
    if (!has_nan(format)) throw Error(fmt::format("{} has no code for NaN", format.name));
    return nan_code(format);
  }
  if (round_to_grid(value, format) != value)
    throw Error(fmt::format("{} has no code for {}: it is not a value of the format", format.name, value));
  if (format.kind == Kind::Integer) return encode_integer(value, format);
  const std::uint32_t sign = std::signbit(value) ? 1U << (format.bits - 1) : 0;
  return sign | (std::isinf(value) ? top_exponent_code(format) : magnitude_code(std::abs(value), format));
}

std::optional<double> decode(std::uint32_t code, const NumberFormat& format) {
  if (format.bits < kFp32Bits && code >> format.bits != 0) return std::nullopt;
  const std::uint32_t sign_bit = 1U << (format.bits - 1);
  if (format.kind == Kind::Integer) {
    const double value = static_cast<double>(code) - (code & sign_bit ? 2.0 * sign_bit : 0.0);
    return value < format.lowest ? std::nullopt : std::optional(value);
  }
  const std::uint32_t magnitude = code & ~sign_bit, fraction = magnitude & fraction_mask(format);
  const int exponent = static_cast<int>(magnitude >> (format.significand_bits - 1));
  const double sign = code & sign_bit ? -1 : 1;
  if (format.top_codes == TopCodes::Ieee && (magnitude & top_exponent_code(format)) == top_exponent_code(format))
    return fraction == 0 ? sign * infinity() : std::numeric_limits<double>::quiet_NaN();
  if (format.top_codes == TopCodes::Nan && magnitude == (top_exponent_code(format) | fraction_mask(format)))
    return std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(fraction, format.smallest_exponent);
  return sign * std::ldexp(fraction + fraction_mask(format) + 1.0, format.smallest_exponent + exponent - 1);
}

std::vector<double> values_of(const NumberFormat& format) {
  std::vector<double> values;
  for (std::uint32_t code = 0; code < 1U << format.bits; ++code) {
    const auto value = decode(code, format);
    if (value && std::isfinite(*value)) values.push_back(*value + 0.0);  // -0 + 0 is +0
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace vernier
