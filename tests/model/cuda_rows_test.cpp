// What the CUDA kernels compute of a row, run lane by lane on a CPU and held against the CPU kernels.
#include "model/cuda/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/stream.h"
#include "model/cpu/kernels.h"
#include "model/operations.h"
// last, as it says
#include "catch.h"

using namespace vernier;
using model::cuda::Lane;
using model::cuda::Pair;

namespace {

using Floats = std::vector<float>;

Floats normals(std::int64_t count, const char* name) {
  const Stream stream = Stream(5).child(name);
  Floats values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(stream.normals(static_cast<std::uint64_t>(i))[0]));
  return values;
}

/// What a team of lanes holds after combining in the order of the kernels: a butterfly in every warp, then the warps.
template <class Each, class Combine>
float combined(std::int64_t lanes, const Each& each, const Combine& combine) {
  constexpr std::size_t kWarp = 32;
  Floats held;
  for (std::int64_t lane = 0; lane < lanes; ++lane) held.push_back(each(Lane{lane, lanes}));
  for (std::size_t by = kWarp / 2; by > 0; by /= 2) {
    const Floats before = held;
    for (std::size_t lane = 0; lane < held.size(); ++lane) held[lane] = combine(before[lane], before[lane ^ by]);
  }
  float result = held[0];
  for (std::size_t warp = kWarp; warp < held.size(); warp += kWarp) result = combine(result, held[warp]);
  return result;
}
template <class Each>
float summed(std::int64_t lanes, const Each& each) {
  return combined(lanes, each, [](float a, float b) { return a + b; });
}

/// The largest difference, as a share of the largest magnitude expected.
double difference(const Floats& got, const Floats& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 1e-30, worst = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
  return worst / largest;
}

constexpr auto kEpsilon = static_cast<float>(model::kNormEpsilon);
constexpr double kClose = 3e-6;

}  // namespace

TEST_CASE("the arithmetic of the CUDA norm equals the CPU kernel, forward and backward", "[model][fast]") {
  for (const std::int64_t lanes : {32, 256})
    for (const std::int64_t width : {1, 24, 33, 700, 2048}) {
      const auto x = normals(width, "x"), gain = normals(width, "gain"), g = normals(width, "g");
      const auto size = static_cast<std::size_t>(width);
      Floats y(size), dx(size), dgain(size), got(size), got_dx(size), got_dgain(size), rms(1);
      model::cpu::rms_norm_forward(x.data(), gain.data(), y.data(), rms.data(), 1, width);
      model::cpu::rms_norm_backward(g.data(), x.data(), gain.data(), rms.data(), nullptr, dx.data(), dgain.data(), 1,
                                    width);
      const float squares =
          summed(lanes, [&](Lane lane) { return model::cuda::lane_dot(x.data(), x.data(), width, lane); });
      const float along = summed(
          lanes, [&](Lane lane) { return model::cuda::lane_along(g.data(), gain.data(), x.data(), width, lane); });
      const float r = model::cuda::inverse_rms(squares, width, kEpsilon);
      const float shrink = model::cuda::shrinkage(along, r, width);
      for (std::size_t i = 0; i < size; ++i) {
        got[i] = x[i] * r * gain[i];
        got_dx[i] = model::cuda::normed_gradient(g[i] * gain[i], x[i], r, shrink);
        got_dgain[i] = model::cuda::gain_gradient(g.data() + i, x.data() + i, &r, width, 0, 1);
      }
      CHECK(difference(got, y) < kClose);
      CHECK(difference(got_dx, dx) < (width == 1 ? 1.0 : kClose));  // one channel: a difference of equals
      CHECK(difference(got_dgain, dgain) < kClose);
    }
}

TEST_CASE("the gain's gradient adds the rows of a part", "[model][fast]") {
  const auto g = normals(12, "g"), x = normals(12, "x"), r = normals(4, "r");  // 4 rows of 3
  float expected = 0;
  for (const std::size_t row : {1, 2}) expected += g[row * 3 + 2] * x[row * 3 + 2] * r[row];
  CHECK(model::cuda::gain_gradient(g.data() + 2, x.data() + 2, r.data(), 3, 1, 3) == expected);
}

TEST_CASE("the arithmetic of the CUDA SwiGLU equals the CPU kernel, forward and backward", "[model][fast]") {
  constexpr std::size_t kHidden = 300;
  auto x = normals(2 * kHidden, "x");
  const auto g = normals(kHidden, "g");
  for (std::size_t i = 0; i < 40; ++i) x[i] *= 40;  // sigmoids of 0 and 1
  Floats y(kHidden), dx(2 * kHidden), got(kHidden), got_dx(2 * kHidden);
  model::cpu::swiglu_forward(x.data(), y.data(), 1, kHidden);
  model::cpu::swiglu_backward(g.data(), x.data(), dx.data(), 1, kHidden);
  for (std::size_t i = 0; i < kHidden; ++i) {
    const Pair pair = model::cuda::pair_of(x.data(), static_cast<std::int64_t>(i), kHidden);
    got[i] = model::cuda::swiglu(pair);
    const Pair gradient = model::cuda::swiglu_gradient(g[i], pair);
    got_dx[i] = gradient.a;
    got_dx[kHidden + i] = gradient.b;
  }
  CHECK(difference(got, y) < kClose);
  CHECK(difference(got_dx, dx) < kClose);
}

