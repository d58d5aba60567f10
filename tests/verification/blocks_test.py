"""OCP's MX formats against gfloat, block by block: scale, elements and values."""

import unittest

from outside import first_difference, library, np, scales, values

gfloat_block = library("gfloat.block")
known = library("gfloat.formats")

MX = {
    "e2m1/block32:e8m0": known.format_info_mxfp4_e2m1,
    "e3m2/block32:e8m0": known.format_info_mxfp6_e3m2,
    "e2m3/block32:e8m0": known.format_info_mxfp6_e2m3,
    "e4m3/block32:e8m0": known.format_info_mxfp8_e4m3,
    "e5m2/block32:e8m0": known.format_info_mxfp8_e5m2,
    "int8/block32:e8m0": known.format_info_mxint8,
}


def blocks():
    """Blocks of every magnitude that fp32 has, some around powers of two, with zeros, signs and subnormal numbers."""
    rng = np.random.default_rng(4)
    exponents = np.repeat(np.arange(-149, 128, 3), 2)
    x = (rng.standard_normal((len(exponents), 32)) * np.exp2(exponents)[:, None] / 8).astype(np.float32)
    edges = np.float32([[1], [2 - 2**-23], [1.5], [1.75], [1.875], [1.75 - 2**-23]]) * np.float32(rng.uniform(-1, 1, (6, 32)))
    edges[:, 5] = [1, 2 - 2**-23, -1.5, 1.75, -1.875, 1.75 - 2**-23]
    zeros = np.zeros((2, 32), np.float32)
    zeros[1, ::2] = -0.0
    return np.concatenate([x, edges, zeros, np.full((1, 32), 2.0**-149), np.full((1, 32), np.finfo(np.float32).max)]).astype(np.float32)


def cases():
    """Each MX number with gfloat's format, its blocks, and the step of gfloat's elements where ours is 1."""
    x = blocks()
    for number, info in MX.items():
        if number.startswith("int8"):  # OCP counts in 64ths, so the clamp at 2^-127 meets other blocks
            yield number, info, x[np.abs(x).max(axis=1) >= 2.0**-121], 64
        else:
            yield number, info, x, 1


def quantized(info, block):
    return gfloat_block.quantize_block(info, block.astype(np.float64), gfloat_block.compute_scale_amax)


class Blocks(unittest.TestCase):
    def test_scales_agree(self):
        for number, info, x, step in cases():
            expected = [float(gfloat_block.compute_scale_amax(info.etype.emax, row.astype(np.float64))) / step for row in x]
            self.assertEqual(scales(number, x).tolist(), expected, number)

    def test_values_agree(self):
        for number, info, x, _ in cases():
            self.assertEqual(first_difference(x, values(number, x), np.array([quantized(info, row) for row in x])), "", number)

    def test_a_short_last_block_is_a_block_of_its_own(self):
        for number, info, x, _ in cases():
            row = x[40, :20]
            expected = np.concatenate([quantized(info, row[:16]), quantized(info, row[16:])])
            self.assertEqual(first_difference(row, values(number.replace("32", "16"), row), expected), "", number)


if __name__ == "__main__":
    unittest.main()
