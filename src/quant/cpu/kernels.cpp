#include "quant/cpu/kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "format/scale_search.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/cpu/kernels.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h must come first
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace vernier::quant::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<float>;
using I = hn::RebindToSigned<F>;
using Floats = hn::Vec<F>;
using Integers = hn::Vec<I>;

HWY_INLINE Integers bits_of(Floats x) { return hn::BitCast(I(), x); }
HWY_INLINE Floats float_of(Integers bits) { return hn::BitCast(F(), bits); }
HWY_INLINE Integers all(std::int32_t bits) { return hn::Set(I(), bits); }
HWY_INLINE Floats all(float value) { return hn::Set(F(), value); }
HWY_INLINE std::int64_t lanes() { return static_cast<std::int64_t>(hn::Lanes(F())); }

/// Calls `each(offset)` for whole vectors that cover [0, count), the last of them overlapping the one before; returns
/// false where count is less than one vector. Each element's result must be the same when computed twice.
template <class Each>
HWY_INLINE bool over_vectors(std::int64_t count, const Each& each) {
  const std::int64_t n = lanes();
  if (count < n) return false;
  std::int64_t i = 0;
  for (; i + n <= count; i += n) each(i);
  if (i < count) each(count - n);
  return true;
}

/// Fewer elements than a vector has, padded with zeros.
struct Padded {
  HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)] = {};
  Padded(const float* x, std::int64_t count) {
    std::memcpy(values, x, static_cast<std::size_t>(count) * sizeof(float));
  }
};

// ---- rounding

/// Comparisons with a NaN are false, so a NaN stays.
HWY_INLINE Floats bounded(Floats y, const Grid& grid) {
  y = hn::IfThenElse(hn::Lt(y, all(grid.lowest)), all(grid.lowest), y);
  return hn::IfThenElse(hn::Gt(y, all(grid.largest)), all(grid.largest), y);
}

HWY_INLINE Integers magnitude_of(Floats x) { return hn::And(bits_of(x), all(kMagnitudeMask)); }
HWY_INLINE Floats with_sign_of(Floats magnitude, Floats signed_one) {
  return float_of(hn::Or(bits_of(magnitude), hn::AndNot(all(kMagnitudeMask), bits_of(signed_one))));
}

template <Path path>
HWY_INLINE Floats nearest(Floats y, const Grid& grid) {
  if constexpr (path == Path::Integer) {
    const Floats magic = all(0x1.8p23F);
    return hn::Sub(hn::Add(y, magic), magic);  // leaves +0 for every zero
  } else if constexpr (path == Path::Narrow) {
    const Integers exponent = hn::Add(hn::And(bits_of(y), all(kInfinityBits)), all(grid.magic_above_value));
    const Floats magic = float_of(hn::Or(hn::Max(exponent, all(grid.smallest_magic)), all(kMagicFraction)));
    return with_sign_of(hn::Sub(hn::Add(y, magic), magic), y);
  } else {
    const Integers magnitude = magnitude_of(y), below_half = all((1 << (grid.dropped_bits - 1)) - 1);
    const Integers last_kept = hn::And(hn::ShiftRightSame(magnitude, grid.dropped_bits), all(grid.odd_mask));
    const Integers sum = hn::Add(magnitude, hn::Add(below_half, hn::Min(last_kept, all(1))));
    const Floats kept = float_of(hn::And(sum, all(-(1 << grid.dropped_bits))));
    return hn::IfThenElse(hn::IsNaN(y), y, with_sign_of(kept, y));
  }
}

