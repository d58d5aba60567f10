#!/usr/bin/env bash
# Set-up, then every test of the release build. Arguments go to ctest: scripts/test.sh -R cohort
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh all
# Second opinions that only tests ask for; where they cannot be had, those tests are listed as skipped.
.venv/bin/python -m pip install --quiet --retries 1 --requirement tests/verification/requirements.txt ||
  printf 'test: tests that need tests/verification/requirements.txt are skipped\n' >&2
ctest --preset release --parallel "$(nproc)" "$@"
