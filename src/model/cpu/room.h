// One allocation, handed out in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace vernier::model::cpu {

/// Pieces of `base`, one after another on cache lines; without a base they are only counted.
class Room {
 public:
  explicit Room(std::byte* base = nullptr) : base_(base) {}

  template <class T>
  T* take(std::int64_t count) {
    constexpr std::size_t kLine = 64;
    std::byte* piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + kLine - 1) / kLine * kLine;
    return reinterpret_cast<T*>(piece);
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

/// Memory of one thread of work, which outlives the steps that use it one after another: it grows to the largest.
class Workspace {
 public:
  std::byte* at_least(std::size_t bytes) {
    if (bytes > bytes_) {
      memory_.reset();  // before the larger one is asked for
      memory_.reset(static_cast<std::byte*>(::operator new(bytes, kPage)));
      bytes_ = bytes;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t kPage{4096};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, kPage); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace vernier::model::cpu
