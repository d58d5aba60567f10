# CUDA where nvcc is found, on the path, by the environment variable CUDACXX or as CMAKE_CUDA_COMPILER; silence where there
# is none. A LibTorch with CUDA has then enabled the language itself, for the GPUs that TORCH_CUDA_ARCH_LIST names.

if(VERNIER_TRAINING AND NOT CMAKE_CUDA_COMPILER_LOADED)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80 90)  # newer ones translate the code of the last
    endif()
    enable_language(CUDA)
  endif()
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 has not heard of it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one that LibTorch uses
