// The tables of the report as rows of text, for the page and the terminal alike.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace vernier::report {

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

/// What was asked: one row each for sizes, tokens, numbers, seeds, corpus, recipe, laws.
Table grid_table(const Study& study);
/// One row for each fit: runs, rms, hold-out error, AIC, BIC, objective, starts at the best.
Table fits_table(const Study& study);
/// One row for each parameter of each fit: value, 90 % interval, whether identified.
Table parameters_table(const Study& study);
/// One row for each hypothesis: law, verdict, effect, margin, p, runs, runs that would decide it; none where none was
/// asked.
Table hypotheses_table(const Study& study);
/// One row for each format: bits, runs, N_eff/N twice, density, density per bit.
Table formats_table(const Study& study);
/// One row for each model that was trained at several learning rates: the loss at each, and the rate that was chosen.
Table sweeps_table(const Study& study);
/// One row for each run, diverged ones included.
Table runs_table(const Study& study);

/// The table in columns of equal width.
std::string plain_text(const Table& table);

}  // namespace vernier::report
