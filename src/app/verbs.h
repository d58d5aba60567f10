// One file per verb; each adds its subcommand to the command line. A callback throws Error for the user's mistakes
// (exit status 2) and Failure where a run or check failed (exit status 1).
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <string_view>

namespace vernier::app {

void add_formats(CLI::App& program);
void add_quantize(CLI::App& program);
void add_fit(CLI::App& program);
void add_predict(CLI::App& program);
void add_optimum(CLI::App& program);
void add_density(CLI::App& program);
void add_export(CLI::App& program);
void add_report(CLI::App& program);
void add_plan(CLI::App& program);
void add_status(CLI::App& program);
void add_run(CLI::App& program);
void add_eval(CLI::App& program);
void add_ptq(CLI::App& program);
void add_bench(CLI::App& program);
void add_bench_fit(CLI::App& bench);  ///< these three of `vernier bench`
void add_bench_quantize(CLI::App& bench);
void add_bench_carrier(CLI::App& bench);
void add_signature(CLI::App& program);

}  // namespace vernier::app