/// Away from zero where draw < 2^31 distance; the distance from the neighbour towards zero is exact in fp32.
template <Path path>
HWY_INLINE Floats stochastic(Floats y, Integers draw, const Grid& grid) {
  const Integers magnitude = magnitude_of(y);
  if constexpr (path == Path::Wide) {
    const Integers rest = hn::And(magnitude, all((1 << grid.dropped_bits) - 1));
    const auto up = hn::Lt(draw, hn::ShiftLeftSame(rest, 31 - grid.dropped_bits));
    const Integers step = hn::IfThenElseZero(up, all(1 << grid.dropped_bits));
    const Floats value = float_of(hn::Add(hn::Sub(magnitude, rest), step));
    return hn::IfThenElse(hn::IsNaN(y), y, with_sign_of(value, y));
  } else {
    Floats exact = float_of(magnitude), step = all(1.0F);
    if constexpr (path == Path::Narrow) {  // a magic number's exponent is 23 above that of the step
      constexpr std::int32_t k23 = 23 << 23, kTwiceBias = 254 << 23;
      const Integers exponent = hn::Add(hn::And(magnitude, all(kInfinityBits)), all(grid.magic_above_value));
      const Integers step_bits = hn::Sub(hn::Max(exponent, all(grid.smallest_magic)), all(k23));
      step = float_of(step_bits);
      exact = hn::Mul(exact, float_of(hn::Sub(all(kTwiceBias), step_bits)));
    }
    const Floats inner = hn::Floor(exact), threshold = hn::Ceil(hn::Mul(hn::Sub(exact, inner), all(0x1p31F)));
    const auto up = hn::RebindMask(F(), hn::Lt(draw, hn::ConvertTo(I(), threshold)));
    const Floats value = with_sign_of(hn::Mul(hn::IfThenElse(up, hn::Add(inner, all(1.0F)), inner), step), y);
    return hn::IfThenElse(hn::IsNaN(y), y, path == Path::Integer ? hn::Add(value, hn::Zero(F())) : value);  // no -0
  }
}

template <Store store>
using Stored = std::conditional_t<store == Store::Bf16, std::uint16_t, float>;

/// `past_cache` needs an aligned address.
template <Store store>
HWY_INLINE void put(Floats grid, Floats scale, Stored<store>* out, bool past_cache) {
  const auto to_memory = [&](auto value, auto d) {
    past_cache ? hn::Stream(value, d, out) : hn::StoreU(value, d, out);
  };
  if constexpr (store == Store::Bf16) {
    const hn::Rebind<std::uint16_t, F> d;
    const auto high = hn::BitCast(hn::RebindToUnsigned<F>(), hn::ShiftRight<16>(bits_of(grid)));
    to_memory(hn::TruncateTo(d, high), d);
  } else {
    to_memory(store == Store::Value ? hn::Mul(grid, scale) : grid, F());
  }
}

/// Whether whole vectors from here on, and from the ends of `block` elements on, can be streamed: those of a cache line
/// together, as a line of which a part is streamed and a part is not is read and written over and over.
template <class Stored>
bool streams_well(const Stored* out, std::int64_t block) {
  constexpr std::uintptr_t kLine = 64;
  const auto length = static_cast<std::uintptr_t>(block) * sizeof(Stored);
  return reinterpret_cast<std::uintptr_t>(out) % kLine == 0 && length % kLine == 0;
}

/// What x is divided by: 1 for a group of zeros, NaN for a group without a finite scale.
HWY_INLINE float divisor_of(float scale) {
  if (scale == 0) return 1;
  return std::bit_cast<std::int32_t>(scale) == kInfinityBits ? std::numeric_limits<float>::quiet_NaN() : scale;
}

/// One scale for [x, x + count). `on_grid(y, offset)` rounds a bounded quotient.
template <Store store, class OnGrid>
HWY_INLINE void round_with(const float* x, Stored<store>* out, std::int64_t count, float scale, const Grid& grid,
                           bool past_cache, const OnGrid& on_grid) {
  constexpr std::int64_t kAhead = 512;  ///< elements that are fetched while these are rounded
  past_cache = past_cache && streams_well(out, count);
  const Floats divisor = all(divisor_of(scale)), factor = all(scale);
  const Integers kept = all(std::bit_cast<std::int32_t>(scale) == kInfinityBits ? -1 : grid.kept_infinity);
  const auto one = [&](Floats v, std::int64_t at, Stored<store>* to, bool around) {
    const Floats rounded = on_grid(bounded(hn::Div(v, divisor), grid), at);
    put<store>(hn::IfThenElse(hn::RebindMask(F(), hn::Eq(magnitude_of(v), kept)), v, rounded), factor, to, around);
  };
  const auto whole = [&](std::int64_t at) {
    hwy::Prefetch(x + at + kAhead);
    one(hn::LoadU(F(), x + at), at, out + at, past_cache && at % lanes() == 0);
  };
  if (over_vectors(count, whole)) return;
  HWY_ALIGN Stored<store> result[HWY_MAX_BYTES / sizeof(float)];
  one(hn::Load(F(), Padded(x, count).values), 0, result, false);
  std::memcpy(out, result, static_cast<std::size_t>(count) * sizeof(Stored<store>));
}

