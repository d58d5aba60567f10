"""Every format of vernier, as gfloat understands it: facts, values, codes and roundings."""

import unittest

from outside import codes, first_difference, formats, library, np, values
from recomputed import deciding_inputs

gfloat = library("gfloat")
known = library("gfloat.formats")

FACTS = formats()
NAMED = {
    "e4m3": known.format_info_ocp_e4m3,
    "e5m2": known.format_info_ocp_e5m2,
    "e3m2": known.format_info_ocp_e3m2,
    "e2m3": known.format_info_ocp_e2m3,
    "e2m1": known.format_info_ocp_e2m1,
    "fp16": known.format_info_binary16,
    "bf16": known.format_info_bfloat16,
}


def ieee_like(name, exponent_bits, fraction_bits):
    return gfloat.FormatInfo(name, 1 + exponent_bits + fraction_bits, fraction_bits + 1, bias=2 ** (exponent_bits - 1) - 1, is_signed=True,
                             domain=gfloat.Domain.Extended, has_nz=True, num_high_nans=2**fraction_bits - 1, has_subnormals=True,
                             is_twos_complement=False)


def twos_complement(name, bits):
    return gfloat.FormatInfo(name, bits, bits, bias=2 - bits, is_signed=True, domain=gfloat.Domain.Finite, has_nz=False, num_high_nans=0,
                             has_subnormals=True, is_twos_complement=True)


FLOATS = {name: NAMED.get(name) or ieee_like(name, row["exponent_bits"], row["significand_bits"] - 1)
          for name, row in FACTS.items() if row["exponent_bits"]}
INTEGERS = {f"int{bits}": twos_complement(f"int{bits}", bits) for bits in range(2, 17)}


def value_of_every_code(info):
    return gfloat.decode_ndarray(info, np.arange(2**info.k, dtype=np.int64))


def grid(info):
    every = value_of_every_code(info)
    return np.unique(every[np.isfinite(every)])


def rounded(info, x):
    return gfloat.round_ndarray(info, x.astype(np.float64), gfloat.RoundMode.TiesToEven, sat=True)


class Floats(unittest.TestCase):
    def test_facts_agree(self):
        self.assertEqual(len(FLOATS), 93)
        for name, info in FLOATS.items():
            every, row = grid(info), FACTS[name]
            normal, subnormal = info.smallest_normal, info.smallest_subnormal
            expected = (info.k, info.expBits, info.precision, info.bias, every[-1], every[0], normal if normal <= every[-1] else None,
                        subnormal if info.precision > 1 else None, info.domain == gfloat.Domain.Extended, info.num_nans > 0)
            facts = tuple(row[key] for key in ("bits", "exponent_bits", "significand_bits", "bias", "max", "lowest", "min_normal",
                                               "min_subnormal", "has_inf", "has_nan"))
            self.assertEqual(facts, expected, name)
            self.assertEqual(row["values"], every.tolist() if info.k <= 8 else None, name)

    def test_every_code_stands_for_the_same_value(self):
        for name, info in FLOATS.items():
            every = value_of_every_code(info)
            numbers = np.flatnonzero(~np.isnan(every))
            self.assertTrue(np.array_equal(codes(name, every[numbers]), numbers), name)

    def test_values_ties_and_their_neighbours_get_the_same_codes(self):
        for name, info in FLOATS.items():
            x = deciding_inputs(grid(info))
            if info.precision == 1:  # ties below
                x = x[~np.isin(x, (grid(info)[1:] + grid(info)[:-1]) / 2)]
            if info.expBits == 1:  # gfloat takes its largest value for a normal one, and saturates at twice its distance
                x = x[np.abs(x) <= grid(info)[-1]]
            wrong = np.flatnonzero(codes(name, x) != gfloat.encode_ndarray(info, rounded(info, x)))
            self.assertEqual(len(wrong), 0, f"{name}: first at {x[wrong[:1]]}")

    def test_without_fraction_bits_a_tie_goes_to_zero_or_else_to_the_larger_magnitude(self):
        """IEEE 754-2019, section 4.3.1, for a precision of one digit, where no neighbour is even; gfloat takes the even code."""
        for name in (name for name, info in FLOATS.items() if info.precision == 1):
            positive = grid(FLOATS[name])
            positive = positive[positive >= 0]
            expected = np.concatenate([[0], positive[2:]])
            for sign in (1, -1):
                ties = sign * (positive[1:] + positive[:-1]) / 2
                self.assertEqual(first_difference(ties, values(name, ties, "--scale", "1"), sign * expected), "", name)


class Integers(unittest.TestCase):
    def test_facts_values_and_roundings_agree(self):
        for name, info in INTEGERS.items():
            every, row = grid(info), FACTS[name]
            self.assertEqual((row["bits"], row["max"], row["lowest"]), (info.k, info.max, info.min), name)
            self.assertEqual(row["values"], every.tolist() if info.k <= 8 else None, name)
            x = deciding_inputs(every)
            self.assertEqual(first_difference(x, values(name, x, "--scale", "1"), rounded(info, x)), "", name)

    def test_the_ocp_int8_is_ours_in_steps_of_a_64th(self):
        every = grid(known.format_info_ocp_int8)
        self.assertEqual((64 * every).tolist(), FACTS["int8"]["values"])


if __name__ == "__main__":
    unittest.main()
