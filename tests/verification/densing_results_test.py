"""What the READMEs say of the committed results of experiments/densing-*, checked on the files themselves."""

import collections
import csv
import json
import pathlib
import sys
import unittest

EXPERIMENTS = pathlib.Path(sys.argv.pop(1)) / "experiments"
RECIPES = EXPERIMENTS / "densing-recipes" / "results"
BITS = EXPERIMENTS / "densing-bits" / "results"


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class DensingResults(unittest.TestCase):
    def test_every_recipe_has_the_learning_rate_that_was_best_in_the_sweep(self):
        tried = collections.defaultdict(dict)
        for row in rows(RECIPES / "sweep.csv"):
            tried[row["recipe"], int(row["width"])][float(row["learning_rate"])] = float(row["loss_val"])
        self.assertEqual(len({recipe for recipe, _ in tried}), 6)
        used = {(row["recipe"], int(row["width"])): float(row["learning_rate"]) for row in rows(RECIPES / "runs.csv")}
        for model, losses in tried.items():
            self.assertGreaterEqual(len(losses), 5)
            self.assertEqual(used[model], min(losses, key=losses.get), model)

    def test_no_task_is_answered_better_than_by_who_knows_the_language(self):
        for results in (RECIPES, BITS):
            for row in rows(results / "runs.csv"):
                self.assertLess(float(row["task_accuracy"]), float(row["task_accuracy_ceiling"]))
                self.assertGreater(float(row["task_accuracy"]), 0.25)

    def test_typical_models_of_recipes_from_2023_on_are_denser_than_any_before(self):
        law = json.loads((RECIPES / "density-task-loss.json").read_text())["typical_law"]
        before = [point["density"] for point in law["points"] if point["date"] < "2023"]
        after = [point["density"] for point in law["points"] if point["date"] >= "2023"]
        self.assertEqual((len(before), len(after)), (3, 3))
        self.assertGreater(min(after), max(before))

    def test_densities_stand_with_their_intervals(self):
        for results in (RECIPES, BITS):
            models = json.loads((results / "density.json").read_text())["models"]
            self.assertGreater(sum(model["density"] is not None for model in models), 50)
            for model in models:
                if model["density"] is None:
                    self.assertTrue(model["why_absent"], model["run_id"])
                elif model["lo"] is None or model["hi"] is None:
                    self.assertTrue(model["why_open"], model["run_id"])


if __name__ == "__main__":
    unittest.main()
