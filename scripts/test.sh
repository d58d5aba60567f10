#!/usr/bin/env bash
# Set-up, then every test of the release build. Arguments go to ctest: scripts/test.sh -R cohort
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh all
ctest --preset release --parallel "$(nproc)" "$@"
