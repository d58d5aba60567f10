// Pieces of work shared out over LibTorch's threads, which stay alive from call to call and keep what they have
// compiled.
#pragma once

#include <cstddef>
#include <functional>

namespace vernier::train {

/// work(0), ... work(pieces - 1): as many pieces as fill all `threads` are computed by one thread each from end to end,
/// the rest one after another with all threads inside. at::get_thread_num() tells apart what runs at the same time. An
/// exception of a piece is thrown when the others are done.
void on_threads(int threads, std::size_t pieces, const std::function<void(std::size_t)>& work);

}  // namespace vernier::train
