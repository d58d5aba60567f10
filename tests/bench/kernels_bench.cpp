// Micro-benchmarks of the kernels of a training step on a CPU, each on one tile or one head as the step uses it:
// build/release/tests/bench_kernels [--benchmark_filter=attend]
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "format/number.h"
#include "model/cpu/attention.h"
#include "model/cpu/kernels.h"
#include "model/cpu/linear.h"
#include "model/cpu/products.h"
#include "quant/cpu/round.h"

using namespace vernier;
using namespace vernier::model::cpu;

namespace {

std::vector<float> normals(std::int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(count));
  for (float& value : x) value = normal(random);
  return x;
}

void flops(benchmark::State& state, std::int64_t of_one) {
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(of_one), benchmark::Counter::kIsIterationInvariantRate);
}
void bytes(benchmark::State& state, std::int64_t of_one) { state.SetBytesProcessed(state.iterations() * of_one); }

void multiply_fp32(benchmark::State& state) {
  const std::int64_t columns = state.range(0), inner = state.range(1);
  const auto a = normals(kTile * inner), b = normals(inner * columns);
  std::vector<float> c(static_cast<std::size_t>(kTile * columns));
  for (auto _ : state) multiply({kTile, columns, inner}, {a.data(), inner}, {b.data(), columns}, {c.data(), columns});
  flops(state, 2 * kTile * columns * inner);
}
BENCHMARK(multiply_fp32)->Args({96, 32})->Args({192, 64})->Args({384, 128})->Args({768, 256})->Args({256, 1376});

void multiply_bf16(benchmark::State& state) {
  if (!has_bf16_products()) return state.SkipWithError("this processor has no bf16 products");
  const std::int64_t columns = state.range(0), inner = state.range(1);
  const std::vector<Bf16> a(static_cast<std::size_t>(kTile * inner), Bf16(0.5F)),
      b(static_cast<std::size_t>(inner * columns), Bf16(0.5F));
  std::vector<float> c(static_cast<std::size_t>(kTile * columns));
  for (auto _ : state) multiply({kTile, columns, inner}, {a.data(), inner}, {b.data(), columns}, {c.data(), columns});
  flops(state, 2 * kTile * columns * inner);
}
BENCHMARK(multiply_bf16)->Args({96, 32})->Args({192, 64})->Args({384, 128})->Args({768, 256})->Args({1376, 256});

void transposition(benchmark::State& state) {
  const std::int64_t rows = 256, columns = state.range(0);
  const auto x = normals(rows * columns);
  std::vector<float> y(x.size());
  for (auto _ : state) transpose(rows, columns, {x.data(), columns}, {y.data(), rows});
  bytes(state, 8 * rows * columns);
}
BENCHMARK(transposition)->Arg(32)->Arg(128);

void attention(benchmark::State& state, bool backward) {
  const HeadSize size{state.range(0), state.range(1)};
  const std::int64_t count = size.length * size.width;
  const auto q = normals(count), k = normals(count), v = normals(count), g = normals(count);
  std::vector<float> y(q.size()), log_sum(static_cast<std::size_t>(size.length)), dq(q.size()), dk(q.size()),
      dv(q.size());
  attend({q.data(), k.data(), v.data()}, size, {y.data(), size.width}, log_sum.data());
  for (auto _ : state)
    if (backward)
      attend_backward({q.data(), k.data(), v.data()}, size, {g.data(), size.width}, log_sum.data(),
                      {dq.data(), dk.data(), dv.data()});
    else
      attend({q.data(), k.data(), v.data()}, size, {y.data(), size.width}, log_sum.data());
  flops(state, (backward ? 5 : 2) * size.length * count);
}
BENCHMARK_CAPTURE(attention, forward, false)->Args({128, 16})->Args({256, 32});
BENCHMARK_CAPTURE(attention, backward, true)->Args({128, 16})->Args({256, 32});

void rms_norm(benchmark::State& state) {
  const std::int64_t width = state.range(0);
  const auto x = normals(kTile * width), gain = normals(width);
  std::vector<float> y(x.size()), rms(kTile);
  for (auto _ : state) rms_norm_forward(x.data(), gain.data(), y.data(), rms.data(), kTile, width);
  bytes(state, 8 * kTile * width);
}
BENCHMARK(rms_norm)->Arg(32)->Arg(256);

void rms_norm_gradient(benchmark::State& state) {
  const std::int64_t width = state.range(0);
  const auto x = normals(kTile * width), g = normals(kTile * width), gain = normals(width);
  const std::vector<float> rms(kTile, 1.0F);
  std::vector<float> y(x.size()), gains(gain.size());
  for (auto _ : state)
    rms_norm_backward(g.data(), x.data(), gain.data(), rms.data(), x.data(), y.data(), gains.data(), kTile, width);
  bytes(state, 16 * kTile * width);
}
BENCHMARK(rms_norm_gradient)->Arg(32)->Arg(256);

void swiglu(benchmark::State& state) {
  const std::int64_t hidden = state.range(0);
  const auto x = normals(kTile * 2 * hidden);
  std::vector<float> y(static_cast<std::size_t>(kTile * hidden));
  for (auto _ : state) swiglu_forward(x.data(), y.data(), kTile, hidden);
  bytes(state, 12 * kTile * hidden);
}
BENCHMARK(swiglu)->Arg(96)->Arg(688);

void swiglu_gradient(benchmark::State& state) {
  const std::int64_t hidden = state.range(0);
  const auto x = normals(kTile * 2 * hidden), g = normals(kTile * hidden);
  std::vector<float> y(x.size());
  for (auto _ : state) swiglu_backward(g.data(), x.data(), y.data(), kTile, hidden);
  bytes(state, 20 * kTile * hidden);
}
BENCHMARK(swiglu_gradient)->Arg(96)->Arg(688);

void heads(benchmark::State& state) {
  const std::int64_t width = state.range(0), count = 8;
  auto x = normals(count * width);
  const auto cosine = normals(width / 2), sine = normals(width / 2);
  std::vector<float> rms(static_cast<std::size_t>(count));
  for (auto _ : state) turn_heads(x.data(), count, width, cosine.data(), sine.data(), rms.data());
  bytes(state, 8 * count * width);
}
BENCHMARK(heads)->Arg(16)->Arg(32);

void cross_entropy(benchmark::State& state) {
  const std::int64_t vocab = state.range(0);
  auto logits = normals(vocab);
  for (auto _ : state) benchmark::DoNotOptimize(cross_entropy_in_place(logits.data(), vocab, 3, 1.0F));
  bytes(state, 8 * vocab);
}
BENCHMARK(cross_entropy)->Arg(64)->Arg(512);

void rounding(benchmark::State& state, const char* number) {
  const std::int64_t rows = kTile, columns = 256;
  const auto x = normals(rows * columns);
  std::vector<float> y(x.size()), scales(x.size());
  quant::Job job = quant::job_for(parse_number(number), rows, columns);
  job.x = x.data();
  job.out = y.data();
  job.scales = scales.data();
  for (auto _ : state) quant::cpu::round_matrix(job);
  bytes(state, 8 * rows * columns);
}
BENCHMARK_CAPTURE(rounding, int8_tensor, "int8/tensor");
BENCHMARK_CAPTURE(rounding, int4_channel, "int4/channel");
BENCHMARK_CAPTURE(rounding, e4m3_token, "e4m3/token");
BENCHMARK_CAPTURE(rounding, mxfp4, "e2m1/block32:e8m0");

}  // namespace

BENCHMARK_MAIN();
