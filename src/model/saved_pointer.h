// Pointers through the memory of an autograd node, which keeps numbers only.
#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>

namespace vernier::model {

inline std::int64_t pointer(const void* to) { return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(to)); }

template <class T>
const T* pointed_to(const c10::IValue& value) {
  return reinterpret_cast<const T*>(static_cast<std::intptr_t>(value.toInt()));
}

}  // namespace vernier::model
