"""`vernier optimum` and `vernier predict` as CONTRACTS promises them, from fits written by hand."""

import json
import math
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = sys.argv.pop(1)


def fit(law, base=None, labels=None, **values):
    summary = {"law": law, "parameters": {k: {"value": v, "lo": None, "hi": None} for k, v in values.items()}}
    return summary | {"labels": labels or {}} | ({"base": base} if base else {})


CHINCHILLA = fit("chinchilla", E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
KUMAR = fit("kumar_joint", E=2.7648, A=4299, B=18060, alpha=0.4965, beta=0.4965, gamma_w=2.6745, n_w=0.3037,
            gamma_a=2.2102, n_a=1.4072, gamma_kv=0.9578, n_kv=2.4185)
PTQ = dict(C_T=0.0598, gD=0.5068, gN=0.3439, g_post=0.5907, b=1.1277)
FLOATS = fit("float_bits", eps=1.9061, n=69.2343, d=68973.0621, alpha=0.2368, beta=0.5162, g=11334.5197, delta=3.1926, nu=2.9543)
QAT = fit("qat_group", E=1.9279, A=237.7042, B=596.2490, k=0.1582, alpha=0.3022, beta=0.3022, gN=0.2186, gD=0.0745, gG=0.7779)
SCORE = fit("densing_score", d=0.25, c=0.7, gamma=-4, l=1.6)


class Verbs(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    def call(self, *arguments, expect=0):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, expect, f"{arguments}\n{done.stderr}")
        if expect:
            self.assertEqual(done.stdout, "")
        return done

    def predict(self, law, *options, n=30e6, d=1.5e9):
        sizes = ["--params", n, "--tokens", d] if n else []
        return json.loads(self.call("predict", self.file("fit.json", law), *sizes, "--json", *options).stdout)

    def optimum(self, law, *options):
        return json.loads(self.call("optimum", self.file("fit.json", law), "--json", *options).stdout)

    def refused(self, expected, verb, law, *options):
        said = self.call(verb, self.file("fit.json", law), *options, expect=2).stderr
        for words in expected:
            self.assertIn(words, said)


class Predict(Verbs):
    def test_it_has_the_keys_of_its_contract_and_null_for_what_does_not_apply(self):
        found = self.predict(CHINCHILLA, n=70e9, d=1.4e12)
        self.assertLessEqual({"loss", "lo", "hi", "n_eff", "d_crit"}, set(found))
        self.assertAlmostEqual(found["loss"], 1.973882, places=6)
        self.assertEqual((found["lo"], found["hi"], found["n_eff"], found["d_crit"]), (None, None, 70e9, None))

    def test_precision_of_all_parts_and_of_single_ones(self):
        self.assertAlmostEqual(self.predict(KUMAR, "--precision", "int8")["loss"], 4.182564, places=6)
        self.assertAlmostEqual(self.predict(KUMAR, "--precision", "weights=int4")["loss"], 4.264622, places=6)
        outside = self.predict(KUMAR, "--precision", "int2")
        self.assertEqual((outside["loss"], outside["diverges"]), (None, True))

    def test_penalties_have_a_critical_amount_of_data_and_no_effective_parameters(self):
        found = self.predict(FLOATS, "--precision", "weights=e4m3/block128", n=1e9, d=20e9)
        self.assertAlmostEqual(found["loss"], 2.750232, places=6)
        self.assertAlmostEqual(found["d_crit"] / 27.3e12, 1, places=2)
        self.assertIsNone(found["n_eff"])
        self.assertGreater(self.predict(QAT, "--precision", "weights=e2m1/block128", n=595e6, d=100e9)["d_crit"], 1e12)
        self.assertIsNone(self.predict(QAT, n=595e6, d=100e9)["d_crit"])

    def test_elements_per_scale_come_from_the_number_and_matter(self):
        losses = [self.predict(FLOATS, "--precision", f"weights=e2m1/block{g}", n=1e9, d=1e11)["loss"] for g in (16, 128)]
        self.assertLess(*losses)

    def test_quantization_after_training_stands_on_the_base_law(self):
        file = {"fits": [fit("kumar_ptq", **PTQ), KUMAR], "best": "kumar_joint"}
        for law in (file, fit("kumar_ptq", base=KUMAR, **PTQ)):
            found = self.predict(law, "--law", "kumar_ptq", "--post", "int4", n=30e6, d=26e9)
            before = self.predict(KUMAR, n=30e6, d=26e9)["loss"]
            self.assertAlmostEqual(found["loss"] - before, 0.107771, places=6)
            self.assertAlmostEqual(found["d_crit"] / 2.87801e10, 1, places=4)
            given = self.predict(law, "--law", "kumar_ptq", "--post", "int4", "--loss-before", 3, n=30e6, d=26e9)
            self.assertAlmostEqual(given["loss"], 3.107771, places=6)
        alone = self.predict(fit("kumar_ptq", **PTQ), "--post", "int4", "--loss-before", 3, n=30e6, d=26e9)
        self.assertEqual((round(alone["loss"], 6), alone["d_crit"]), (3.107771, None))

    def test_a_score_needs_a_conditional_loss_alone(self):
        self.assertAlmostEqual(self.predict(SCORE, "--task-loss", 1.6, n=None)["loss"], 0.25 + 0.35, places=12)

    def test_what_a_law_needs_is_said(self):
        sizes = ("--params", 1e6, "--tokens", 1e9)
        self.refused(["--post NUMBER", "--loss-before"], "predict", fit("kumar_ptq", **PTQ), *sizes)
        self.refused(["says nothing of quantization"], "predict", CHINCHILLA, *sizes, "--post", "int4")
        self.refused(["--params", "--tokens"], "predict", CHINCHILLA)
        self.refused(["--task-loss"], "predict", SCORE)
        self.refused(["weights=", "gradients="], "predict", KUMAR, *sizes, "--precision", "wieghts=int4")

    def test_both_passes_have_their_own_constants(self):
        law = fit("chinchilla_outer", E=1.340846, A=127444.69, B=465834.31, alpha=0.578520, beta=0.538877, outer=0.276416,
                  effN_e2m1=0.6452, effD_RTN=0.8935, labels={"effN_e2m1": "e2m1/block32:e8m0 e2m1/block32:e8m0 fp32", "effD_RTN": "RTN"})
        found = self.predict(law, "--precision", "weights=e2m1/block32:e8m0,activations=e2m1/block32:e8m0,backward=RTN", n=1e8, d=1e10)
        self.assertAlmostEqual(found["loss"], 2.973273, places=6)
        self.assertAlmostEqual(found["n_eff"], 6.452e7, places=3)
        self.assertAlmostEqual(self.predict(law, n=1e8, d=1e10)["loss"], 2.892747, places=6)
        self.refused(["forward", "int8", "e2m1"], "predict", law, "--params", 1e8, "--tokens", 1e10, "--precision", "weights=int8")


class Optimum(Verbs):
    def test_it_has_the_keys_of_its_contract(self):
        found = self.optimum(CHINCHILLA, "--compute", 5.76e23)
        self.assertLessEqual({"n", "d", "p", "loss", "interior"}, set(found))
        self.assertEqual(set(found["n"]), {"value", "lo", "hi"})
        self.assertAlmostEqual(found["n"]["value"] / 7.22487e10, 1, places=5)
        self.assertEqual((found["n"]["lo"], found["p"], found["format"], found["bounds"]), (None, None, None, []))

    def test_costs_of_formats_name_the_best_format(self):
        costs = self.file("speeds.yaml", "int8: 0.55\nint6: 0.54\nint4: 0.5\n")
        found = self.optimum(KUMAR, "--compute", 1e20, "--cost", costs)
        self.assertEqual((found["format"], found["p"]["value"]), ("int8", 8))
        self.assertAlmostEqual(6 * found["n"]["value"] * found["d"]["value"] * 0.55 / 1e20, 1, places=9)
        table = self.file("speeds.csv", "format,cost\nint8,0.95\n")
        self.assertEqual(self.optimum(KUMAR, "--compute", 1e20, "--cost", table)["format"], "16 bits")
        floats = self.optimum(FLOATS, "--compute", 1e24, "--cost", self.file("f.yaml", "e4m3: 0.5\ne2m1: 0.25\nint8: 0.1\n"))
        self.assertIn(floats["format"], ("e4m3", "e2m1"))
        self.assertEqual([f["format"] for f in floats["left_out"]], ["int8"])

    def test_a_bad_file_of_costs_says_every_problem_with_its_line(self):
        costs = self.file("speeds.yaml", "int8: quick\nint6: 0\nint6: 1\n")
        self.refused(["speeds.yaml:1: int8", "speeds.yaml:2: int6", "above zero"], "optimum", KUMAR, "--compute", 1e20, "--cost", costs)
        unknown = self.file("unknown.yaml", "int8: 0.5\nint88: 0.5\n")
        self.refused(["unknown.yaml:2", "int88"], "optimum", KUMAR, "--compute", 1e20, "--cost", unknown)
        self.refused(["nowhere.yaml"], "optimum", KUMAR, "--compute", 1e20, "--cost", self.folder / "nowhere.yaml")

    def test_inference_in_place_of_compute(self):
        found = self.optimum(fit("kumar_ptq", base=KUMAR, **PTQ), "--inference", 1e9)
        self.assertAlmostEqual(found["p"]["value"], 5.8240, places=3)
        self.assertAlmostEqual(found["d"]["value"] / 1.1361e12, 1, places=3)
        self.refused(["either --compute C or --inference"], "optimum", KUMAR)
        self.refused(["no penalty"], "optimum", KUMAR, "--inference", 1e9)

    def test_bounds_that_are_hit_are_said(self):
        found = self.optimum(fit("kumar_weights", E=2.7, A=4e3, B=1e4, alpha=0.5, beta=0.5, gamma_w=2.6, n_w=0), "--compute", 1e20)
        self.assertEqual((found["interior"], found["bounds"]), (False, ["p = 1"]))

    def test_text_names_what_was_chosen(self):
        costs = self.file("speeds.yaml", "int8: 0.55\nint2: 0.1\n")
        said = self.call("optimum", self.file("fit.json", KUMAR), "--compute", 1e20, "--cost", costs).stdout
        self.assertIn("int8", said)
        self.assertIn("int2 was left out", said)


if __name__ == "__main__":
    unittest.main()
