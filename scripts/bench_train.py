#!/usr/bin/env python3
"""Training speed beside plain PyTorch, as a Markdown table: both sides in turn, on the same machine, in the same minutes.

    scripts/bench_train.py --peer peer_train.py [--rounds 3] [--threads 2] [--json bench.json]

--peer is a script with the options and the JSON of vernier's `bench train` (tokens_per_second over all --members), and
--mode, --dtype: it is given its best of eager and compiled, fp32 and bf16, found anew for every shape and number of
members. Ratios are medians over rounds of neighbouring pairs. Weights int4/channel, activations and kv int8/tensor.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBERS = "--weights int4/channel --activations int8/tensor --kv int8/tensor".split()
SHAPES = [(2, 32, 2, 128, 8), (3, 64, 4, 128, 8), (4, 128, 4, 256, 16), (6, 256, 8, 256, 32)]
CONFIGURATIONS = [("eager", "fp32"), ("eager", "bf16"), ("compile", "fp32"), ("compile", "bf16")]


def options_of(shape, members, steps, threads):
    depth, width, heads, context, batch = shape
    named = dict(depth=depth, width=width, heads=heads, context=context, batch=batch, vocab=512, members=members,
                 steps=steps, threads=threads)
    return [word for name, value in named.items() for word in (f"--{name}", str(value))] + NUMBERS + ["--json"]


def steps_of(shape, members):
    """About as many tokens for every shape; fewer where a step is long."""
    depth, width, _, context, batch = shape
    work = depth * width * width * context * batch * members
    return max(3, min(40, int(2e10 / work)))


def measured(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peer_rate(asked, shape, members, configuration, steps):
    mode, dtype = configuration
    result = measured([sys.executable, asked.peer, "--mode", mode, "--dtype", dtype]
                      + options_of(shape, members, steps, asked.threads))
    return result["tokens_per_second"]


def our_result(asked, shape, members):
    return measured([asked.vernier, "bench", "train", "--device", "cpu"]
                    + options_of(shape, members, steps_of(shape, members), asked.threads))


def best_configuration(asked, shape, members):
    steps = max(3, steps_of(shape, members) // 4)
    rates = {c: peer_rate(asked, shape, members, c, steps) for c in CONFIGURATIONS}
    return max(rates, key=rates.get)


def compared(asked, shape, members):
    best = best_configuration(asked, shape, members)
    peer, ours, shares = [], [], []
    for _ in range(asked.rounds):
        peer.append(peer_rate(asked, shape, members, best, steps_of(shape, members)))
        result = our_result(asked, shape, members)
        ours.append(result["tokens_per_second"])
        shares.append(result["share_of_peak"])
    ratios = [a / b for a, b in zip(ours, peer)]
    row = {"shape": shape, "members": members, "configuration": " ".join(best), "peer": statistics.median(peer),
           "vernier": statistics.median(ours), "ratio": statistics.median(ratios), "ratios": sorted(ratios),
           "share_of_peak": statistics.median(shares)}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def table(rows):
    text = ["| depth, width, heads, context, batch | members | PyTorch, its best | tokens/s | vernier | ratio (lowest to highest) | share of GEMM peak |",
            "|---|---|---|---|---|---|---|"]
    for r in rows:
        shape = ", ".join(map(str, r["shape"]))
        text.append(f"| {shape} | {r['members']} | {r['configuration']} | {r['peer']:,.0f} | {r['vernier']:,.0f} | "
                    f"**{r['ratio']:.2f}** ({r['ratios'][0]:.2f} to {r['ratios'][-1]:.2f}) | {100 * r['share_of_peak']:.0f} % |")
    for members in sorted({r["members"] for r in rows}):
        ratios = [r["ratio"] for r in rows if r["members"] == members]
        text.append(f"| geometric mean | {members} | | | | **{math.prod(ratios) ** (1 / len(ratios)):.2f}** | |")
    return "\n".join(text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peer", required=True, help="peer_train.py")
    p.add_argument("--vernier", default=str(ROOT / "build/release/vernier"))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--members", type=int, nargs="+", default=[1, 8])
    p.add_argument("--json", help="also write the rows here")
    asked = p.parse_args()
    if not pathlib.Path(asked.peer).exists():
        sys.exit(f"--peer: {asked.peer}: no such file; expected a script with the options of peer_train.py")
    rows = [compared(asked, shape, members) for members in asked.members for shape in SHAPES]
    print(table(rows))
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