template <Path path, Store store>
void round_stored(const Run& shared_run, const float* scales, std::int64_t block, const std::int32_t* drawn) {
  const Run run = shared_run;  // copies that no store can touch, so that they stay in registers
  const Grid grid = *shared_run.grid;
  for (std::int64_t from = 0; from < run.count; from += block) {
    const std::int64_t some = std::min(block, run.count - from);
    const bool streams = run.past_cache && block == run.count;
    auto* out = static_cast<Stored<store>*>(run.out) + from;
    if (drawn == nullptr)
      round_with<store>(run.x + from, out, some, *scales++, grid, streams,
                        [&](Floats y, std::int64_t) { return nearest<path>(y, grid); });
    else
      round_with<store>(run.x + from, out, some, *scales++, grid, streams, [&](Floats y, std::int64_t at) {
        return stochastic<path>(y, hn::LoadU(I(), drawn + from + at), grid);
      });
  }
}

template <Path path>
void round_on(const Run& run, const float* scales, std::int64_t block, const std::int32_t* drawn) {
  switch (run.store) {
    case Store::Grid:
      return round_stored<path, Store::Grid>(run, scales, block, drawn);
    case Store::Value:
      return round_stored<path, Store::Value>(run, scales, block, drawn);
    case Store::Bf16:
      return round_stored<path, Store::Bf16>(run, scales, block, drawn);
  }
}

void Draws(std::uint64_t key, std::int64_t first, std::int64_t count, std::int32_t* out);

/// Draws for every element of the run, or null where it takes none; lasts until the next call on this thread.
const std::int32_t* draws_of(const Run& run) {
  if (run.rounder.rounding == Rounding::Nearest) return nullptr;
  thread_local std::vector<std::int32_t> drawn;
  drawn.resize(static_cast<std::size_t>(run.count + lanes()));  // a vector is read whole
  const Rounder& rounder = run.rounder;
  Draws(rounder.key_at != nullptr ? *rounder.key_at : rounder.key, run.first, run.count, drawn.data());
  return drawn.data();
}

void RoundBlocks(const Run& run, const float* scales, std::int64_t block) {
  const std::int32_t* drawn = draws_of(run);
  switch (run.grid->path) {
    case Path::Integer:
      round_on<Path::Integer>(run, scales, block, drawn);
      break;
    case Path::Narrow:
      round_on<Path::Narrow>(run, scales, block, drawn);
      break;
    case Path::Wide:
      round_on<Path::Wide>(run, scales, block, drawn);
      break;
  }
  if (run.past_cache) hwy::FlushStream();
}

// ---- largest magnitudes, which order as their bits do

HWY_INLINE Integers magnitude_or_zero(Floats x) {
  const Integers magnitude = magnitude_of(x);
  return hn::IfThenZeroElse(hn::Gt(magnitude, all(kInfinityBits)), magnitude);
}

