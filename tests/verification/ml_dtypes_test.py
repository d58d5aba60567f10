"""Every format that ml_dtypes (or numpy) also has: facts, values, codes and roundings."""

import unittest

from outside import codes, first_difference, formats, library, np, scales, values
from recomputed import deciding_inputs

ml_dtypes = library("ml_dtypes")

FLOATS = {
    "e4m3": ml_dtypes.float8_e4m3fn,  # its float8_e4m3 is another format, with infinities
    "e5m2": ml_dtypes.float8_e5m2,
    "e3m4": ml_dtypes.float8_e3m4,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
    "bf16": ml_dtypes.bfloat16,
    "e8m7": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "e5m10": np.float16,
}
INTEGERS = {"int2": ml_dtypes.int2, "int4": ml_dtypes.int4, "int8": np.int8, "int16": np.int16}
FACTS = formats()


def code_type(name):
    return np.uint16 if FACTS[name]["bits"] > 8 else np.uint8


def value_of_every_code(name):
    with np.errstate(invalid="ignore"):  # signalling NaNs among the codes
        return np.arange(2 ** FACTS[name]["bits"], dtype=code_type(name)).view(FLOATS[name]).astype(np.float64)


def grid(name):
    every = value_of_every_code(name)
    return np.unique(every[np.isfinite(every)])


class Floats(unittest.TestCase):
    def test_facts_agree(self):
        for name, dtype in FLOATS.items():
            info, every, row = ml_dtypes.finfo(dtype), value_of_every_code(name), FACTS[name]
            expected = (info.bits, float(info.max), float(info.min), float(info.smallest_normal), float(info.smallest_subnormal),
                        bool(np.isinf(every).any()), bool(np.isnan(every).any()))
            facts = tuple(row[key] for key in ("bits", "max", "lowest", "min_normal", "min_subnormal", "has_inf", "has_nan"))
            self.assertEqual(facts, expected, name)
            if row["values"] is not None:
                self.assertEqual(row["values"], grid(name).tolist(), name)

    def test_every_code_stands_for_the_same_value(self):
        for name in FLOATS:
            every = value_of_every_code(name)
            numbers = np.flatnonzero(~np.isnan(every))
            self.assertEqual(codes(name, every[numbers]).tolist(), numbers.tolist(), name)

    def test_values_ties_and_their_neighbours_get_the_same_codes(self):
        for name, dtype in FLOATS.items():
            x = deciding_inputs(grid(name))
            x = x[np.abs(x) <= FACTS[name]["max"]]  # beyond it ml_dtypes overflows
            expected = x.astype(dtype).view(code_type(name))
            wrong = np.flatnonzero(codes(name, x) != expected)
            self.assertEqual(len(wrong), 0, f"{name}: first at {x[wrong[:1]]}")

    def test_finite_values_beyond_the_largest_saturate(self):
        for name in FLOATS:
            largest = np.float32(FACTS[name]["max"])
            beyond = [np.nextafter(largest, np.float32(np.inf)), np.finfo(np.float32).max]
            self.assertEqual(values(name, np.array(beyond), "--scale", "1").tolist(), [largest] * 2, name)
            self.assertEqual(values(name, -np.array(beyond), "--scale", "1").tolist(), [-largest] * 2, name)


class Integers(unittest.TestCase):
    def test_facts_and_values_agree(self):
        for name, dtype in INTEGERS.items():
            info, row = ml_dtypes.iinfo(dtype), FACTS[name]
            self.assertEqual((row["bits"], row["lowest"], row["max"]), (info.bits, info.min, info.max), name)
            every = np.arange(int(info.min), int(info.max) + 1)
            self.assertTrue(np.array_equal(every.astype(dtype).astype(np.int64), every), name)
            self.assertEqual(first_difference(every, values(name, every, "--scale", "1"), every), "", name)
            if row["values"] is not None:
                self.assertEqual(row["values"], every.tolist(), name)


class Scales(unittest.TestCase):
    def test_every_e8m0_scale_is_a_value_of_the_e8m0_type_and_all_of_them_occur(self):
        every = np.arange(255, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu).astype(np.float32)
        powers = np.ldexp(np.float32(1), np.arange(-149, 128))
        for mode in ("e8m0", "e8m0-ceil", "e8m0-even", "e8m0-rceil"):
            self.assertEqual(np.unique(scales(f"ternary/block1:{mode}", powers)).tolist(), every.tolist(), mode)
        for name in ("e2m1", "e4m3", "int8"):
            found = scales(f"{name}/block1:e8m0", powers)
            self.assertEqual(found.astype(ml_dtypes.float8_e8m0fnu).astype(np.float32).tolist(), found.tolist(), name)


if __name__ == "__main__":
    unittest.main()
