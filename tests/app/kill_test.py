"""Kills `vernier run` at many moments and continues it with the same command: every record and checkpoint must be bit for bit that of a run
that nobody disturbed. Moments are drawn at random, and aimed at: while a state is saved, in a branch, at a publication."""

import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)
KILLS, SEED = 20, 1

EXPERIMENT = """
name: killed
corpus: {kind: oracle, vocab: 64}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 1280}
validation_tokens: 32768
grid:
  sizes: [{depth: 1, width: 32, heads: 1}, {depth: 2, width: 16, heads: 1, seeds: [1, 2]}]
  tokens: [76800, 153600]
  numbers: [{weights: fp32}, {weights: int4/channel, activations: int8/tensor, gradients: int8/token, rounding: stochastic}]
  seeds: [1]
post_training: {methods: [rtn, gptq], weights: [int3/channel], calibration: 8}
fit: {bootstrap: 0, laws: [chinchilla], holdout: none}
"""

MAY_DIFFER = ("seconds", "device", "threads", "host", "version")


def command(folder, store):
    return [PROGRAM, "run", str(folder), "--device", "cpu", "--store", str(store), "--save-every", "0.1"]


def contents(store):
    """What must not differ: {run: {file: digest or text}}."""
    runs = {}
    for run in sorted(p for p in store.iterdir() if not p.name.startswith(".")):
        record = json.loads((run / "record.json").read_text())
        files = {"record.json": {key: value for key, value in record.items() if key not in MAY_DIFFER}}
        for path in sorted(p for p in run.rglob("*") if p.is_file() and p.name != "record.json"):
            data = path.read_bytes()
            files[str(path.relative_to(run))] = data.decode() if path.suffix in (".csv", ".yaml", ".json") else hashlib.sha256(data).hexdigest()
        runs[run.name] = files
    return runs


class Moments:
    """Things that can be seen in the store from outside, each a reason to kill; where one is not seen in time, chance decides."""

    def __init__(self, store):
        self.store = store
        self.seen = {}

    def any(self, pattern):
        try:
            return next(iter(self.store.glob(pattern)), None) is not None
        except OSError:  # the folder was removed while it was listed
            return False

    def is_at(self, what):
        pattern = {"save": ".trunks/*/*.partial", "branch": ".trunks/*/branch-*.safetensors", "publication": ".partial-*"}.get(what)
        return pattern is not None and self.any(pattern)

    def wait(self, process, what, limit):
        """Until the process is at it, `limit` seconds have passed, or it has ended."""
        begin = time.monotonic()
        while process.poll() is None and time.monotonic() - begin < limit and not self.is_at(what):
            time.sleep(0.0005)

    def note(self):
        """What the store looked like when the process died."""
        for what, pattern in (("state saved", ".trunks/*/*.safetensors"), ("half a state", ".trunks/*/*.partial"),
                              ("branch begun", ".trunks/*/branch-*.safetensors"), ("half a run", ".partial-*"), ("runs published", "[0-9a-f]*")):
            self.seen[what] = self.seen.get(what, 0) + self.any(pattern)


class KilledAndContinued(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        (cls.folder / "experiment.yaml").write_text(EXPERIMENT)
        cls.finish(cls.folder / "whole")
        cls.whole = contents(cls.folder / "whole")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def finish(cls, store):
        done = subprocess.run(command(cls.folder, store), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr

    def kill_once(self, store, chance, moments):
        """Returns whether it died by our hand."""
        process = subprocess.Popen(command(self.folder, store), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        what = chance.choice(["anything", "save", "branch", "publication"])
        moments.wait(process, "nothing", chance.uniform(0.4, 2.2))  # so far undisturbed: the run is to get somewhere
        moments.wait(process, what, 0 if what == "anything" else 2)
        time.sleep(chance.uniform(0, 0.004))
        process.kill()
        killed = process.wait(timeout=60) == -9
        moments.note()
        return killed

    def check(self, store):
        found = contents(store)
        self.assertEqual(sorted(found), sorted(self.whole))
        for run, files in self.whole.items():
            for name, content in files.items():
                self.assertEqual(found[run].get(name), content, f"{run}/{name} differs")
        left = [str(p.relative_to(store)) for p in store.rglob("*") if ".partial" in p.name or ".trunks/" in str(p)]
        self.assertEqual(left, [], "left behind")

    def test_twenty_kills_change_no_bit(self):
        chance, kills, attempt, seen = random.Random(SEED), 0, 0, {}
        while kills < KILLS:  # a store that is done before all kills makes way for the next
            store = self.folder / f"killed-{attempt}"
            moments = Moments(store)
            moments.seen = seen
            while kills < KILLS and self.kill_once(store, chance, moments):
                kills += 1
            self.finish(store)
            self.check(store)
            attempt += 1
        print(f"{kills} kills over {attempt} stores, among them with {seen}")
        self.assertGreater(seen["state saved"], KILLS // 2, "too few kills after a save to mean anything")
        for what in ("branch begun", "runs published"):
            self.assertGreater(seen[what], 0, what)

    def test_a_damaged_trunk_is_named_and_changes_no_bit(self):
        store = self.folder / "damaged"
        process = subprocess.Popen(command(self.folder, store), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        moments = Moments(store)
        while not moments.any(".trunks/*/trunk-*.safetensors"):
            time.sleep(0.001)
        process.kill()
        process.wait()
        for trunk in store.glob(".trunks/*/trunk-*.safetensors"):
            data = bytearray(trunk.read_bytes())
            data[-5] ^= 0x40
            trunk.write_bytes(bytes(data))
        done = subprocess.run(command(self.folder, store), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(trunk), done.stderr)
        self.assertIn("cannot be continued from", done.stderr)
        self.check(store)


if __name__ == "__main__":
    unittest.main()
