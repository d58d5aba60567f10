// The ptq.parquet of `vernier export` beside its runs.parquet.
#pragma once

#include "store/table.h"

namespace vernier::fit {

/// A table as it is, unless it is a ptq.parquet of ours (rows run_id, method, weights, loss, delta, without N and D):
/// then with the columns of the runs that stand in runs.parquet or runs.csv of the same folder, its own called
/// post_weights, post_bits and loss_val, and theirs loss_before. Throws Error where neither file is there.
store::Table with_runs_beside(store::Table table);

}  // namespace vernier::fit
