// Number formats as rows of facts, and the slow, obvious reference for them: round, encode, decode. One grid for all: a
// format is (significand bits, smallest exponent, lowest, largest), and an integer is the grid whose exponent never
// leaves the bottom, so one rounding serves every format.
//
// Sources: OCP 8-bit Floating Point Specification 1.0 (e4m3, e5m2), OCP Microscaling Formats 1.0 (e3m2, e2m3, e2m1),
// IEEE 754 for every other float (the highest exponent means infinity and NaN), Kumar et al., arXiv 2411.04330
// (int<b>).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

enum class Kind { Integer, Float };

/// What the highest codes of a float stand for.
enum class TopCodes {
  Value,  ///< ordinary values: no infinity, no NaN
  Nan,    ///< all ones is NaN, the other codes are values: no infinity
  Ieee,   ///< the highest exponent means infinity (fraction zero) and NaN (any other fraction)
};

/// Only independent facts, so that a row cannot contradict itself; what follows from them are the functions below.
struct NumberFormat {
  std::string name;  ///< spelling in YAML, on the command line and in stored runs
  Kind kind = Kind::Float;
  int bits = 0;               ///< of a stored code
  int exponent_bits = 0;      ///< 0 for integers
  int significand_bits = 0;   ///< of a normal value, hidden bit included; bits - 1 for integers
  int smallest_exponent = 0;  ///< the step next to zero is two to this power
  double lowest = 0;   ///< most negative finite value; its own fact, as int4 reaches one step further down than up
  double largest = 0;  ///< most positive finite value
  TopCodes top_codes = TopCodes::Value;
};

bool has_infinity(const NumberFormat& format);
bool has_nan(const NumberFormat& format);
/// Exponent bias, 2^(exponent_bits - 1) - 1; absent for integers.
std::optional<int> bias(const NumberFormat& format);
/// Smallest positive value with a full significand: 1 for integers; absent where every finite value is subnormal
/// (e1m<M>).
std::optional<double> smallest_normal(const NumberFormat& format);
/// Smallest positive value below the normal ones; absent for integers and for floats without fraction bits.
std::optional<double> smallest_subnormal(const NumberFormat& format);

/// The format of this name: int2...int16, sint2...sint16, ternary, bf16, fp16, fp32, every e<E>m<M> of 3 to 16 bits in
/// all with an exponent of 1 to 8 bits (fp32 carries every simulated value, and its exponent has 8). Absent where there
/// is none.
std::optional<NumberFormat> find_format(std::string_view name);

/// The same, or an Error that names the known spellings and the nearest ones.
NumberFormat format_named(std::string_view name);

/// What that Error says of the name: the known spellings, and why this one cannot be.
std::string no_such_format(std::string_view name);
/// Formats that the name may have meant, the name itself where it is one; none where all are far.
std::vector<std::string> formats_near(std::string_view name);

/// Every format of up to 16 bits: integers, symmetric integers, ternary, bf16, fp16, e<E>m<M>. Built once.
const std::vector<NumberFormat>& all_formats();

/// The value of the format next to x; a tie goes to the even neighbour.
///
///   step = 2^max(floor(log2 |x|) - significand_bits + 1, smallest_exponent),   x -> round(x / step) * step, saturating
///
/// and step = 2^smallest_exponent for integers. Without fraction bits neither neighbour is even, and a tie between two
/// normal values goes to the larger magnitude (IEEE 754-2019, section 4.3.1). Finite values beyond the largest
/// saturate, also where the format has an infinity; an infinity stays one where the format has it and saturates
/// elsewhere. A NaN stays a NaN. Floats keep the sign of zero; an integer's zero is +0.
double round_to_grid(double x, const NumberFormat& format);

/// As above, but away from zero with the probability of the distance from the neighbour towards it: where `draw`, of 31
/// random bits, is below 2^31 times that distance, in steps. A value of the format never moves. Source: Gupta et al.,
/// arXiv 1502.02551, section 3.
double round_to_grid_stochastic(double x, const NumberFormat& format, std::int32_t draw);

/// The widest step between two neighbouring values, that below the largest; 1 for integers.
double widest_step(const NumberFormat& format);

/// Whether rounding x to nearest, or by the draw where one is given, on the same grid without a bound would leave
/// [lowest, largest]. Never true of a NaN, nor of an infinity that the format has.
bool saturates(double x, const NumberFormat& format, std::optional<std::int32_t> draw = {});

/// The stored code of a value of the format: sign, exponent, fraction from high to low bits; two's complement in `bits`
/// bits for integers. Throws Error for a NaN or infinity that the format lacks, and for a value that is not on the
/// grid.
std::uint32_t encode(double value, const NumberFormat& format);

/// The value of a code; absent where the code stands for nothing (-8 in sint4, -2 in ternary, a code beyond `bits`
/// bits).
std::optional<double> decode(std::uint32_t code, const NumberFormat& format);

/// Every finite value of the format, ascending, zero once.
std::vector<double> values_of(const NumberFormat& format);

}  // namespace vernier
