"""`vernier quantize` as CONTRACTS promises it to other people: shapes, JSON, refusals with their place, and memory."""

import json
import os
import resource
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)


def quantize(number, text, *options, expect=0):
    stdin = text if isinstance(text, bytes) else text.encode()
    done = subprocess.run([PROGRAM, "quantize", number, *options], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == expect, f"quantize {number} {options}: exit {done.returncode}\n{done.stderr}"
    assert expect == 0 or not done.stdout, "a refusal printed results"
    return done


def rows(number, text, *options):
    return [line.split() for line in quantize(number, text, *options).stdout.decode().splitlines()]


def strict_json(text):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")
    return json.loads(text, parse_constant=refuse)


class Output(unittest.TestCase):
    def test_it_has_the_shape_of_the_input(self):
        text = "1 -2.5\t0x1.8p-3\n.5  3e-2 -0\n"
        for number in ("fp32", "bf16", "int4/channel", "e2m1/block2:e8m0"):
            self.assertEqual([len(row) for row in rows(number, text)], [3, 3], number)

    def test_a_bare_format_has_one_scale_and_a_bare_16_bit_float_has_none(self):
        text = "1 2.7\n30 -4\n"
        for name in ("int4", "e4m3", "ternary", "e5m6"):
            self.assertEqual(rows(name, text), rows(f"{name}/tensor:absmax", text))
        for name in ("bf16", "fp16", "fp32"):
            self.assertEqual(strict_json(quantize(name, text, "--json").stdout)["scales"], [])
        self.assertEqual(rows("bf16", text), rows("bf16/tensor", text, "--scale", "1"))

    def test_channel_and_token_are_a_scale_per_row_and_blocks_run_along_it(self):
        text = "7 14 28\n-1 2 4\n"
        for granularity, scales in {"tensor": [4], "channel": [4, 4 / 7], "token": [4, 4 / 7], "block2": [2, 4, 2 / 7, 4 / 7]}.items():
            found = strict_json(quantize(f"int4/{granularity}", text, "--json").stdout)["scales"]
            self.assertEqual([round(scale, 6) for scale in found], [round(scale, 6) for scale in scales], granularity)
        self.assertEqual(strict_json(quantize("int4/block2", text, "--json", "--axis", "columns").stdout)["scales"], [1, 2, 4])

    def test_json_says_the_same_as_text_in_digits_that_lose_nothing(self):
        text = "0.1 -1e30 3e-39 1e-45\n5 -0 nan 16777217\n"
        for number in ("fp32", "bf16", "e4m3/channel", "int8/block3", "e2m1/block2:e4m3"):
            told = strict_json(quantize(number, text, "--json").stdout)
            self.assertLessEqual({"number", "rows", "columns", "scales", "saturated", "values"}, set(told))
            self.assertEqual([[float(v).hex() for v in row] for row in told["values"]],
                             [[float.fromhex(v).hex() for v in row] for row in rows(number, text)], number)

    def test_an_infinite_group_is_nan_with_an_infinite_scale_and_a_warning(self):
        done = quantize("int4/channel", "1 inf\n7 3\n", "--json")
        told = strict_json(done.stdout)
        self.assertEqual((told["values"], told["scales"]), ([["nan", "nan"], [7, 3]], ["inf", 1]))
        self.assertIn(b"group 1 (row 1, columns 1 to 2)", done.stderr)

    def test_codes_in_json_are_integers_or_strings_of_bits(self):
        self.assertEqual(strict_json(quantize("int4", "7 -3\n", "--codes", "--json").stdout)["codes"], [[7, -3]])
        self.assertEqual(strict_json(quantize("e5m2", "inf nan\n", "--codes", "--json", "--scale", "1").stdout)["codes"], [["0x7c", "0x7e"]])


class Refusals(unittest.TestCase):
    def test_impossible_numbers_are_refused_and_what_is_offered_instead_is_accepted(self):
        for number in ("int17", "int1", "e9m9", "e0m3", "INT4", "fp4", "fp8", "mxfp4", "nvfp4", "bfloat16", "float16", "half", "int4/block0",
                       "int4/blockx", "int4/tensr", "int4/chanel", "int4/", "int4:", "int4:absmx", "e2m1:e4m3", "fp32/tensor"):
            told = quantize(number, "1\n", expect=2).stderr.decode()
            self.assertIn("nearest: ", told, number)
            for offered in told.strip().rstrip(")").split("nearest: ")[1].split(", "):
                quantize(offered, "1\n")
        for number in ("", "/tensor", ":", "garbage", "e4m3/tensor/channel/token", "\x01"):
            quantize(number, "1\n", expect=2)

    def test_garbage_is_refused_with_its_line_and_column(self):
        places = {
            "--5\n": (1, 1), "1 0x\n": (1, 3), "1\n1e\n": (2, 1), "1e999\n": (1, 1), "1, 2\n": (1, 1), "1 2,\n": (1, 3), "1;2\n": (1, 1),
            "\ufeff1 2\n": (1, 1), "1 2\n3\n": (2, 2), "1\n2 3\n": (2, 3), "1 2\r\n3 x\r\n": (2, 3), "1\n\n2\n": (2, 1), "\n1\n": (1, 1),
            "": (1, 1), " \t \n\n": (1, 1), "1 " * 200000 + "x": (1, 400001), "1 " + "7" * 5000: (1, 3), "1 \0 2": (1, 3),
        }
        for text, (line, column) in places.items():
            self.assertRegex(quantize("int4", text, expect=2).stderr.decode(), rf"line {line}, column {column}\b")

    def test_binary_input_is_refused_in_printable_words(self):
        for data in (bytes(range(256)) * 1000, b"\x7fELF\x02\x01\x01\x00", b"\xff" * 3_000_000, b"PK\x03\x04 \x1b[31m"):
            told = quantize("int4", data, expect=2).stderr
            self.assertIn(b"line 1, column 1 ", told)
            self.assertTrue(told.strip().decode("ascii").isprintable() and len(told) < 500, told)

    def test_line_ends_of_other_systems_are_blanks(self):
        self.assertEqual(rows("fp32", "1 2\r\n3 4\r\n"), [["0x1p+0", "0x1p+1"], ["0x1.8p+1", "0x1p+2"]])


class Memory(unittest.TestCase):
    def peak_bytes(self, arguments, piece, total):
        """Largest resident size of the program while `piece` is sent until `total` bytes have gone."""
        process = subprocess.Popen([PROGRAM, "quantize", *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        with process.stdin as pipe:
            for _ in range(total // len(piece)):
                pipe.write(piece)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_maxrss * 1024

    def test_a_matrix_of_100_megabytes_needs_less_than_a_gigabyte(self):
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 1e6, "the test itself would hide the answer")
        dense = b"1 " * 511 + b"2\n"
        for arguments, piece in ((["int4/channel"], dense), (["int4/block1", "--json"], b"nan " * 1024),
                                 (["e2m1/block16:e4m3"], b"-0x1.921fb6p+1 0.30103 " * 512)):
            self.assertLess(self.peak_bytes(arguments, piece, 100_000_000), 1e9, arguments)


if __name__ == "__main__":
    unittest.main()
