#!/usr/bin/env bash
# Installs what vernier needs and builds it: build/release/vernier. Does only what is missing, so it may be called again at any
# time; works as root or with sudo. A torch that python3 imports, or that CMAKE_PREFIX_PATH holds, wins over a private one.
#
#   VERNIER_PIP_EXTRA_INDEX   an index to search for wheels beside pip's own (of CPU builds of torch, say)
#   VERNIER_JOBS              compilers at a time; from processors and memory unless given
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

readonly torch_version=2.13.0 torch_oldest=2.11 pyarrow_version=26.0.1
readonly system_packages=(
  ca-certificates build-essential cmake ninja-build ccache mold python3 python3-venv libeigen3-dev libceres-dev libyaml-cpp-dev
  catch2 libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev libhwy-dev libxxhash-dev libbenchmark-dev libsentencepiece-dev)
readonly chart_packages=(vega@6 vega-lite@6 vega-embed@7)
readonly python=$root/.venv/bin/python

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

one_at_a_time() {
  mkdir -p build
  exec 9>build/.setup.lock
  flock --nonblock 9 || { say "waiting for another set-up of this tree"; flock 9; }
}

missing_system_packages() {
  local package
  for package in "${system_packages[@]}"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
  command -v npm >/dev/null || printf '%s\n' nodejs npm
}

install_system_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "no apt-get here; expecting the equivalents of: ${system_packages[*]} nodejs npm"
    return
  fi
  local missing as_root=()
  mapfile -t missing < <(missing_system_packages)
  ((${#missing[@]})) || { say "system packages: all there"; return; }
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "needs root or sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  say "system packages: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "${missing[@]}"
}

# The version of a wheel in the private environment; empty where there is none.
wheel_version() { "$python" -c "from importlib.metadata import version; print(version('$1'))" 2>/dev/null || true; }

at_least() { [[ $(printf '%s\n' "$1" "$2" | sort --version-sort | head -1) == "$1" ]]; }

torch_in_prefix_path() {
  local folder
  IFS=':;' read -ra folders <<<"${CMAKE_PREFIX_PATH:-}"
  for folder in "${folders[@]}"; do
    [[ -e $folder/Torch/TorchConfig.cmake || -e $folder/share/cmake/Torch/TorchConfig.cmake ]] && return 0
  done
  return 1
}

# Lets the private environment see the torch of the Python that the user has.
borrow_torch() {
  local found version folder
  found=$(cd / && python3 -c 'import torch, os; print(torch.__version__, os.path.dirname(os.path.dirname(torch.__file__)))' \
    2>/dev/null) || return 1
  version=${found%% *} folder=${found#* }
  at_least "$torch_oldest" "$version" || { say "python3 has torch $version, which is older than $torch_oldest; not used"; return 1; }
  "$python" -c "import sysconfig, pathlib, sys
(pathlib.Path(sysconfig.get_path('purelib')) / 'torch_of_python3.pth').write_text(sys.argv[1] + '\n')" "$folder"
  "$python" -c 'import torch' 2>/dev/null || return 1
  say "torch: $version of python3, in $folder"
}

pip_install() {
  "$python" -m pip install --quiet ${VERNIER_PIP_EXTRA_INDEX:+--extra-index-url "$VERNIER_PIP_EXTRA_INDEX"} "$@"
}

install_torch() {
  if torch_in_prefix_path; then
    say "torch: the one in CMAKE_PREFIX_PATH"
    return
  fi
  [[ -z $(wheel_version torch) ]] || { say "torch: $(wheel_version torch)"; return; }
  borrow_torch && return
  say "torch: installing $torch_version, its build for CPUs (for a GPU, offer a CUDA build by python3 or CMAKE_PREFIX_PATH)"
  pip_install "torch==$torch_version+cpu" 2>/dev/null && return
  say "torch: pip's index has no CPU build of $torch_version (VERNIER_PIP_EXTRA_INDEX may name one that has); taking its usual"
  say "torch: build, which needs the CUDA toolkit to link"
  pip_install "torch==$torch_version"
}

install_python_packages() {
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    say "Python: making .venv"
    python3 -m venv --clear .venv
  fi
  install_torch
  if [[ $(wheel_version pyarrow) == "$pyarrow_version" && -n $(wheel_version numpy) ]]; then
    say "pyarrow: $pyarrow_version"
  else
    say "pyarrow: installing $pyarrow_version, and numpy"
    pip_install "pyarrow==$pyarrow_version" numpy
  fi
}

install_chart_packages() {
  local package
  for package in "${chart_packages[@]}"; do
    local manifest=node_modules/${package%@*}/package.json
    if ! grep -qs "\"version\": \"${package#*@}\." "$manifest"; then
      say "charts: installing ${chart_packages[*]}"
      npm install --prefix "$root" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
        "${chart_packages[@]}" >&2
      return
    fi
  done
  say "charts: ${chart_packages[*]} are there"
}

# A compiler that reads LibTorch's headers wants up to two GiB.
compilers() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo)
  echo "${VERNIER_JOBS:-$((memory < 1 ? 1 : memory < processors ? memory : processors))}"
}

build() {
  if [[ ! -e build/release/build.ninja ]]; then
    say "build: configuring build/release"
    cmake --preset release >build/configure.log || { cat build/configure.log >&2; fail "build: configuring failed"; }
  fi
  say "build: $1, $(compilers) at a time"
  cmake --build --preset release --parallel "$(compilers)" --target "$1" >&2
}

one_at_a_time
install_system_packages
install_python_packages
install_chart_packages
build "${1:-vernier}"
say "done: build/release/vernier"