TEST_CASE("the arithmetic of the CUDA heads equals the CPU kernel, forward and backward", "[model][fast]") {
  for (const std::int64_t half : {1, 16, 40}) {
    const std::int64_t width = 2 * half;
    const auto size = static_cast<std::size_t>(width), count = static_cast<std::size_t>(half);
    Floats cosine(count), sine(count);
    for (std::size_t i = 0; i < count; ++i) {
      cosine[i] = std::cos(static_cast<float>(i));
      sine[i] = std::sin(static_cast<float>(i));
    }
    const auto qkv = normals(3 * width, "qkv"), g = normals(width, "g");
    const model::cpu::HeadsView view{1, 1, 1, width, cosine.data(), sine.data(), true};
    Floats q(size), k(size), v(size), dqkv(3 * size), got(size), got_dx(size);
    model::cpu::heads_forward(qkv.data(), q.data(), k.data(), v.data(), view);
    model::cpu::heads_backward(g.data(), g.data(), g.data(), qkv.data(), dqkv.data(), view);
    const float *x = qkv.data(), *gradient = g.data();
    const auto part = [&](Lane lane) {
      return model::cuda::lane_of_head(gradient, x, cosine.data(), sine.data(), half, lane);
    };
    const float r = model::cuda::inverse_rms(summed(32, [&](Lane lane) { return part(lane).a; }), width, kEpsilon);
    const float shrink = model::cuda::shrinkage(summed(32, [&](Lane lane) { return part(lane).b; }), r, width);
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const Pair pair = model::cuda::pair_of(x, at, half), turn = model::cuda::turned(pair, cosine[i], sine[i]);
      const Pair back = model::cuda::turned(model::cuda::pair_of(gradient, at, half), cosine[i], -sine[i]);
      got[i] = turn.a * r;
      got[count + i] = turn.b * r;
      got_dx[i] = model::cuda::normed_gradient(back.a, pair.a, r, shrink);
      got_dx[count + i] = model::cuda::normed_gradient(back.b, pair.b, r, shrink);
    }
    CHECK(difference(got, q) < kClose);
    CHECK(difference(got_dx, Floats(dqkv.begin(), dqkv.begin() + width)) < 10 * kClose);
  }
}

TEST_CASE("the arithmetic of the CUDA cross-entropy equals the CPU kernel, forward and backward", "[model][fast]") {
  for (const std::int64_t lanes : {32, 256})
    for (const std::int64_t vocab : {1, 33, 512, 5000}) {
      auto x = normals(vocab, "x");
      for (float& logit : x) logit *= 3;
      const std::int64_t target = vocab / 2;
      const float weight = 0.25F;
      Floats loss(1), log_sum(1), dx(x.size()), got_dx(x.size());
      model::cpu::cross_entropy_forward(x.data(), &target, loss.data(), log_sum.data(), 1, vocab);
      model::cpu::cross_entropy_backward(&weight, x.data(), &target, log_sum.data(), dx.data(), 1, vocab);
      const float top = combined(
          lanes, [&](Lane lane) { return model::cuda::lane_largest(x.data(), vocab, lane); },
          [](float a, float b) { return a < b ? b : a; });
      CHECK(top == *std::max_element(x.begin(), x.end()));
      const float sum =
          summed(lanes, [&](Lane lane) { return model::cuda::lane_exponentials(x.data(), vocab, top, lane); });
      const float found = model::cuda::log_of_sum(top, sum);
      CHECK(std::abs(found - log_sum[0]) < 1e-5F);
      for (std::int64_t i = 0; i < vocab; ++i) {
        const auto at = static_cast<std::size_t>(i);
        got_dx[at] = model::cuda::logit_gradient(x[at], found, weight, i == target);
      }
      CHECK((vocab == 1 || difference(got_dx, dx) < 5e-6));
    }
}

TEST_CASE("a NaN among the logits reaches the sum of the CUDA cross-entropy", "[model][fast]") {
  const Floats x{1, NAN, 2};
  const float top = model::cuda::lane_largest(x.data(), 3, {0, 1});
  CHECK(std::isnan(model::cuda::log_of_sum(top, model::cuda::lane_exponentials(x.data(), 3, top, {0, 1}))));
}
