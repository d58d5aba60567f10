#!/usr/bin/env bash
# Set-up, then the main job: trains the small models of experiments/quickstart, fits both laws to them, writes a report.
# May be stopped at any time; calling it again goes on where it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
build/release/vernier run experiments/quickstart "$@"
printf '\nThe report is %s/experiments/quickstart/results/report.html\n' "$PWD"
