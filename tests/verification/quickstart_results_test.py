"""What the README says of the committed results of experiments/quickstart, checked on the files themselves."""

import collections
import csv
import json
import pathlib
import sys
import unittest

RESULTS = pathlib.Path(sys.argv.pop(1)) / "experiments" / "quickstart" / "results"


def reference_losses():
    """losses[width][tokens] = list over seeds, of the models in which nothing is rounded."""
    losses = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(RESULTS / "runs.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["weights"] == row["activations"] == row["kv"] == "fp32":
                losses[int(row["width"])][int(row["tokens"])].append(float(row["loss_val"]))
    return losses


class QuickstartResults(unittest.TestCase):
    def test_loss_falls_with_size_and_with_tokens_all_along(self):
        means = {w: {d: sum(v) / len(v) for d, v in by.items()} for w, by in reference_losses().items()}
        widths, tokens = sorted(means), sorted(means[min(means)])
        self.assertGreaterEqual(len(widths), 5)
        self.assertGreaterEqual(len(tokens), 4)
        for w in widths:
            for fewer, more in zip(tokens, tokens[1:]):
                self.assertGreater(means[w][fewer], means[w][more], f"width {w}, {fewer} to {more} tokens")
        for d in tokens:
            for smaller, larger in zip(widths, widths[1:]):
                self.assertGreater(means[smaller][d], means[larger][d], f"{d} tokens, width {smaller} to {larger}")

    def test_seeds_agree_within_half_a_percent(self):
        replicated = [v for by in reference_losses().values() for v in by.values() if len(v) > 1]
        self.assertGreaterEqual(len(replicated), 8)
        for losses in replicated:
            self.assertLess((max(losses) - min(losses)) / min(losses), 0.005)

    def test_the_interval_of_E_contains_the_known_entropy_and_is_narrow(self):
        with open(RESULTS / "runs.csv", newline="") as file:
            floor = float(next(csv.DictReader(file))["loss_floor"])
        fits = json.loads((RESULTS / "fits.json").read_text())["fits"]
        E = next(fit for fit in fits if fit["law"] == "chinchilla")["parameters"]["E"]
        self.assertLess(E["lo"], floor)
        self.assertGreater(E["hi"], floor)
        self.assertLess(E["hi"] - E["lo"], floor / 5)


if __name__ == "__main__":
    unittest.main()
