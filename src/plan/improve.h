// `vernier plan --improve BUDGET`: the runs that shrink the interval of one quantity most, for a number of FLOPs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/identify.h"
#include "record/archive.h"

namespace vernier::plan {

/// What `--improve` asks for.
struct ImproveAsked {
  std::string budget;             ///< FLOPs, or a percentage of those of the grid as written
  std::string quantity;           ///< a parameter of one of fit.laws, P* or N*; empty: see improvement()
  std::optional<double> compute;  ///< for which N* is optimal [16-bit FLOP]
};

/// A cell of the proposal: one size, number of tokens and precision, with its seeds.
struct Proposed {
  std::vector<RunSpec> runs;  ///< that differ in their seeds
  double params = 0;          ///< N, outside embeddings
  double flops = 0;           ///< of all of them, those of a trunk paying for it in the order of their tokens
  double share = 0;           ///< of the gain: how much Var would rise without each, over the sum of all
};

/// What some runs would say of the quantity, and what they cost.
struct Outlook {
  double flops = 0;
  std::int64_t runs = 0;
  Expected expected;
};

struct Improvement {
  std::string law, quantity;
  std::string why;                 ///< this quantity
  double budget = 0;               ///< [FLOP]
  Outlook now, written, proposed;  ///< runs that are done; with the rest of the grid; with the proposal
  std::vector<Proposed> cells;     ///< by N, numbers, D
  double prior = 0;                ///< standard deviation of each coordinate that the selection assumes before any run
  std::size_t candidates = 0;      ///< cells that were looked at
};

/// The proposal for an experiment of whose runs those with the ids in `done` are made.
///
/// quantity  where none is asked for: of the parameters of the first law that is foreseen (coefficients of its terms
///           left out, and what may be 0) the one whose interval from the grid as written is widest, in ratio to its
///           value; the first that the grid leaves free, if it leaves any free
/// throws    Error for a budget that is no number or allows no run, and for a quantity that no law of fit.laws has,
///           or that does not move with the parameters
Improvement improvement(const Experiment& experiment, const std::set<std::string>& done, const Assumed& assumed,
                        const ImproveAsked& asked);

/// An experiment file with the proposed runs, and those that are done, as grid.runs; `file` is where it will lie, as a
/// corpus' path is seen from there.
std::string experiment_text(const Experiment& experiment, const std::set<std::string>& done,
                            const Improvement& improvement, const std::filesystem::path& file);

/// "improve" of `vernier plan --json`.
Json to_json(const Improvement& improvement);

/// The same for a terminal.
std::string text_of(const Improvement& improvement);

}  // namespace vernier::plan
