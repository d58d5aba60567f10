#include "quant/cpu/round.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "format/scale_search.h"
#include "quant/cpu/kernels.h"
#include "quant/cpu/scales.h"
#include "quant/cpu/threads.h"

namespace vernier::quant::cpu {

namespace {

constexpr std::int64_t kPiece = 16384;        ///< elements of a large tensor that one call rounds
constexpr std::int64_t kPastCache = 1 << 23;  ///< elements from which on an output is larger than the caches

/// Chunks added one after another, whoever summed them.
double sum_of(Term term, const float* x, std::int64_t count, float scale, const Grid& grid) {
  std::vector<double> chunks(static_cast<std::size_t>((count + kSumChunk - 1) / kSumChunk));
  in_ranges(std::ssize(chunks), kSumChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      chunks[static_cast<std::size_t>(i)] =
          chunk_sum(term, x + i * kSumChunk, std::min(kSumChunk, count - i * kSumChunk), scale, grid);
  });
  return std::accumulate(chunks.begin(), chunks.end(), 0.0);
}

/// The scale of a group whose largest magnitude is positive and finite, by a rule that looks at all of it.
float searched_scale(const Job& job, const float* x, std::int64_t count, float absmax) {
  const Grid& grid = job.grid;
  const auto sum = [&](Term term, float scale = 0) { return sum_of(term, x, count, scale, grid); };
  if (job.rule == Scale::Mse) {
    const float whole = absmax / grid.largest;
    const auto candidate = [&](std::int64_t multiple) { return nonzero(mse_candidate(whole, multiple)); };
    return candidate(
        best_mse_multiple([&](std::int64_t multiple) { return sum(Term::SquaredError, candidate(multiple)); }));
  }
  const double counted = static_cast<double>(count) - sum(Term::Nan), largest = static_cast<double>(grid.largest);
  return nonzero(job.rule == Scale::Rms ? rms_scale(sum(Term::Square), counted, job.multiple, largest)
                                        : lsq_scale(sum(Term::Magnitude), counted, largest));
}

/// absmax becomes scale, for groups that lie one after another from x on.
void finish_scales(const Job& job, const float* x, float* absmax, std::int64_t groups, std::int64_t elements) {
  if (!needs_whole_group(job.rule)) return scales_from_absmax(absmax, groups, job.rule, job.grid);
  const std::int64_t length = job.group_length();
  for (std::int64_t i = 0; i < groups; ++i)
    if (absmax[i] > 0 && std::isfinite(absmax[i]))
      absmax[i] = searched_scale(job, x + i * length, std::min(length, elements - i * length), absmax[i]);
}

void round_elements(const Job& job, std::int64_t first, std::int64_t count, const float* scales, std::int64_t block) {
  const std::size_t size = job.store == Store::Bf16 ? 2 : sizeof(float);
  void* out = static_cast<char*>(job.out) + static_cast<std::size_t>(first) * size;
  round_blocks({job.x + first, out, count, job.first + first, job.store, job.rounder, &job.grid, job.elements() >= kPastCache},
               scales, block);
}

void find_tensor_scale(const Job& job) {
  std::atomic<std::int32_t> largest{0};
  in_ranges(job.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
    const auto mine = std::bit_cast<std::int32_t>(absmax(job.x + begin, end - begin));
    std::int32_t seen = largest.load();
    while (seen < mine && !largest.compare_exchange_weak(seen, mine)) {
    }
  });
  *job.scales = std::bit_cast<float>(largest.load());
  finish_scales(job, job.x, job.scales, 1, job.elements());
}

/// One scale for all elements. From the end to the beginning: what the search for the scale read last is still in
/// cache.
void round_tensor(const Job& job) {
  const float scale = job.scales != nullptr ? *job.scales : 1.0F;
  in_ranges(job.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += kPiece) {
      const std::int64_t some = std::min(kPiece, end - begin);
      round_elements(job, begin, some, &scale, some);
    }
  });
}

void find_row_absmax(const Job& job, std::int64_t row) {
  absmax_of_blocks(job.x + row * job.columns, job.scales + row * job.groups_per_row, job.columns, job.group);
}
void round_row(const Job& job, std::int64_t row) {
  round_elements(job, row * job.columns, job.columns, job.scales + row * job.groups_per_row, job.group);
}

/// Calls `work(row)` for all rows.
template <class Work>
void over_rows(const Job& job, const Work& work) {
  in_ranges(job.rows, job.columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) work(row);
  });
}

void round_rows(const Job& job) {
  const bool two_levels = job.rule == Scale::E4m3;  // every block must be known before the first can be rounded
  if (two_levels && !job.scales_given) {
    over_rows(job, [&](std::int64_t row) { find_row_absmax(job, row); });
    scale_in_two_levels(job.scales, job.groups(), job.grid);
    if (job.out == nullptr) return;
  }
  over_rows(job, [&](std::int64_t row) {
    if (!two_levels && !job.scales_given) {
      find_row_absmax(job, row);
      finish_scales(job, job.x + row * job.columns, job.scales + row * job.groups_per_row, job.groups_per_row,
                    job.columns);
    }
    if (job.out != nullptr) round_row(job, row);
  });
}

}  // namespace

void round_matrix(const Job& job) {
  if (job.elements() == 0) {  // groups without elements have the scale of zeros
    if (job.scales == nullptr || job.scales_given) return;
    std::fill_n(job.scales, job.groups(), 0.0F);
    scales_from_absmax(job.scales, job.groups(), job.rule, job.grid);
  } else if (job.granularity == Granularity::Tensor || job.scales == nullptr) {
    if (job.scales != nullptr && !job.scales_given) find_tensor_scale(job);
    if (job.out != nullptr) round_tensor(job);
  } else {
    round_rows(job);
  }
}

void pass_within(const Job& job, const float* gradient, float low, float high, float* out) {
  const auto pass = [&](std::int64_t first, std::int64_t count, float scale) {
    cpu::pass_within(gradient + first, job.x + first, out + first, count, scale, low, high);
  };
  if (job.granularity == Granularity::Tensor || job.scales == nullptr) {
    const float scale = job.scales != nullptr ? *job.scales : 1.0F;
    in_ranges(job.elements(), 1, [&](std::int64_t begin, std::int64_t end) { pass(begin, end - begin, scale); });
    return;
  }
  over_rows(job, [&](std::int64_t row) {
    const float* scales = job.scales + row * job.groups_per_row;
    for (std::int64_t from = 0; from < job.columns; from += job.group)
      pass(row * job.columns + from, std::min(job.group, job.columns - from), *scales++);
  });
}

}  // namespace vernier::quant::cpu
