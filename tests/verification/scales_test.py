"""Every rule for scales against its definition, recomputed in numpy."""

import unittest

from outside import first_difference, np, scales, values  # first: it ends the test where numpy is missing

import recomputed
from recomputed import GRIDS

FLOATS = {"e4m3": 3, "e5m2": 2, "e3m2": 2, "e2m3": 3, "e2m1": 1}  # fraction bits
MODES = {"e8m0": "floor", "e8m0-ceil": "ceil", "e8m0-even": "even", "e8m0-rceil": "rceil"}


def matrix(rows=24, columns=64):
    """Rows of very different size, one of zeros of both signs, one of subnormal numbers, one that ends at the largest fp32."""
    rng = np.random.default_rng(17)
    x = (rng.standard_normal((rows, columns)) * np.exp2(rng.integers(-20, 20, (rows, 1)))).astype(np.float32)
    x[3] = 0
    x[3, ::3] = -0.0
    x[5] = np.ldexp(np.float32(1), -149) * rng.integers(-9, 9, columns)
    x[7, 40] = np.finfo(np.float32).max
    return x


def in_blocks(x, length):
    return x.reshape(-1, length)


class Absmax(unittest.TestCase):
    def check(self, number, x, got, groups, grid):
        expected = recomputed.scaled(groups, recomputed.scale_absmax(groups, grid), grid)
        self.assertEqual(first_difference(x, got, expected.reshape(x.shape)), "", number)

    def test_every_grid_agrees_in_every_granularity(self):
        x = matrix()
        for name, grid in GRIDS.items():
            self.check(f"{name}/channel", x, values(f"{name}/channel", x), x, grid)
            self.check(f"{name}/block16", x, values(f"{name}/block16", x), in_blocks(x, 16), grid)
            self.check(f"{name}/tensor", x[8:], values(f"{name}/tensor", x[8:]), x[8:].reshape(1, -1), grid)

    def test_columns_are_rows_of_the_transposed_matrix(self):
        x = matrix()
        for number in ("int4/channel", "e4m3/token", "int4/block16", "e2m1/block16:e8m0", "e2m1/block16:e4m3"):
            self.assertEqual(first_difference(x, values(number, x, "--axis", "columns"), values(number, x.T.copy()).T), "", number)

    def test_the_quotient_is_a_true_division(self):
        """Multiplying by a rounded 1 / s moves ties and what lies beside them, so it must be seen to give other values."""
        largest = np.random.default_rng(1).uniform(1, 2, (500, 1)).astype(np.float32)
        for name in ("int4", "int8", "int12"):
            grid = GRIDS[name]
            ties = np.arange(0.5, min(grid.largest, 64), dtype=np.float32) * (largest / grid.largest)
            x = np.concatenate([largest, ties], axis=1)
            scale = recomputed.scale_absmax(x, grid)
            by_reciprocal = grid.rounded(x * (np.float32(1) / scale)) * scale
            self.assertGreater((by_reciprocal != recomputed.scaled(x, scale, grid)).sum(), 100, name)
            self.assertEqual(scales(f"{name}/channel", x).tolist(), scale.ravel().tolist(), name)
            self.check(f"{name}/channel", x, values(f"{name}/channel", x), x, grid)

    def test_one_number_that_a_reciprocal_would_round_otherwise(self):
        largest, x = np.float32(4.2), np.float32(1.5)
        scale = largest / np.float32(7)
        self.assertEqual((np.rint(x / scale), np.rint(x * (np.float32(1) / scale))), (3, 2))
        self.assertEqual(values("int4", np.array([largest, x]))[1], np.float32(3) * scale)


class PowersOfTwo(unittest.TestCase):
    def test_the_four_modes_of_e8m0_agree_with_torchao_s(self):
        rng = np.random.default_rng(8)
        significands = np.concatenate([[1, 1 + 2**-23, 1.25, 1.5, 1.75, 1.875, 2 - 2**-23], 1 + rng.random(60)]).astype(np.float32)
        largest = np.concatenate([np.ldexp(significands, e) for e in (-126, -120, -20, -1, 0, 1, 5, 90, 127)] + [[0]]).astype(np.float32)
        for name, fraction_bits in FLOATS.items():
            for spelling, mode in MODES.items():
                number = f"{name}/block1:{spelling}"
                expected = recomputed.scale_e8m0(largest[:, None], GRIDS[name], fraction_bits, mode)
                self.assertEqual(first_difference(largest, scales(number, largest), expected.ravel()), "", number)
                self.assertEqual(first_difference(largest, values(number, largest[:, None]),
                                                  recomputed.scaled(largest[:, None], expected, GRIDS[name])), "", number)

    def test_the_modes_differ_from_one_another(self):
        x = np.float32([7.5])
        self.assertEqual([scales(f"e2m1/block1:{mode}", x)[0] for mode in MODES], [1, 2, 2, 2])
        self.assertEqual([scales(f"e2m1/block1:{mode}", np.float32([5]))[0] for mode in MODES], [1, 2, 1, 1])


class TwoLevels(unittest.TestCase):
    def test_nvfp4_agrees(self):
        everywhere = matrix()
        for x in (everywhere, everywhere[8:], everywhere[:3], everywhere[5:6], np.zeros((1, 32), np.float32)):
            blocks = in_blocks(x, 16)
            scale = recomputed.scale_nvfp4(blocks)
            self.assertEqual(first_difference(scale.ravel(), scales("e2m1/block16:e4m3", x), scale.ravel()), "")
            expected = recomputed.scaled(blocks, scale, GRIDS["e2m1"]).reshape(x.shape)
            self.assertEqual(first_difference(x, values("e2m1/block16:e4m3", x), expected), "")

    def test_every_product_and_quotient_is_taken_in_the_stated_order(self):
        """Block scales on ties of e4m3, elements on ties of e2m1: another order gives other values, and must be seen to."""
        grid, ties = GRIDS["e2m1"], np.float32([0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])
        scale_ties = np.float32(GRIDS["e4m3"].magnitudes)
        scale_ties = (scale_ties[1:] + scale_ties[:-1]) / 2
        differing = {"block": 0, "element": 0}
        for largest in np.random.default_rng(3).uniform(1, 2, 20).astype(np.float32):
            tensor = largest / np.float32(6 * 448)
            x = np.zeros((1 + len(scale_ties), 16), np.float32)
            x[:, 0] = [largest, *(scale_ties * tensor * np.float32(6))]
            scale = recomputed.scale_nvfp4(x)
            x[:, 8:] = ties * scale
            expected = recomputed.scaled(x, scale, grid)
            self.assertEqual(first_difference(x, values("e2m1/block16:e4m3", x), expected), "")
            block = GRIDS["e4m3"].rounded(recomputed.absmax(x) / (np.float32(6) * tensor))
            differing["block"] += (np.maximum(block, np.float32(2**-9)) * tensor != scale).sum()
            differing["element"] += (grid.rounded(x / (scale / tensor) / tensor) * scale != expected).sum()
        self.assertGreater(min(differing.values()), 10, differing)


if __name__ == "__main__":
    unittest.main()
