"""`vernier bench fit`: its keys, and that what it times is what `vernier fit` does on the data that it writes."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
SMALL = ["--rows", "60", "--starts", "8", "--bootstrap", "3"]


def call(*arguments, expect=0):
    result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert result.returncode == expect, f"{arguments}: exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def bench(*arguments):
    return json.loads(call("bench", "fit", *SMALL, "--json", *arguments).stdout)


class BenchFit(unittest.TestCase):
    def test_every_line_says_what_was_timed(self):
        result = bench("--threads", 1)
        self.assertEqual(result["threads"], 1)
        asked = [(row["law"], row["rows"], row["starts"], row["replicates"]) for row in result["fits"]]
        self.assertEqual(asked, [("chinchilla", 60, 25, 0), ("chinchilla", 60, 8, 0), ("chinchilla", 60, 8, 3), ("kumar_unified", 60, 8, 3)])
        for row in result["fits"]:
            self.assertEqual(set(row), {"law", "rows", "starts", "grid", "replicates", "seconds", "objective", "starts_at_best"})
            self.assertGreater(row["seconds"], 0)
            self.assertGreater(row["objective"], 0)
            self.assertTrue(0 <= row["starts_at_best"] <= row["starts"])

    def test_the_data_written_are_the_data_fitted(self):
        with tempfile.TemporaryDirectory() as folder:
            timed = bench("--write-data", folder, "--seed", 3)["fits"][1]
            file = pathlib.Path(folder) / "chinchilla.csv"
            fit = json.loads(call("fit", file, "--law", "chinchilla", "--starts", 8, "--bootstrap", 0, "--json").stdout)
            self.assertEqual(fit["data"]["used"], 60)
            self.assertAlmostEqual(fit["fits"][0]["objective"] / timed["objective"], 1, places=8)
            self.assertIn("post_bits", (pathlib.Path(folder) / "kumar_unified.csv").read_text().splitlines()[0])

    def test_data_and_results_depend_on_the_seed_alone(self):
        def results(*arguments):
            return [(row["objective"], row["starts_at_best"]) for row in bench(*arguments)["fits"]]

        self.assertEqual(results("--threads", 1), results("--threads", 2))
        self.assertNotEqual(results("--seed", 1), results("--seed", 2))

    def test_without_json_it_is_a_table_of_four_lines(self):
        lines = call("bench", "fit", *SMALL).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines[2:]], ["chinchilla", "chinchilla", "chinchilla", "kumar_unified"])

    def test_what_cannot_be_is_refused(self):
        for wrong in (["--rows", "3"], ["--starts", "0"], ["--write-data", PROGRAM]):
            call("bench", "fit", *wrong, expect=2)


if __name__ == "__main__":
    unittest.main()
