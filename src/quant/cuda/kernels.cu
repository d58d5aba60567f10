#include "quant/cuda/kernels.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "quant/cuda/spans.cuh"

namespace vernier::quant::cuda {

namespace {

constexpr int kThreads = 256, kWarp = 32, kWarps = kThreads / kWarp;
constexpr unsigned kAllLanes = 0xFFFFFFFF;
static_assert(kWarp == kSumLanes);

__device__ std::int64_t thread_of_grid() { return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; }
__device__ std::int64_t threads_of_grid() { return static_cast<std::int64_t>(gridDim.x) * kThreads; }
__device__ Team whole_grid() { return {thread_of_grid(), threads_of_grid()}; }

// ---- what the threads of a warp or block do together

/// The largest among `lanes` neighbouring threads, a power of two up to a warp, or a whole block; on each of them.
__device__ std::int32_t largest_in_team(std::int32_t mine, int lanes) {
  for (int by = min(lanes, kWarp) / 2; by > 0; by /= 2) mine = larger(mine, __shfl_xor_sync(kAllLanes, mine, by));
  if (lanes <= kWarp) return mine;
  __shared__ std::int32_t of_warps[kWarps];
  __syncthreads();  // the last use is over
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = mine;
  __syncthreads();
  for (int warp = 0; warp < kWarps; ++warp) mine = larger(mine, of_warps[warp]);
  return mine;
}

/// Sum number `which` of a pass over one chunk of a group, by a warp; on each of its lanes.
__device__ double sum_by_warp(const Job& job, Span chunk, Pass pass, int which, float absmax, const Best& best) {
  const Term moment = job.rule == Scale::Rms ? Term::Square : Term::Magnitude;
  const Term term = pass != Pass::Moments ? Term::SquaredError : which == 0 ? moment : Term::Nan;
  const float scale = pass == Pass::Moments ? 1 : candidate_scale(absmax, multiple_of(pass, which, best), job.grid);
  double sum = lane_sum(term, job.x + chunk.first, chunk.count, threadIdx.x % kWarp, scale, job.grid);
  for (int by = kWarp / 2; by > 0; by /= 2) sum += __shfl_down_sync(kAllLanes, sum, by);
  return __shfl_sync(kAllLanes, sum, 0);
}

/// The scale of a group of at most one chunk, by a warp, all of whose lanes call this alike.
__device__ float searched_by_warp(const Job& job, Span group, float absmax) {
  __shared__ double of_warps[kWarps][kMostSums];
  double* sums = of_warps[threadIdx.x / kWarp];
  const auto take = [&](Pass pass, const Best& best) {
    __syncwarp();  // the last use is over
    for (int which = 0; which < sums_of(pass); ++which) {
      const double sum = sum_by_warp(job, group, pass, which, absmax, best);
      if (threadIdx.x % kWarp == 0) sums[which] = sum;
    }
    __syncwarp();
  };
  if (job.rule != Scale::Mse) {
    take(Pass::Moments, {});
    return moment_scale(sums, group.count, job.rule, job.multiple, job.grid);
  }
  take(Pass::Coarse, {});
  const Best coarse = best_of(Pass::Coarse, {}, sums);
  take(Pass::Fine, coarse);
  return candidate_scale(absmax, best_of(Pass::Fine, coarse, sums).multiple, job.grid);
}

// ---- kernels

/// Where the scale of a group comes from.
enum class Source {
  Given,   ///< it is there already
  Absmax,  ///< it is to be absmax, for others to finish
  Rule,    ///< absmax and the rule
  Search,  ///< sums over the group, of at most one chunk, by a warp
};

/// On each thread of the team.
template <int W>
__device__ float find_scale(const Job& job, Span group, Source source, int lanes) {
  const Team team{threadIdx.x % lanes, lanes};
  const std::int32_t mine = largest_of<W>(job.x + group.first, group.count, kInfinityBits, team);
  const float absmax = float_of(largest_in_team(mine, lanes));
  if (source == Source::Rule) return scale_from_absmax(absmax, job.rule, job.grid);
  if (source == Source::Search && is_searched(absmax)) return searched_by_warp(job, group, absmax);
  return absmax;
}

/// One team of `lanes` threads for each group: finds its scale where none is given, then rounds where there is an
/// output. A group is read from memory once, if it then fits in the cache. Every thread takes part in every turn.
template <int W>
__global__ void __launch_bounds__(kThreads) round_groups(Job job, Source source, int lanes) {
  const std::int64_t groups = groups_of(job), teams = kThreads / lanes;
  for (std::int64_t first = blockIdx.x * teams; first < groups; first += gridDim.x * teams) {
    const std::int64_t group = first + threadIdx.x / lanes;
    const Span span = span_of(job, group);
    const Team team{threadIdx.x % lanes, lanes};
    float scale = 0;
    if (source != Source::Given) {
      scale = find_scale<W>(job, span, source, lanes);
      if (group < groups && team.index == 0) job.scales[group] = scale;
    } else if (group < groups) {
      scale = job.scales[group];
    }
    if (job.out != nullptr) round_span<W>(job, span, scale, team);
  }
}

/// One scale, or none, for all elements.
template <int W>
__global__ void __launch_bounds__(kThreads) round_all(Job job) {
  const float scale = job.scales != nullptr ? *job.scales : 1.0F;
  round_span<W>(job, {0, job.rows * job.columns}, scale, whole_grid());
}

template <int W>
__global__ void __launch_bounds__(kThreads) pass_groups(Job job, Passing passing, int lanes) {
  const std::int64_t groups = groups_of(job), teams = kThreads / lanes;
  for (std::int64_t group = blockIdx.x * teams + threadIdx.x / lanes; group < groups; group += gridDim.x * teams)
    pass_span<W>(job, passing, span_of(job, group), job.scales[group], {threadIdx.x % lanes, lanes});
}

template <int W>
__global__ void __launch_bounds__(kThreads) pass_all(Job job, Passing passing) {
  const float scale = job.scales != nullptr ? *job.scales : 1.0F;
  pass_span<W>(job, passing, {0, job.rows * job.columns}, scale, whole_grid());
}

/// Raises the bits at `largest` to those of the largest magnitude up to `most`. An integer maximum does not depend on
/// the order.
template <int W>
__global__ void __launch_bounds__(kThreads)
    find_largest(const float* x, std::int64_t count, std::int32_t most, std::int32_t* largest) {
  const std::int32_t found = largest_in_team(largest_of<W>(x, count, most, whole_grid()), kThreads);
  if (threadIdx.x == 0) atomicMax(largest, found);
}

__global__ void finish_tensor_scale(Job job) {
  if (threadIdx.x == 0) *job.scales = scale_from_absmax(*job.scales, job.rule, job.grid);
}

__global__ void __launch_bounds__(kThreads) finish_two_levels(Job job, Grid e4m3, const std::int32_t* largest) {
  const float tensor_scale = upper_level_scale(float_of(*largest), job.grid);
  for (std::int64_t group = thread_of_grid(); group < groups_of(job); group += threads_of_grid())
    job.scales[group] = two_level_scale(job.scales[group], tensor_scale, job.grid, e4m3);
}

/// The search for the scales of groups that are too long for a warp. While it lasts, a group's scale is its absmax.
struct Search {
  Pass pass;
  std::int64_t chunks;  ///< of a group
  double* sums;         ///< [groups, chunks, sums_of(pass)]
  Best* best;           ///< [groups]
};

/// A warp for each sum over each chunk.
__global__ void __launch_bounds__(kThreads) sum_chunks(Job job, Search search) {
  const int sums = sums_of(search.pass);
  const std::int64_t all = groups_of(job) * search.chunks * sums;
  for (std::int64_t i = thread_of_grid() / kWarp; i < all; i += threads_of_grid() / kWarp) {
    const std::int64_t group = i / sums / search.chunks, from = i / sums % search.chunks * kSumChunk;
    const float absmax = job.scales[group];
    if (!is_searched(absmax)) continue;
    const Span span = span_of(job, group), chunk{span.first + from, min(kSumChunk, span.count - from)};
    const int which = static_cast<int>(i % sums);
    const double sum = sum_by_warp(job, chunk, search.pass, which, absmax, search.best[group]);
    if (threadIdx.x % kWarp == 0) search.sums[i] = sum;
  }
}

/// A block for each group, each thread adding the chunks of one of the sums.
__global__ void __launch_bounds__(kThreads) finish_search(Job job, Search search) {
  __shared__ double totals[kMostSums];
  const int sums = sums_of(search.pass);
  for (std::int64_t group = blockIdx.x; group < groups_of(job); group += gridDim.x) {
    const float absmax = job.scales[group];
    if (!is_searched(absmax)) continue;
    const double* first = search.sums + group * search.chunks * sums;
    if (threadIdx.x < sums) totals[threadIdx.x] = sum_of_chunks(first + threadIdx.x, search.chunks, sums);
    __syncthreads();
    if (threadIdx.x == 0) {
      if (search.pass == Pass::Moments)
        job.scales[group] = moment_scale(totals, span_of(job, group).count, job.rule, job.multiple, job.grid);
      else
        search.best[group] = best_of(search.pass, search.best[group], totals);
      if (search.pass == Pass::Fine) job.scales[group] = candidate_scale(absmax, search.best[group].multiple, job.grid);
    }
    __syncthreads();
  }
}

// ---- the host's side

void check(const char* call, cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(error));
}

/// Memory of the device, taken and given back in the order of the stream.
class Scratch {
 public:
  Scratch(std::int64_t bytes, cudaStream_t stream) : stream_(stream) {
    check("cudaMallocAsync", cudaMallocAsync(&memory_, static_cast<std::size_t>(bytes), stream));
  }
  ~Scratch() { cudaFreeAsync(memory_, stream_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class Value>
  Value* as() const {
    return static_cast<Value*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  cudaStream_t stream_;
};

/// Starts `kernel` with a thread for every unit of work, or with as many as `most` blocks have, which then take turns.
template <class... Wanted, class... Given>
void launch(cudaStream_t stream, const char* name, void (*kernel)(Wanted...), std::int64_t work, std::int64_t most,
            const Given&... given) {
  const std::int64_t blocks = std::min(most, (work + kThreads - 1) / kThreads);
  if (blocks == 0) return;
  kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(given...);
  check(name, cudaGetLastError());
}
constexpr std::int64_t kMostBlocks = 1 << 16, kReducingBlocks = 1 << 11;  ///< the latter end with an atomic each

bool is_whole(const Job& job) { return job.granularity == Granularity::Tensor || job.scales == nullptr; }
std::int64_t longest_group(const Job& job) {
  return job.granularity == Granularity::Tensor ? job.elements() : std::min(job.group, job.columns);
}

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % sizeof(Cell<float, 4>) == 0; }

/// Whether every group begins where a cell of four may.
bool in_fours(const Job& job, const void* out, const void* gradient = nullptr) {
  const bool groups = is_whole(job) || (job.columns % 4 == 0 && job.group % 4 == 0);
  return groups && is_aligned(job.x) && is_aligned(out) && is_aligned(gradient);
}

/// Threads for each group: a power of two up to a warp, or a block.
int team_for(const Job& job, bool fours) {
  const std::int64_t cells = std::max<std::int64_t>(1, longest_group(job) / (fours ? 4 : 1));
  if (cells > 8 * kWarp) return kThreads;
  return static_cast<int>(std::bit_ceil(static_cast<std::uint64_t>(std::min<std::int64_t>(cells, kWarp))));
}

void launch_groups(const Job& job, Source source, cudaStream_t stream) {
  const bool fours = in_fours(job, job.out);
  const int lanes = source == Source::Search ? kWarp : team_for(job, fours);
  launch(stream, "round_groups", fours ? round_groups<4> : round_groups<1>, job.groups() * lanes, kMostBlocks, job,
         source, lanes);
}

void launch_all(const Job& job, cudaStream_t stream) {
  const bool fours = in_fours(job, job.out);
  launch(stream, "round_all", fours ? round_all<4> : round_all<1>, job.elements() / (fours ? 4 : 1) + 1, kMostBlocks,
         job);
}

void launch_find_largest(const float* x, std::int64_t count, std::int32_t most, void* largest, cudaStream_t stream) {
  check("cudaMemsetAsync", cudaMemsetAsync(largest, 0, sizeof(std::int32_t), stream));
  const bool fours = is_aligned(x);
  launch(stream, "find_largest", fours ? find_largest<4> : find_largest<1>, count / (fours ? 4 : 1) + 1,
         kReducingBlocks, x, count, most, static_cast<std::int32_t*>(largest));
}

/// Every absmax becomes a scale.
void search_scales(const Job& job, cudaStream_t stream) {
  const std::int64_t chunks = (longest_group(job) + kSumChunk - 1) / kSumChunk, units = job.groups() * chunks;
  if (units == 0) return;  // zeros, then
  const Scratch sums(units * kMostSums * static_cast<std::int64_t>(sizeof(double)), stream);
  const Scratch best(job.groups() * static_cast<std::int64_t>(sizeof(Best)), stream);
  const auto take = [&](Pass pass) {
    const Search search{pass, chunks, sums.as<double>(), best.as<Best>()};
    launch(stream, "sum_chunks", sum_chunks, units * sums_of(pass) * kWarp, kMostBlocks, job, search);
    launch(stream, "finish_search", finish_search, job.groups() * kThreads, kMostBlocks, job, search);
  };
  if (job.rule != Scale::Mse) return take(Pass::Moments);
  take(Pass::Coarse);
  take(Pass::Fine);
}

void find_tensor_scale(const Job& job, cudaStream_t stream) {
  launch_find_largest(job.x, job.elements(), kInfinityBits, job.scales, stream);
  if (needs_whole_group(job.rule)) return search_scales(job, stream);
  launch(stream, "finish_tensor_scale", finish_tensor_scale, 1, 1, job);
}

/// Every block must be known before the first can be rounded.
void find_two_levels(const Job& job, const Grid& e4m3, cudaStream_t stream) {
  const Scratch largest(sizeof(std::int32_t), stream);
  launch_groups(job, Source::Absmax, stream);
  launch_find_largest(job.scales, job.groups(), kInfinityBits - 1, largest.as<void>(), stream);
  launch(stream, "finish_two_levels", finish_two_levels, job.groups(), kMostBlocks, job, e4m3,
         largest.as<const std::int32_t>());
}

/// Scales of rows and blocks that take more than one look at a group; false where one kernel does all.
bool find_scales_first(const Job& job, const Grid& e4m3, cudaStream_t stream) {
  Job scales_alone = job;
  scales_alone.out = nullptr;
  if (job.rule == Scale::E4m3) {
    find_two_levels(scales_alone, e4m3, stream);
    return true;
  }
  if (!needs_whole_group(job.rule) || longest_group(job) <= kSumChunk) return false;
  launch_groups(scales_alone, Source::Absmax, stream);
  search_scales(job, stream);
  return true;
}

}  // namespace

void round_on_stream(const Job& job, const Grid& e4m3, cudaStream_t stream) {
  const bool finds = job.scales != nullptr && !job.scales_given;
  if (is_whole(job)) {
    if (finds) find_tensor_scale(job, stream);
    if (job.out != nullptr) launch_all(job, stream);
  } else if (!finds || find_scales_first(job, e4m3, stream)) {
    if (job.out != nullptr) launch_groups(job, Source::Given, stream);
  } else {
    launch_groups(job, needs_whole_group(job.rule) ? Source::Search : Source::Rule, stream);
  }
}

void pass_within_on_stream(const Job& job, const float* gradient, float low, float high, float* out,
                           cudaStream_t stream) {
  const Passing passing{gradient, out, low, high};
  const bool fours = in_fours(job, out, gradient);
  if (is_whole(job))
    return launch(stream, "pass_all", fours ? pass_all<4> : pass_all<1>, job.elements() / (fours ? 4 : 1) + 1,
                  kMostBlocks, job, passing);
  const int lanes = team_for(job, fours);
  launch(stream, "pass_groups", fours ? pass_groups<4> : pass_groups<1>, job.groups() * lanes, kMostBlocks, job,
         passing, lanes);
}

}  // namespace vernier::quant::cuda
