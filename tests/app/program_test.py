"""Calls the program as CONTRACTS promises it to other people: exit status, keys of JSON, interruption and continuation."""

import csv
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)

EXPERIMENT = """
name: tiny
corpus: {kind: oracle, vocab: 32}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
grid:
  sizes: [{depth: 1, width: 8, heads: 1}, {depth: 1, width: 16, heads: 1}, {depth: 1, width: 24, heads: 1}]
  tokens: [2560, 5120, 10240]
  numbers: [{weights: fp32}, {weights: int4/channel, activations: int4/tensor, kv: int4/tensor}]
  seeds: [1]
fit: {bootstrap: 20, laws: [chinchilla, kumar_tied, free_eff]}
"""

TEXT_EXPERIMENT = """
name: texts
corpus: {kind: text, path: corpus}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
grid: {sizes: [{depth: 1, width: 16}], tokens: [2560], numbers: [{weights: fp32}], seeds: [1]}
fit: {bootstrap: 0, laws: [chinchilla], holdout: none}
"""

WRONG = """
name: wrong
corpus: {kind: oracle, vocab: 32}
recipe: 2025-none
context: 32
context: 64
training: {batch: four, learning_rate: 0.01, warmup_tokens: 512, warmpu: 3}
grid:
  sizes: [{depth: 1, width: 16, heads: 3}]
  tokens: [2560]
  numbers: [{weights: int17}]
  seeds: [1]
"""


def call(*arguments, stdin=None, expect=0):
    result = subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=300)
    assert result.returncode == expect, f"{arguments}: exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


