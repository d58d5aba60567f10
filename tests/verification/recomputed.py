"""Scales and scaled roundings written down a second time, in numpy and from their definitions, sharing nothing with vernier.

Everything is fp32 unless it says so. Rows are matrices of groups: [groups, elements].
"""

import numpy as np

F32 = np.float32
SMALLEST = np.float32(2.0**-149)


class Grid:
    """A number format as the sorted list of its values; a value's place in it stands for its code."""

    def __init__(self, magnitudes, largest, keeps_sign_of_zero):
        self.magnitudes = np.asarray(magnitudes, np.float64)  # ascending from 0, by code
        self.lowest, self.largest = F32(-self.magnitudes[-1]), F32(largest)
        self.keeps_sign_of_zero = keeps_sign_of_zero

    def rounded(self, x):
        """To the nearest value, a tie to the even code, saturating."""
        size = np.clip(np.abs(x.astype(np.float64)), 0, -np.float64(self.lowest))
        above = np.clip(np.searchsorted(self.magnitudes, size), 1, len(self.magnitudes) - 1)
        below = above - 1
        to_above = self.magnitudes[above] - size
        to_below = size - self.magnitudes[below]
        take_above = (to_above < to_below) | ((to_above == to_below) & (above % 2 == 0))
        result = np.copysign(self.magnitudes[np.where(take_above, above, below)], x)
        result = np.clip(result, self.lowest, self.largest)
        return np.where(np.isnan(x), np.nan, result if self.keeps_sign_of_zero else result + 0.0).astype(F32)


def small_float(exponent_bits, fraction_bits, codes_given_away):
    """Magnitudes by code, without the highest ones, which stand for infinity and NaN."""
    code = np.arange(2 ** (exponent_bits + fraction_bits) - codes_given_away)
    exponent, fraction = code >> fraction_bits, (code & (2**fraction_bits - 1)) / 2.0**fraction_bits
    bias = 2 ** (exponent_bits - 1) - 1
    magnitudes = np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - float(bias)))
    return Grid(magnitudes, magnitudes[-1], True)


def integer(bits, symmetric=False):
    largest = 2 ** (bits - 1) - 1
    return Grid(np.arange(largest + (1 if symmetric else 2)), largest, False)  # one further down than up


GRIDS = {
    "e4m3": small_float(4, 3, 1),
    "e5m2": small_float(5, 2, 4),
    "e3m2": small_float(3, 2, 0),
    "e2m3": small_float(2, 3, 0),
    "e2m1": small_float(2, 1, 0),
    "e3m4": small_float(3, 4, 16),
    "ternary": integer(2, symmetric=True),
    **{f"int{bits}": integer(bits) for bits in range(2, 17)},
    **{f"sint{bits}": integer(bits, symmetric=True) for bits in range(2, 17)},
}

def deciding_inputs(grid):
    """Every value of a grid (ascending, finite), every tie between two, and the fp32 numbers on either side of them all."""
    ties = (grid[1:] + grid[:-1]) / 2
    middle = np.concatenate([grid, ties]).astype(np.float32)
    assert np.array_equal(middle, np.concatenate([grid, ties])), "a value or a tie is not an fp32"
    with np.errstate(over="ignore", under="ignore"):
        beside = [np.nextafter(middle, np.float32(side)) for side in (-np.inf, np.inf)]
    x = np.concatenate([middle, *beside, [np.float32(-0.0)]])
    return x[np.isfinite(x)]


def absmax(x):
    return np.max(np.abs(x), axis=-1, keepdims=True)


def scale_absmax(x, grid):
    """absmax / largest; a scale that would underflow to 0 is the smallest fp32."""
    scale = absmax(x) / grid.largest
    return np.where(absmax(x) > 0, np.maximum(scale, SMALLEST), F32(0))


def power_of_two(exponent):
    return np.ldexp(F32(1), np.clip(exponent, -127, 127).astype(np.int32))


def floor_log2(x):
    """From the bits of an fp32, as torchao reads it; -127 below the normal ones."""
    return (np.asarray(x, F32).view(np.int32) >> 23 & 0xFF) - 127


def scale_e8m0(x, grid, fraction_bits, mode):
    """FLOOR, CEIL, EVEN and RCEIL of torchao's mx_formats: on the bits of the largest magnitude, but RCEIL by logarithm."""
    largest, top = absmax(x), floor_log2(grid.largest)
    bits = largest.view(np.int32)
    if mode == "floor":
        exponent = floor_log2(largest) - top
    elif mode == "ceil":
        exponent = floor_log2(largest) + ((bits & 0x7FFFFF) > 0) - top
    elif mode == "even":
        half_of_last_bit = 1 << (23 - fraction_bits - 1)
        exponent = floor_log2((bits + half_of_last_bit & 0x7F800000).view(F32)) - top
    elif mode == "rceil":
        with np.errstate(divide="ignore"):
            exponent = np.maximum(np.ceil(np.log2((largest / grid.largest).astype(np.float64))), -127)
    return power_of_two(exponent)


def scale_nvfp4(blocks):
    """Two levels over all blocks of a tensor: s_block in e4m3, times s_tensor. A block of zeros has scale 0."""
    tensor = max(absmax(blocks).max() / F32(6 * 448), SMALLEST)
    block = GRIDS["e4m3"].rounded(absmax(blocks) / F32(6) / tensor)
    block = np.maximum(block, F32(2.0**-9))
    return np.where(absmax(blocks) > 0, np.maximum(block * tensor, SMALLEST), F32(0))


def scaled(x, scale, grid):
    """q * s with q = x / s rounded: a true division, as 1 / s would be rounded once more. A scale of 0 keeps its zeros."""
    divisor = np.where(scale == 0, F32(1), scale)
    with np.errstate(under="ignore", over="ignore"):
        return grid.rounded(x / divisor) * divisor
