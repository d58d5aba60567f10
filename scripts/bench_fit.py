#!/usr/bin/env python3
"""Fitting speed beside SciPy: both sides in turn, on the same runs, with the same objective and as many processors.

    scripts/bench_fit.py [--rounds 3] [--starts-sample 200] [--replicates-sample 20] [--tolerance tight|default] [--json]

The law is L = E + A/N^alpha + B/D^beta, the runs are those of `vernier bench fit`, the objective is the sum of Huber terms (delta 1e-3)
of log residuals. SciPy minimises it as approach 3 of Hoffmann et al. does: L-BFGS-B over (ln A, ln B, ln E, alpha, beta) with the
analytic gradient, from the grid of 4500 starts; each replicate of its bootstrap from 20 of them. A seeded sample of starts and of
replicates is timed and its time scaled to all, since all of them take minutes. vernier's times are the `seconds` that `vernier fit
--json` states, for the whole grid (of whose starts it needs the exponents only), for as many different exponents, and for all replicates. Needs NumPy and SciPy.
"""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

for library in ("OMP", "OPENBLAS", "MKL"):  # processes share the processors; threads within them would only get in the way
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
import numpy as np
import scipy
from scipy.optimize import minimize

ROOT = pathlib.Path(__file__).resolve().parent.parent
HUBER = 1e-3
STARTS, REPLICATES, STARTS_OF_A_REPLICATE = 4500, 4000, 20
TOLERANCES = {"default": {}, "tight": {"ftol": 1e-15, "gtol": 1e-10}}


def start_grid():
    """Hoffmann et al., arXiv 2203.15556, appendix D.3."""
    coefficient, floor, exponent = np.arange(0, 26, 5.0), np.arange(-1, 1.1, 0.5), np.arange(0, 2.1, 0.5)
    axes = np.meshgrid(coefficient, coefficient, floor, exponent, exponent, indexing="ij")
    grid = np.stack([axis.ravel() for axis in axes], axis=1)
    assert len(grid) == STARTS
    return grid


def objective(x, log_n, log_d, log_loss):
    """Sum of Huber terms and its gradient by ln A, ln B, ln E, alpha, beta."""
    by_size, by_data = x[0] - x[3] * log_n, x[1] - x[4] * log_d
    predicted = np.logaddexp(np.logaddexp(by_size, by_data), x[2])
    residual = predicted - log_loss
    pull = np.clip(residual, -HUBER, HUBER)  # derivative of the Huber term; the term is pull (r - pull/2)
    on_size, on_data, on_floor = (pull * np.exp(term - predicted) for term in (by_size, by_data, x[2]))
    gradient = [on_size.sum(), on_data.sum(), on_floor.sum(), -on_size @ log_n, -on_data @ log_d]
    return pull @ (residual - pull / 2), np.array(gradient)


def descended(start, data, tolerance):
    options = {"maxiter": 10000, "maxfun": 100000} | TOLERANCES[tolerance]
    return minimize(objective, start, args=data, jac=True, method="L-BFGS-B", options=options).fun


def ends_of(job):
    """Of one block of starts on one set of runs."""
    starts, data, tolerance = job
    return [descended(start, data, tolerance) for start in starts]


def timed(pool, jobs):
    begin = time.perf_counter()
    ends = [end for block in pool.map(ends_of, jobs) for end in block]
    return time.perf_counter() - begin, np.array(ends)


def scipy_fit(pool, asked, data, random):
    chosen = random.permutation(start_grid())[: asked.starts_sample]
    seconds, ends = timed(pool, [(block, data, asked.tolerance) for block in np.array_split(chosen, 4 * asked.processes)])
    return seconds * STARTS / len(chosen), ends.min(), np.mean(ends <= ends.min() * (1 + 1e-6))


def scipy_bootstrap(pool, asked, data, random):
    grid, jobs = start_grid(), []
    for _ in range(asked.replicates_sample):
        rows = random.integers(len(data[0]), size=len(data[0]))
        starts = grid[random.choice(len(grid), STARTS_OF_A_REPLICATE, replace=False)]
        jobs.append((starts, tuple(column[rows] for column in data), asked.tolerance))
    return timed(pool, jobs)[0] * REPLICATES / len(jobs)


