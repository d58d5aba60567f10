"""`vernier quantize` against the frozen vectors, whose digests are checked first. Needs no library and no network.

Usage: frozen_test.py PROGRAM
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
FOLDER = pathlib.Path(__file__).parent / "frozen"


def hex_float(value):
    return re.sub(r"\.?0*p", "p", float(value).hex())


def call(arguments, text):
    done = subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


def cases(path):
    """(arguments, input, output, scales or None) of every case of a file."""
    for block in re.split(r"\n\n+", path.read_text().strip())[1:]:
        command, *lines = block.split("\n")
        rows = {mark: "".join(line[2:] + "\n" for line in lines if line[0] == mark) for mark in "<>="}
        yield command.split(), rows["<"], rows[">"], rows["="].split() or None


class Frozen(unittest.TestCase):
    def test_the_files_have_their_digests(self):
        listed = dict(reversed(line.split()) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.txt")}
        self.assertEqual(found, listed)

    def test_every_case_prints_what_the_witnesses_said(self):
        count = 0
        for path in sorted(FOLDER.glob("*.txt")):
            for arguments, x, expected, scales in cases(path):
                with self.subTest(file=path.name, command=" ".join(arguments)):
                    self.assertEqual(call(arguments, x), expected)
                    if scales:
                        printed = json.loads(call([*arguments, "--json"], x))["scales"]
                        self.assertEqual([hex_float(scale) for scale in printed], scales)
                count += 1
        self.assertGreater(count, 80)


if __name__ == "__main__":
    unittest.main()
