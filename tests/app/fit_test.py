"""`vernier fit` on tables of others: what is refused, what is left out and named, and what comes out of good ones."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)

SIZES = (1e6, 3e6, 1e7, 3e7)
TOKENS = (1e8, 3e8, 1e9)


def chinchilla(size, tokens):
    return 1.7 + 400 / size**0.34 + 410 / tokens**0.28


def strict_json(text):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")
    return json.loads(text, parse_constant=refuse)


class Fit(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def table(self, header, rows, name="table.csv"):
        path = self.folder / name
        path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
        return path

    def grid(self, header="n_non_embedding,tokens,loss_val", more=()):
        return self.table(header, [(n, d, chinchilla(n, d)) for n in SIZES for d in TOKENS] + list(more))

    def run_fit(self, path, *options, expect=0):
        replicates = () if "--bootstrap" in options else ("--bootstrap", 0)
        done = subprocess.run([PROGRAM, "fit", str(path), *map(str, replicates + options)], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, expect, f"{path.name} {options}: {done.stdout}{done.stderr}")
        return done

    def fitted(self, path, *options):
        return strict_json(self.run_fit(path, *options, "--json").stdout)

    def refused(self, path, *options):
        done = self.run_fit(path, *options, "--json", expect=2)
        self.assertEqual(done.stdout, "", "a refusal printed results")
        return done.stderr


class Refusals(Fit):
    def test_a_table_that_cannot_be_read(self):
        self.assertIn("expected a store or a table", self.refused(self.folder / "absent.csv"))
        for name, text in {"empty.csv": "", "header.csv": "n_non_embedding,tokens,loss_val\n", "empty.jsonl": ""}.items():
            (self.folder / name).write_text(text)
            self.assertIn(f"{name}: holds no row", self.refused(self.folder / name))
        (self.folder / "ragged.csv").write_text("a,b\n1,2\n1\n")
        self.assertIn("ragged.csv:3: a row of 1 values; expected 2", self.refused(self.folder / "ragged.csv"))
        (self.folder / "table.txt").write_text("a\n1\n")
        self.assertIn("unknown ending '.txt'", self.refused(self.folder / "table.txt"))
        (self.folder / "no.parquet").write_text("text")
        self.assertIn("no.parquet", self.refused(self.folder / "no.parquet"))

    def test_columns_that_a_law_needs(self):
        told = self.refused(self.table("N,D,loss", [(1, 2, 3)]))
        for name in ("n_non_embedding", "tokens", "loss_val"):
            self.assertIn(f"has no column '{name}'; it has N, D, loss; name it with --map {name}=COLUMN", told)
        self.assertIn("'post_weights' or 'post_bits'", self.refused(self.grid(), "--law", "kumar_ptq"))
        self.assertIn("'task_accuracy'", self.refused(self.grid(), "--law", "densing_score"))

    def test_a_map_or_a_selection_of_unknown_names(self):
        self.assertIn("no column is called 'params'; known: run_id,", self.refused(self.grid(), "--map", "params=N"))
        self.assertIn("has no column 'size'", self.refused(self.grid(), "--map", "n_non_embedding=size"))
        self.assertIn("expected canonical=foreign, got 'tokens'", self.refused(self.grid(), "--map", "tokens"))
        self.assertIn("has no column 'colour'", self.refused(self.grid(), "--where", "colour==red"))
        self.assertIn("selects none of its rows", self.refused(self.grid(), "--where", "tokens<1"))

    def test_an_unknown_law_is_answered_with_those_there_are(self):
        told = self.refused(self.grid(), "--law", "chinchila")
        self.assertIn("no law is called 'chinchila'", told)
        self.assertIn("chinchilla", told.split("available:")[1])

    def test_too_few_rows_or_one_size_alone(self):
        few = self.table("n_non_embedding,tokens,loss_val", [(n, 1e8 * n, chinchilla(n, 1e8 * n)) for n in SIZES])
        self.assertIn("more runs than its 5 free parameters, got 4", self.refused(few, "--law", "chinchilla"))
        one = self.table("n_non_embedding,tokens,loss_val", [(1e6, 1e8 * k, chinchilla(1e6, 1e8 * k)) for k in range(1, 10)])
        for law in ("chinchilla", "kaplan", "gadre", "all"):
            self.assertIn("N: expected at least 2 different values, got 1", self.refused(one, "--law", law))

    def test_rows_of_which_none_is_left(self):
        told = self.refused(self.table("n_non_embedding,tokens,loss_val", [(1, 2, -3), (2, 2, 0)]))
        self.assertRegex(told, r"none of 2 rows can be fitted; the first, .*table\.csv:2: loss is -3, expected a positive finite number")

    def test_rows_outside_a_law_are_told_where_nothing_else_is_left(self):
        rows = [(n, d, chinchilla(n, d), name) for n in SIZES for d in TOKENS for name in ("QuEST",)]
        told = self.refused(self.table("n_non_embedding,tokens,loss_val,weights", rows), "--law", "kumar_weights")
        self.assertIn("12 runs lie outside this law", told)
        self.assertIn("the bits of 'QuEST' are not known", told)

    def test_options_out_of_range(self):
        for option, value in {"--starts": 0, "--huber": -1, "--holdout": "biggest", "--fix": "alpha=x", "--tie": "alpha"}.items():
            self.assertIn(option, self.refused(self.grid(), "--law", "chinchilla", option, value))
        self.assertIn("no parameter 'alhpa'", self.refused(self.grid(), "--law", "chinchilla", "--fix", "alhpa=1"))


class Exclusions(Fit):
    def test_every_row_that_is_left_out_is_named_with_its_reason(self):
        bad = {(5e6, 1e8, -3): "loss is -3, expected a positive finite number", (5e6, 2e8, 0): "loss is 0", (5e6, 3e8, ""): "loss is missing",
               (5e6, 4e8, "nan"): "loss is nan", (5e6, 5e8, "inf"): "loss is inf", (5e6, "many", 3): "D is 'many', expected a positive finite number",
               (-5e6, 1e8, 3): "N is -5000000", ("", 1e8, 3): "N is missing", (1e6, 1e8, chinchilla(1e6, 1e8)): "a row of the same values stands further up, in"}
        path = self.grid(more=bad)
        data = self.fitted(path, "--law", "chinchilla")["data"]
        self.assertEqual((data["rows"], data["used"], len(data["excluded"])), (21, 12, 9))
        for line, ((row, why), told) in enumerate(zip(bad.items(), data["excluded"]), start=14):
            self.assertEqual(told["run"], f"{path}:{line}", row)
            self.assertIn(why, told["why"])
        self.assertTrue(data["excluded"][-1]["why"].endswith(f"{path}:2"))

    def test_the_same_run_twice_and_a_diverged_one(self):
        rows = [(f"run{i}", n, d, chinchilla(n, d), "done") for i, (n, d) in enumerate((n, d) for n in SIZES for d in TOKENS)]
        path = self.table("run_id,n_non_embedding,tokens,loss_val,status", rows + [("run3", 1, 2, 3, "done"), ("lost", 1, 2, "", "diverged")])
        told = self.fitted(path, "--law", "chinchilla")["data"]["excluded"]
        self.assertEqual(told, [{"run": "run3", "why": f"a run of this id stands further up, in {path}:5"}, {"run": "lost", "why": "diverged"}])

    def test_rows_outside_the_law_count_as_excluded(self):
        rows = [(n, d, chinchilla(n, d), b) for n in SIZES for d in TOKENS for b in (4, 16)] + [(1e6, 2e8, 3.5, 2.5)]
        path = self.table("n_non_embedding,tokens,loss_val,weight_bits", rows)
        data = self.fitted(path, "--law", "gmse")["data"]
        self.assertEqual((data["rows"], data["used"]), (25, 24))
        self.assertEqual(data["excluded"][0]["run"], f"{path}:26")
        self.assertIn("normally distributed", data["excluded"][0]["why"])


class Results(Fit):
    def test_known_constants_come_back_whatever_the_columns_are_called(self):
        found = self.fitted(self.grid("N,D,L"), "--map", "n_non_embedding=N,tokens=D,loss_val=L", "--law", "chinchilla")
        for name, value in {"E": 1.7, "A": 400, "B": 410, "alpha": 0.34, "beta": 0.28}.items():
            self.assertAlmostEqual(found["fits"][0]["parameters"][name]["value"] / value, 1, delta=1e-6)

    def test_every_law_that_the_columns_allow_is_fitted_and_the_others_say_why_not(self):
        found = self.fitted(self.grid())
        self.assertEqual([fit["law"] for fit in found["fits"]], ["kaplan", "chinchilla", "chinchilla_outer", "gadre", "densing_loss"])
        self.assertEqual(len(found["skipped"]), 12)
        self.assertTrue(all(entry["why"] for entry in found["skipped"]))

    def test_losses_that_do_not_vary_give_no_number_that_is_none(self):
        path = self.table("n_non_embedding,tokens,loss_val", [(n, d, 3) for n in SIZES for d in TOKENS])
        self.assertIsNone(self.fitted(path, "--law", "chinchilla")["fits"][0]["r2"])

    def test_a_fit_that_fails_prints_no_number(self):
        losses = (1e-308, 3, 1e308)
        rows = [(n, d, losses[(i + 2 * k) % 3]) for i, n in enumerate((1e-300, 3e6, 1e7, 3e300)) for k, d in enumerate((1e8, 3e-308, 1e300))]
        path = self.table("n_non_embedding,tokens,loss_val", rows)
        done = self.run_fit(path, "--law", "chinchilla", "--json", expect=1)
        self.assertEqual(done.stdout, "")
        self.assertIn("no start gave a finite objective", done.stderr)

    def test_formats_of_others_have_an_efficiency_each(self):
        eff = {"BF16": 1, "FormA": 0.6, "FormB": 0.9}
        rows = [(n, d, chinchilla(n * eff[f], d * eff[b]), f, b) for n in SIZES for d in TOKENS
                for f, b in (("BF16", "BF16"), ("FormA", "BF16"), ("BF16", "FormB"))]
        path = self.table("N,D,L,forward,backward", rows)
        mapping = "n_non_embedding=N,tokens=D,loss_val=L,weights=forward,gradients=backward"
        found = self.fitted(path, "--map", mapping, "--law", "chinchilla_outer", "--fix", "outer=1")["fits"][0]["parameters"]
        self.assertAlmostEqual(found["effN_FormA"]["value"], 0.6, delta=1e-5)
        self.assertAlmostEqual(found["effD_FormB"]["value"], 0.9, delta=1e-5)

    def test_rows_quantized_after_training_are_counted_apart(self):
        def delta(n, d, bits):
            return 0.2 * d**0.5 / n**0.35 * math.exp(-bits / 0.6)
        rows = [(f"{n}-{d}", n, d, chinchilla(n, d), "", "", "") for n in SIZES for d in TOKENS]
        rows += [(f"{n}-{d}", n, d, chinchilla(n, d) + delta(n, d, b), b, "gptq", delta(n, d, b)) for n in SIZES for d in TOKENS for b in (3, 4, 5)]
        path = self.table("run_id,n_non_embedding,tokens,loss_val,post_bits,method,delta", rows + [("x", 1e6, 1e8, 9, 3, "rtn", "")])
        post = self.fitted(path, "--law", "kumar_ptq")
        self.assertEqual([post["data"][key] for key in ("rows", "used")], [37, 36])
        self.assertEqual(post["data"]["excluded"], [{"run": "x/rtn/3bit", "why": "loss_before is missing"}])
        self.assertEqual((post["data"]["trained"]["rows"], post["data"]["post_trained"]["rows"]), (12, 37))
        for name, value in {"C_T": 0.2, "gD": 0.5, "gN": 0.35, "g_post": 0.6}.items():
            self.assertAlmostEqual(post["fits"][0]["parameters"][name]["value"] / value, 1, delta=1e-4)
        trained = self.fitted(path, "--law", "chinchilla")["data"]
        self.assertEqual((trained["rows"], trained["used"], trained["post_trained"]["used"]), (12, 12, 36))
        both = self.fitted(path)
        self.assertLessEqual({"chinchilla", "kumar_ptq", "qid"}, {fit["law"] for fit in both["fits"]})
        self.assertIn(both["best"], {"kaplan", "chinchilla", "chinchilla_outer", "gadre"})

    def test_scores_need_neither_size_nor_tokens_and_have_intervals(self):
        losses = [0.2 + 0.3 * k for k in range(12)]
        wobble = [0.003 * math.sin(7 * k) for k in range(12)]
        rows = [(l, 0.25 + 0.7 / (1 + math.exp(3 * (l - 1.5))) + w) for l, w in zip(losses, wobble)]
        path = self.table("task_loss,task_accuracy", rows + [("", 0.5), (1.1, 75)])
        found = self.fitted(path, "--law", "densing_score", "--bootstrap", 50)
        self.assertEqual((found["data"]["rows"], found["data"]["used"]), (14, 12))
        self.assertEqual({entry["why"] for entry in found["data"]["excluded"]},
                         {"task_accuracy is 75, expected a share from 0 to 1", "task_loss is missing"})
        middle = found["fits"][0]["parameters"]["l"]
        self.assertAlmostEqual(middle["value"], 1.5, delta=0.02)
        self.assertLess(middle["lo"], middle["hi"])


if __name__ == "__main__":
    unittest.main()