def our_json(asked, *words):
    done = subprocess.run([asked.vernier, *map(str, words), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{asked.vernier} {' '.join(map(str, words))}\n{done.stderr}")
    return json.loads(done.stdout)


# The 4500 starts of the grid are 25 pairs of exponents with 180 values of A, B and E, for which vernier solves.
GRID = ("--start-grid", "alpha=0:2:0.5", "--start-grid", "beta=0:2:0.5")


def our_fit(asked, file, *starts, replicates=0):
    fit = our_json(asked, "fit", file, "--law", "chinchilla", *starts, "--bootstrap", replicates)["fits"][0]
    return fit["seconds"], fit["objective"], fit["starts_at_best"] / len(fit["starts"])


def read_logs(file):
    with open(file, newline="") as text:
        rows = list(csv.DictReader(text))
    return tuple(np.log([float(row[name]) for row in rows]) for name in ("n_non_embedding", "tokens", "loss_val"))


def one_round(pool, asked, file, data, random):
    theirs, their_objective, their_share = scipy_fit(pool, asked, data, random)
    ours, our_objective, our_share = our_fit(asked, file, *GRID)
    as_many, many_objective, _ = our_fit(asked, file, "--starts", STARTS)
    their_bootstrap = scipy_bootstrap(pool, asked, data, random)
    our_bootstrap = our_fit(asked, file, replicates=REPLICATES)[0]
    row = {"fit": {"scipy": theirs, "vernier": ours}, "as_many": {"scipy": theirs, "vernier": as_many}, "bootstrap": {"scipy": their_bootstrap, "vernier": our_bootstrap},
           "objective": {"scipy": their_objective, "vernier": max(our_objective, many_objective)}, "at_best": {"scipy": their_share, "vernier": our_share}}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def summary(rounds, what):
    ratios = sorted(row[what]["scipy"] / row[what]["vernier"] for row in rounds)
    side = {name: statistics.median(row[what][name] for row in rounds) for name in ("scipy", "vernier")}
    return {**{f"{name}_seconds": seconds for name, seconds in side.items()}, "ratio": statistics.median(ratios), "ratios": ratios}


def result_of(asked, runs, rounds):
    objectives = {name: min(row["objective"][name] for row in rounds) for name in ("scipy", "vernier")}
    at_best = {name: statistics.median(row["at_best"][name] for row in rounds) for name in ("scipy", "vernier")}
    return {"runs": runs, "processes": asked.processes, "tolerance": asked.tolerance, "starts": STARTS, "starts_timed": asked.starts_sample,
            "replicates": REPLICATES, "replicates_timed": asked.replicates_sample, "fit": summary(rounds, "fit"),
            "as_many": summary(rounds, "as_many"),
            "bootstrap": summary(rounds, "bootstrap"), "objective": objectives,
            "share_of_starts_at_best": at_best, "numpy": np.__version__, "scipy": scipy.__version__}


def print_table(result):
    print(f"{result['runs']} runs, {result['processes']} processes, SciPy {result['scipy']} with {result['tolerance']} tolerances; SciPy timed on "
          f"{result['starts_timed']} of {STARTS} starts and {result['replicates_timed']} of {REPLICATES} replicates, scaled to all\n")
    print("| | SciPy, s | vernier, s | ratio (lowest to highest) |\n|---|---|---|---|")
    for name, what in (("fit", f"fit from the grid of {STARTS} starts"), ("as_many", f"the same; vernier from {STARTS} different exponents"),
                       ("bootstrap", f"{REPLICATES} bootstrap replicates")):
        row = result[name]
        print(f"| {what} | {row['scipy_seconds']:.1f} | {row['vernier_seconds']:.2f} | **{row['ratio']:.0f}** "
              f"({row['ratios'][0]:.0f} to {row['ratios'][-1]:.0f}) |")
    best, share = result["objective"], result["share_of_starts_at_best"]
    print(f"\nbest objective: SciPy {best['scipy']:.10g}, vernier {best['vernier']:.10g}; starts that end within 1e-6 of it: "
          f"SciPy {100 * share['scipy']:.0f} %, vernier {100 * share['vernier']:.0f} %")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vernier", default=str(ROOT / "build/release/vernier"))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--starts-sample", type=int, default=200, help="starts of the grid that SciPy is timed on")
    p.add_argument("--replicates-sample", type=int, default=20, help="bootstrap replicates that SciPy is timed on")
    p.add_argument("--tolerance", choices=TOLERANCES, default="tight", help="of L-BFGS-B; with SciPy's own it stops before the optimum")
    p.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="of SciPy; vernier takes every processor")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--json", action="store_true")
    asked = p.parse_args()
    if min(asked.rounds, asked.starts_sample, asked.replicates_sample, asked.processes) < 1 or asked.starts_sample > STARTS:
        p.error(f"expected counts of 1 or more, and at most {STARTS} starts")
    if not pathlib.Path(asked.vernier).exists():
        p.error(f"--vernier: {asked.vernier}: no such file; expected the program (scripts/setup.sh builds it)")
    random = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(asked.processes) as pool:
        our_json(asked, "bench", "fit", "--starts", 1, "--bootstrap", 1, "--seed", asked.seed, "--write-data", folder)
        file = pathlib.Path(folder) / "chinchilla.csv"
        data = read_logs(file)
        timed(pool, [(start_grid()[:1], data, "default")] * asked.processes)  # the processes start
        rounds = [one_round(pool, asked, file, data, random) for _ in range(asked.rounds)]
    result = result_of(asked, len(data[0]), rounds)
    if asked.json:
        print(json.dumps(result))
    else:
        print_table(result)
    if result["objective"]["vernier"] > result["objective"]["scipy"] * (1 + 1e-9):
        sys.exit("vernier ended in a worse optimum than SciPy")


if __name__ == "__main__":
    main()