HWY_INLINE float absmax_of(const float* x, std::int64_t count) {
  const std::int64_t n = lanes();
  Integers a = hn::Zero(I()), b = a, c = a, d = a;
  std::int64_t i = 0;
  const auto at = [&](std::int64_t offset) { return magnitude_or_zero(hn::LoadU(F(), x + offset)); };
  for (; i + 4 * n <= count; i += 4 * n) {  // four at a time hide the latency of the comparison
    a = hn::Max(a, at(i));
    b = hn::Max(b, at(i + n));
    c = hn::Max(c, at(i + 2 * n));
    d = hn::Max(d, at(i + 3 * n));
  }
  for (; i + n <= count; i += n) a = hn::Max(a, at(i));
  if (i < count) b = hn::Max(b, magnitude_or_zero(hn::Load(F(), Padded(x + i, count - i).values)));
  return std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(I(), hn::Max(hn::Max(a, b), hn::Max(c, d)))));
}

void AbsmaxOfBlocks(const float* x, float* absmax, std::int64_t count, std::int64_t block) {
  for (std::int64_t from = 0; from < count; from += block)
    *absmax++ = absmax_of(x + from, std::min(block, count - from));
}

// ---- sums

double ChunkSum(Term term, const float* x, std::int64_t count, float scale, const Grid& grid) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float values[kSumChunk], rounded[kSumChunk];
  const std::int64_t whole = (count + kSumLanes - 1) / kSumLanes * kSumLanes;
  std::copy_n(x, count, values);
  std::fill(values + count, values + whole, 0.0F);  // which add nothing
  if (term == Term::SquaredError) RoundBlocks({values, rounded, whole, 0, Store::Grid, {}, &grid}, &scale, whole);
  HWY_ALIGN double sums[kSumLanes] = {};
  for (std::int64_t i = 0; i < whole; i += step) {
    const auto v = hn::PromoteTo(d, hn::Load(half, values + i));
    auto t = hn::Abs(v);
    if (term == Term::Square) t = hn::Mul(v, v);
    if (term == Term::SquaredError) {
      const auto q = hn::PromoteTo(d, hn::Load(half, rounded + i));
      const auto error = hn::Sub(v, hn::Mul(q, hn::Set(d, static_cast<double>(scale))));
      t = hn::Mul(error, error);
    }
    double* lane = sums + i % kSumLanes;
    const auto of_nan = term == Term::Nan ? hn::Set(d, 1.0) : hn::Zero(d),
               of_number = term == Term::Nan ? hn::Zero(d) : t;
    hn::Store(hn::Add(hn::Load(d, lane), hn::IfThenElse(hn::IsNaN(v), of_nan, of_number)), d, lane);
  }
  for (std::int64_t pairs = kSumLanes / 2; pairs > 0; pairs /= 2)
    for (std::int64_t j = 0; j < pairs; ++j) sums[j] += sums[j + pairs];
  return sums[0];
}

// ---- gradients

