# Everything third-party comes as a package of the system, a wheel in the private Python environment, or npm (charts).
# A torch or pyarrow that CMAKE_PREFIX_PATH or an active Python already offers wins over the private environment.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# LibTorch's wheel brings fmt headers of its own, of another version and without the library: ours must be found first.
get_target_property(FMT_INCLUDE fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/found_first)
file(CREATE_LINK ${FMT_INCLUDE}/fmt ${CMAKE_BINARY_DIR}/found_first/fmt SYMBOLIC)
include_directories(BEFORE SYSTEM ${CMAKE_BINARY_DIR}/found_first)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Ceres REQUIRED)

find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
add_library(xxhash INTERFACE)
target_include_directories(xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE})
target_link_libraries(xxhash INTERFACE ${XXHASH_LIBRARY})

if(EXISTS ${CMAKE_SOURCE_DIR}/.venv/bin/python)
  set(VERNIER_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH "Python whose wheels hold LibTorch and Arrow")
else()
  set(VERNIER_PYTHON python3 CACHE FILEPATH "Python whose wheels hold LibTorch and Arrow")
endif()

function(ask_python result code)
  execute_process(COMMAND ${VERNIER_PYTHON} -c "${code}" OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE
                  ERROR_VARIABLE complaint RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${VERNIER_PYTHON} could not answer '${code}':\n${complaint}\nRun scripts/setup.sh first.")
  endif()
  set(${result} "${answer}" PARENT_SCOPE)
endfunction()

# Arrow and Parquet C++, as shipped inside the pyarrow wheel.
find_package(Arrow QUIET)
find_package(Parquet QUIET)
add_library(vernier_arrow INTERFACE)
if(Arrow_FOUND AND Parquet_FOUND)
  target_link_libraries(vernier_arrow INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
else()
  ask_python(PYARROW_DIR "import pyarrow, os; print(os.path.dirname(pyarrow.__file__))")
  file(GLOB ARROW_LIBRARY ${PYARROW_DIR}/libarrow.so.*)
  file(GLOB PARQUET_LIBRARY ${PYARROW_DIR}/libparquet.so.*)
  target_include_directories(vernier_arrow SYSTEM INTERFACE ${PYARROW_DIR}/include)
  target_link_libraries(vernier_arrow INTERFACE ${ARROW_LIBRARY} ${PARQUET_LIBRARY})
endif()

if(VERNIER_TRAINING)
  find_library(HWY_LIBRARY hwy REQUIRED)
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    ask_python(TORCH_PREFIX "import torch; print(torch.utils.cmake_prefix_path)")
    find_package(Torch REQUIRED PATHS ${TORCH_PREFIX})
  endif()
  # at::parallel_for is serial in code compiled without OpenMP. A wheel brings its own runtime, and there should be one only.
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  get_filename_component(TORCH_LIBRARY_DIR ${TORCH_LIBRARY} DIRECTORY)
  file(GLOB OPENMP_RUNTIME ${TORCH_LIBRARY_DIR}/libgomp*.so* ${TORCH_LIBRARY_DIR}/libiomp5.so)
  if(NOT OPENMP_RUNTIME)
    set(OPENMP_RUNTIME ${OpenMP_CXX_LIBRARIES})
  endif()
  if(TORCH_CXX_FLAGS)  # an old C++ ABI belongs to the whole build
    set(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} ${TORCH_CXX_FLAGS}")
  endif()
endif()

# The chart library, embedded in every report.
set(VERNIER_NODE_MODULES ${CMAKE_SOURCE_DIR}/node_modules CACHE PATH "Folder with the npm packages vega, vega-lite, vega-embed")