class WithExperiment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        (cls.folder / "experiment.yaml").write_text(EXPERIMENT)
        cls.ran = call("run", cls.folder, "--device", "cpu")
        cls.store = cls.folder / "results" / "runs"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_run_leaves_a_report_and_a_dataset(self):
        for name in ("report.html", "fits.json", "runs.csv", "runs.parquet", "summary.txt"):
            self.assertGreater((self.store.parent / name).stat().st_size, 100, name)
        with open(self.store.parent / "runs.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 18)
        self.assertEqual(list(rows[0])[:6], ["run_id", "experiment", "corpus", "corpus_digest", "recipe", "recipe_date"])
        self.assertEqual({row["status"] for row in rows}, {"done"})

    def test_a_run_is_plain_files_with_a_checkpoint(self):
        run = next(p for p in self.store.iterdir() if not p.name.startswith("."))
        for name in ("spec.yaml", "record.json", "curve.csv", "checkpoint/model.safetensors", "checkpoint/config.json"):
            self.assertTrue((run / name).exists(), name)
        record = json.loads((run / "record.json").read_text())
        self.assertGreater(record["loss_val"], record["loss_floor"])

    def test_status_counts_every_planned_run(self):
        status = json.loads(call("status", self.folder, "--json").stdout)
        self.assertEqual([status[k] for k in ("planned", "done", "running", "missing", "diverged", "broken")], [18, 18, 0, 0, 0, 0])
        self.assertEqual(status["tokens_done"], status["tokens_planned"])
        self.assertEqual({r["state"] for r in status["runs"]}, {"done"})

    def test_plan_says_what_it_costs_and_identifies(self):
        plan = json.loads(call("plan", self.folder, "--json").stdout)
        self.assertEqual((plan["runs"], plan["cohorts"]), (18, 3))
        self.assertLess(plan["trunk_tokens"] + plan["branch_tokens"], plan["tokens_if_separate"])
        self.assertGreater(plan["seconds_estimated"], 0)
        self.assertGreater(plan["bytes_peak_estimated"], 0)
        self.assertEqual([wave["members"] for wave in plan["waves"]], [2, 2, 2])
        self.assertLessEqual({"depth", "width", "at_once", "waves", "why", "bytes_peak", "recompute", "fits"}, set(plan["waves"][0]))
        self.assertEqual(set(plan["identifies"][0]), {"law", "parameter", "value_assumed", "lo", "hi", "identified", "with"})
        self.assertEqual(plan["not_foreseen"], [])
        self.assertNotIn("improve", plan)

    def test_plan_proposes_runs_as_an_experiment_of_its_own(self):
        new = self.folder / "next.yaml"
        plan = json.loads(call("plan", self.folder, "--improve", "50%", "--quantity", "E", "--write", new, "--json").stdout)
        found = plan["improve"]
        self.assertLessEqual(found["proposed"]["flops"], found["budget"] * (1 + 1e-9))
        self.assertEqual(found["proposed"]["runs"], sum(len(cell["seeds"]) for cell in found["runs"]))
        self.assertEqual(found["now"]["runs"], 18)
        self.assertLess(found["proposed"]["hi"] - found["proposed"]["lo"], found["now"]["hi"] - found["now"]["lo"])
        status = json.loads(call("status", new, "--json").stdout)
        self.assertEqual((status["done"], status["missing"]), (18, found["proposed"]["runs"]))
        self.assertIn("expected a file that is not there yet",
                      call("plan", self.folder, "--improve", "50%", "--write", new, expect=2).stderr)
        new.unlink()
        for wrong in (["--quantity", "E"], ["--improve", "12x"], ["--improve", "50%", "--quantity", "zeta"],
                      ["--assume", self.folder / "none.json"]):
            call("plan", self.folder, *wrong, expect=2)

    def test_plan_takes_what_a_fit_found_for_granted(self):
        fits = self.store.parent / "fits.json"
        plan = json.loads(call("plan", self.folder, "--assume", fits, "--json").stdout)
        fitted = next(fit for fit in json.loads(fits.read_text())["fits"] if fit["law"] == "kumar_tied")
        assumed = {row["parameter"]: row["value_assumed"] for row in plan["identifies"] if row["law"] == "kumar_tied"}
        for name, parameter in fitted["parameters"].items():
            self.assertAlmostEqual(assumed[name], parameter["value"], delta=1e-9 * max(1, abs(parameter["value"])))

    def test_fit_and_density_of_the_store(self):
        fits = json.loads(call("fit", self.store, "--law", "chinchilla", "--bootstrap", 20, "--json").stdout)
        self.assertEqual(fits["data"]["rows"], 18)
        self.assertLessEqual({"value", "lo", "hi", "se", "identified"}, set(fits["fits"][0]["parameters"]["E"]))
        density = json.loads(call("density", self.store, "--bootstrap", 20, "--json").stdout)
        self.assertEqual(len(density["models"]), 18)
        self.assertLessEqual({"run_id", "n_effective", "density", "lo", "hi", "density_per_bit", "n_eff_precision_law", "why_absent"},
                             set(density["models"][0]))

    def test_export_and_predict(self):
        target = self.folder / "dataset"
        call("export", self.store, "--to", target)
        self.assertTrue((target / "runs.parquet").exists())
        fit = self.folder / "fit.json"
        fit.write_text(call("fit", self.store, "--law", "chinchilla", "--bootstrap", 0, "--json").stdout)
        self.assertGreater(json.loads(call("predict", fit, "--params", 1e4, "--tokens", 1e5, "--json").stdout)["loss"], 0)
        self.assertEqual(set(json.loads(call("optimum", fit, "--compute", 1e12, "--json").stdout)) & {"n", "d", "p", "loss", "interior"},
                         {"n", "d", "p", "loss", "interior"})

    def test_eval_of_a_token_file(self):
        tokens = self.folder / "tokens.bin"
        tokens.write_bytes(b"".join((i % 32).to_bytes(2, "little") for i in range(100)))
        run = next(p for p in self.store.iterdir() if not p.name.startswith("."))
        result = json.loads(call("eval", run, "--tokens", tokens, "--json").stdout)
        self.assertEqual(result["tokens"], 3 * 31 + 3)
        tokens.write_bytes((40).to_bytes(2, "little") * 10)
        self.assertIn("expected less than the vocabulary", call("eval", run, "--tokens", tokens, expect=2).stderr)

    def test_eval_of_a_run_gives_the_tasks_that_training_recorded(self):
        tokens = self.folder / "tasks.bin"
        tokens.write_bytes(b"".join((i % 32).to_bytes(2, "little") for i in range(100)))
        store = self.folder / "tasks"
        call("run", self.folder, "--store", store, "--set", "cloze={items: 50, choices: 3, answer: 2, prefix: 8}",
             "--set", "grid.tokens=[2560]", "--set", "grid.sizes=[{depth: 1, width: 8, heads: 1}]", "--set", "fit.laws=[chinchilla]")
        run = next(p for p in store.iterdir() if not p.name.startswith("."))
        record = json.loads((run / "record.json").read_text())
        keys = ("task_loss", "task_accuracy", "task_loss_se", "task_accuracy_se", "task_loss_floor", "task_accuracy_ceiling")
        result = json.loads(call("eval", run, "--tokens", tokens, "--json").stdout)
        for key in keys:
            self.assertEqual(result[key], record[key])
        self.assertIn("tasks: accuracy", call("eval", run, "--tokens", tokens).stdout)
        of_checkpoint = json.loads(call("eval", run / "checkpoint", "--tokens", tokens, "--json").stdout)
        self.assertEqual(of_checkpoint["loss"], result["loss"])
        self.assertEqual([of_checkpoint[key] for key in keys], [None] * 6)
        with open(run / "curve.csv", newline="") as file:
            looked_at = [row["step"] for row in csv.DictReader(file) if row["task_loss"]]
        self.assertEqual(looked_at, ["4", "16", "20"])

    def test_ptq_starts_from_the_recorded_loss_and_loses_least_at_eight_bits(self):
        run = next(p for p in self.store.iterdir() if not p.name.startswith("."))
        recorded = json.loads((run / "record.json").read_text())["loss_val"]
        for method in ("rtn", "gptq", "awq"):
            result = json.loads(call("ptq", run, "--method", method, "--weights", "int8/channel", "--json").stdout)
            self.assertLessEqual({"method", "weights", "loss_before", "loss", "delta", "layers", "seconds", "bits_per_weight"}, set(result))
            self.assertLessEqual({"name", "error", "error_rtn", "damping", "rows_rtn"}, set(result["layers"][0]))
            self.assertAlmostEqual(result["loss_before"], recorded, delta=1e-9)
            self.assertEqual(result["delta"], result["loss"] - result["loss_before"])
            self.assertLess(abs(result["delta"]), 0.01)
            self.assertGreater(result["bits_per_weight"], 8)
            self.assertEqual(len(result["layers"]), 4)
            for layer in result["layers"]:
                self.assertLessEqual(layer["error"], layer["error_rtn"])
        self.assertIn("delta", call("ptq", run, "--method", "gptq", "--weights", "int3/block32").stdout)

    def test_ptq_of_a_checkpoint_writes_what_eval_gives_back(self):
        run = next(p for p in self.store.iterdir() if not p.name.startswith("."))
        tokens, second, target = (self.folder / name for name in ("ptq.bin", "second.bin", "quantized"))
        stream = [(i * i // 3) % 32 for i in range(1001)]
        tokens.write_bytes(b"".join(t.to_bytes(2, "little") for t in stream))
        second.write_bytes(b"".join(t.to_bytes(2, "little") for t in stream[500:]))
        result = json.loads(call("ptq", run / "checkpoint", "--tokens", tokens, "--method", "gptq", "--weights", "int3/channel",
                                 "--no-act-order", "--damping", 0.1, "--to", target, "--json").stdout)
        self.assertEqual(result["layers"][0]["damping"], 0.1)
        self.assertEqual(result["calibration"], 500 // 32)
        evaluated = json.loads(call("eval", target, "--tokens", second, "--json").stdout)
        self.assertAlmostEqual(evaluated["loss"], result["loss"], delta=1e-9)
        self.assertEqual(json.loads((target / "config.json").read_text())["numbers"]["weights"], "fp32")

    def test_ptq_says_all_that_is_wrong(self):
        run = next(p for p in self.store.iterdir() if not p.name.startswith("."))
        told = call("ptq", run, "--method", "gtpq", "--weights", "int17", "--calibration", 0, "--damping", -1, expect=2).stderr
        for words in ("--method: no method is called 'gtpq'; known: rtn, gptq, awq", "--weights: number 'int17'",
                      "--calibration: expected 1 or more sequences, got 0", "--damping: expected a share of 0 or more, got -1"):
            self.assertIn(words, told)
        self.assertIn("weights have no tokens", call("ptq", run, "--method", "rtn", "--weights", "int4/token", expect=2).stderr)
        self.assertIn("--tokens", call("ptq", run / "checkpoint", "--method", "rtn", "--weights", "int4", expect=2).stderr)
        self.assertIn("has no path", call("ptq", run, "--method", "rtn", "--weights", "int4", "--corpus", "x", expect=2).stderr)
        self.assertIn("is a file", call("ptq", run, "--method", "rtn", "--weights", "int4", "--to", run / "spec.yaml", expect=2).stderr)
        call("ptq", self.folder / "nowhere", "--method", "rtn", "--weights", "int4", expect=2)

    def test_ptq_finds_the_text_of_a_run_or_says_how_to_give_it(self):
        folder = self.folder / "texts"
        (folder / "corpus").mkdir(parents=True)
        (folder / "corpus" / "a.txt").write_text("".join(f"{i} and {i * i}; " for i in range(9000)))
        (folder / "experiment.yaml").write_text(TEXT_EXPERIMENT)
        call("run", folder, "--device", "cpu")
        run = next(p for p in (folder / "results" / "runs").iterdir() if not p.name.startswith("."))
        arguments = ("ptq", run, "--method", "rtn", "--weights", "int4/channel", "--json")
        found = json.loads(call(*arguments).stdout)
        (folder / "corpus").rename(folder / "elsewhere")
        self.assertIn("--corpus PATH", call(*arguments, expect=2).stderr)
        self.assertEqual(json.loads(call(*arguments, "--corpus", folder / "elsewhere").stdout)["loss"], found["loss"])
        (folder / "elsewhere" / "b.txt").write_text("something else " * 2000)
        self.assertIn("digest", call(*arguments, "--corpus", folder / "elsewhere", expect=2).stderr)

    def test_post_training_adds_its_rows_and_keeps_those_that_are_there(self):
        store = self.folder / "post"
        asked = ("--store", store, "--set", "grid.tokens=[2560]", "--set", "fit.bootstrap=0")
        first = (*asked, "--set", "post_training={methods: [rtn, gptq], weights: [int4/channel]}")
        call("run", self.folder, "--device", "cpu", *first)
        runs = [p for p in store.iterdir() if not p.name.startswith(".")]
        self.assertEqual(len(runs), 6)
        before = {run: (run / "ptq.csv").read_text() for run in runs}
        for run, text in before.items():
            self.assertEqual(text.splitlines()[0], "method,weights,loss,delta")
            loss = json.loads((run / "record.json").read_text())["loss_val"]
            for row in csv.DictReader(text.splitlines()):
                self.assertEqual(float(row["delta"]), float(row["loss"]) - loss)
        more = (*asked, "--set", "post_training={methods: [rtn, awq], weights: [int4/channel]}")
        status = json.loads(call("status", self.folder, *more, "--json").stdout)
        self.assertEqual((status["done"], status["missing"], status["post_training_missing"]), (6, 0, 6))
        call("run", self.folder, "--device", "cpu", *more)
        for run, text in before.items():
            rows = (run / "ptq.csv").read_text()
            self.assertTrue(rows.startswith(text))
            self.assertEqual([line.split(",")[0] for line in rows.splitlines()], ["method", "rtn", "gptq", "awq"])
        self.assertEqual(json.loads(call("status", self.folder, *more, "--json").stdout)["post_training_missing"], 0)
        verb = json.loads(call("ptq", runs[0], "--method", "awq", "--weights", "int4/channel", "--json").stdout)
        self.assertAlmostEqual(verb["loss"], float((runs[0] / "ptq.csv").read_text().splitlines()[3].split(",")[2]), delta=1e-9)
        call("export", store, "--to", self.folder / "post-dataset")
        self.assertTrue((self.folder / "post-dataset" / "ptq.parquet").exists())

    def test_ctrl_c_keeps_what_is_done_and_continues(self):
        store = self.folder / "interrupted"
        arguments = [PROGRAM, "run", str(self.folder), "--device", "cpu", "--store", str(store), "--set", "grid.tokens=[102400, 1024000]"]
        for request in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            time.sleep(2)
            process.send_signal(request)
            begin = time.monotonic()
            self.assertEqual(process.wait(timeout=60), 130)
            self.assertLess(time.monotonic() - begin, 5)
        status = json.loads(call("status", self.folder, "--store", store, "--set", "grid.tokens=[102400, 1024000]", "--json").stdout)
        self.assertGreater(status["missing"], 0)
        self.assertEqual(status["broken"], 0)


class WithoutExperiment(unittest.TestCase):
    def test_the_template_is_an_experiment(self):
        template = pathlib.Path(__file__).parents[2] / "configs" / "template.yaml"
        with tempfile.TemporaryDirectory() as scratch:
            status = json.loads(call("status", template, "--store", pathlib.Path(scratch) / "runs", "--json").stdout)
        self.assertEqual((status["planned"], status["missing"]), (48, 48))

    def test_all_problems_of_a_wrong_file_are_told_at_once(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / "wrong.yaml"
            path.write_text(WRONG)
            told = call("run", path, expect=2).stderr
            for words in ("context: duplicate key", "training.batch: expected a whole number, got 'four'", "training.warmpu: unknown key",
                          "validation_tokens: missing", "got '2025-none'", "int17", "heads"):
                self.assertIn(words, told)
            self.assertRegex(told, r"wrong\.yaml:7: training\.batch")
            self.assertFalse((pathlib.Path(scratch) / "results").exists(), "something was made before all was checked")

    def test_quantize_gives_hex_floats_on_the_grid(self):
        self.assertEqual(call("quantize", "int4", "--scale", "1", stdin="0.5 1.5 -9 2.6\n").stdout.split(),
                         ["0x0p+0", "0x1p+1", "-0x1p+3", "0x1.8p+1"])
        self.assertIn("2", call("quantize", "int4", stdin="1 2\n3 x\n", expect=2).stderr)

    def test_formats_lists_values(self):
        row = json.loads(call("formats", "e2m1", "--json").stdout)["formats"][0]
        self.assertEqual([v for v in row["values"] if v > 0], [0.5, 1, 1.5, 2, 3, 4, 6])
        self.assertEqual((row["bits"], row["significand_bits"], row["bias"], row["max"]), (4, 2, 1, 6))

    def test_the_signature_is_the_same_twice(self):
        self.assertEqual(call("signature").stdout, call("signature").stdout)

    def test_bench_train_prints_its_keys(self):
        bench = json.loads(call("bench", "train", "--depth", 1, "--width", 16, "--heads", 1, "--vocab", 32, "--context", 32, "--batch", 2,
                                "--members", 2, "--steps", 3, "--json").stdout)
        self.assertLessEqual({"tokens_per_second", "step_seconds", "n_non_embedding", "gflops", "peak_gflops", "share_of_peak",
                              "carrier", "device", "threads"}, set(bench))

    def test_an_empty_store_is_refused(self):
        with tempfile.TemporaryDirectory() as scratch:
            for verb in ("fit", "density"):
                call(verb, scratch, expect=2)
            call("export", scratch, "--to", pathlib.Path(scratch) / "x", expect=2)


if __name__ == "__main__":
    unittest.main()