void PassWithin(const float* gradient, const float* x, float* out, std::int64_t count, float scale, float low,
                float high) {
  const Floats divisor = all(divisor_of(scale));
  const auto one = [&](Floats g, Floats v) {
    const Floats y = hn::Div(v, divisor);
    return hn::IfThenElseZero(hn::And(hn::Ge(y, all(low)), hn::Le(y, all(high))), g);
  };
  const auto at = [&](std::int64_t i) {
    hn::StoreU(one(hn::LoadU(F(), gradient + i), hn::LoadU(F(), x + i)), F(), out + i);
  };
  if (over_vectors(count, at)) return;
  HWY_ALIGN float result[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(one(hn::Load(F(), Padded(gradient, count).values), hn::Load(F(), Padded(x, count).values)), F(), result);
  std::memcpy(out, result, static_cast<std::size_t>(count) * sizeof(float));
}

// ---- random draws: Philox 4x32 with ten rounds, a block in every lane (base/stream.h)

using U = hn::RebindToUnsigned<F>;
using Words = hn::Vec<U>;

/// High and low halves of x * factor.
HWY_INLINE void multiply(Words x, std::uint32_t factor, Words& high, Words& low) {
  const hn::RepartitionToWide<U> wide;
  const Words m = hn::Set(U(), factor);
  const auto even = hn::MulEven(x, m);
  const auto odd = hn::MulEven(hn::BitCast(U(), hn::ShiftRight<32>(hn::BitCast(wide, x))), m);
  high = hn::OddEven(hn::BitCast(U(), odd), hn::BitCast(U(), hn::ShiftRight<32>(even)));
  low = hn::Mul(x, m);
}

void Draws(std::uint64_t key, std::int64_t first, std::int64_t count, std::int32_t* out) {
  constexpr std::size_t kMost = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN std::uint32_t low[kMost], high[kMost], drawn[4 * kMost];
  const auto n = static_cast<std::uint64_t>(lanes());
  const auto begin = static_cast<std::uint64_t>(first), end = begin + static_cast<std::uint64_t>(count);
  for (std::uint64_t block = begin / 4; 4 * block < end; block += n) {
    for (std::uint64_t lane = 0; lane < n; ++lane) {
      low[lane] = static_cast<std::uint32_t>(block + lane);
      high[lane] = static_cast<std::uint32_t>((block + lane) >> 32);
    }
    Words a = hn::Load(U(), low), b = hn::Load(U(), high), c = hn::Zero(U()), d = c;
    Words key0 = hn::Set(U(), static_cast<std::uint32_t>(key)),
          key1 = hn::Set(U(), static_cast<std::uint32_t>(key >> 32));
    for (int round = 0; round < 10; ++round) {
      Words a_high, a_low, c_high, c_low;
      multiply(a, 0xD2511F53, a_high, a_low);
      multiply(c, 0xCD9E8D57, c_high, c_low);
      a = hn::Xor(hn::Xor(c_high, b), key0);
      b = c_low;
      c = hn::Xor(hn::Xor(a_high, d), key1);
      d = a_low;
      key0 = hn::Add(key0, hn::Set(U(), 0x9E3779B9));
      key1 = hn::Add(key1, hn::Set(U(), 0xBB67AE85));
    }
    hn::StoreInterleaved4(hn::ShiftRight<1>(a), hn::ShiftRight<1>(b), hn::ShiftRight<1>(c), hn::ShiftRight<1>(d), U(),
                          drawn);
    const std::uint64_t from = std::max(begin, 4 * block), to = std::min(end, 4 * (block + n));
    std::memcpy(out + (from - begin), drawn + (from - 4 * block), (to - from) * sizeof *drawn);
  }
}

}  // namespace vernier::quant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vernier::quant::cpu {

HWY_EXPORT(RoundBlocks);
HWY_EXPORT(AbsmaxOfBlocks);
HWY_EXPORT(ChunkSum);
HWY_EXPORT(PassWithin);
HWY_EXPORT(Draws);

void round_run(const Run& run, float scale) {
  HWY_DYNAMIC_DISPATCH(RoundBlocks)(run, &scale, std::max<std::int64_t>(run.count, 1));
}

void round_blocks(const Run& run, const float* scales, std::int64_t block) {
  HWY_DYNAMIC_DISPATCH(RoundBlocks)(run, scales, block);
}

float absmax(const float* x, std::int64_t count) {
  float largest = 0;
  HWY_DYNAMIC_DISPATCH(AbsmaxOfBlocks)(x, &largest, count, std::max<std::int64_t>(count, 1));
  return largest;
}

void absmax_of_blocks(const float* x, float* absmax, std::int64_t count, std::int64_t block) {
  HWY_DYNAMIC_DISPATCH(AbsmaxOfBlocks)(x, absmax, count, block);
}

double chunk_sum(Term term, const float* x, std::int64_t count, float scale, const Grid& grid) {
  return HWY_DYNAMIC_DISPATCH(ChunkSum)(term, x, count, scale, grid);
}

void pass_within(const float* gradient, const float* x, float* out, std::int64_t count, float scale, float low,
                 float high) {
  HWY_DYNAMIC_DISPATCH(PassWithin)(gradient, x, out, count, scale, low, high);
}

void draws(std::uint64_t key, std::int64_t first, std::int64_t count, std::int32_t* out) {
  HWY_DYNAMIC_DISPATCH(Draws)(key, first, count, out);
}

}  // namespace vernier::quant::cpu
#endif
