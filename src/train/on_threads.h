// Pieces of work, each computed by one thread from end to end.
#pragma once

#include <cstddef>
#include <functional>

namespace vernier::train {

/// work(0), ... work(pieces - 1), up to `threads` at a time; ATen gets what is left of them inside a piece. Threads
/// wait without spinning, and the last exception of a piece is thrown.
void on_threads(int threads, std::size_t pieces, const std::function<void(std::size_t)>& work);

}  // namespace vernier::train
