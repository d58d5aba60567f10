"""Writes optimizers.json beside this file, or with --check says whether it is what torch says today.

Ten steps of every optimiser, and the rates of every schedule, from torch.optim and torch.optim.lr_scheduler in fp64;
nothing comes from vernier, whose tests/train/optimizer_test.cpp reads the file. Weights and gradients are draws of a
hash that both sides write down. torch.optim.Muon makes its momentum orthogonal in bf16, so the file holds what it gives
with fp64 there, and the check holds the two together to bf16's accuracy.
"""

import json
import math
import pathlib
import sys
import unittest

FILE = pathlib.Path(__file__).parent / "optimizers.json"
try:
    import torch
    from torch.optim import _muon
except ImportError as missing:
    print(f"SKIPPED: needs {missing.name} with torch.optim.Muon")
    sys.exit(0)

WIDTH, HIDDEN, VOCAB = 6, 16, 5
# name, rows, columns, maps (matrices of their own to Muon), kind; in the order of the storage
LAYOUT = [("embedding", VOCAB, WIDTH, 1, "matrix"), ("qkv", 3 * WIDTH, WIDTH, 3, "hidden"), ("out", WIDTH, WIDTH, 1, "hidden"),
          ("gate_up", 2 * HIDDEN, WIDTH, 2, "hidden"), ("down", WIDTH, HIDDEN, 1, "hidden"), ("head", VOCAB, WIDTH, 1, "matrix"),
          ("attention.norm", 1, WIDTH, 1, "gain"), ("mlp.norm", 1, WIDTH, 1, "gain"), ("norm", 1, WIDTH, 1, "gain")]
SIZE = sum(rows * columns for _, rows, columns, _, _ in LAYOUT)
STEPS, BETAS, EPSILON, DECAY, MOMENTUM, CLIPPED = 10, (0.9, 0.95), 1e-8, 0.1, 0.9, 0.5
RATES = [0.01 * (1 - step / 20) for step in range(STEPS)]

# optimizer, adjust_lr of Muon
OPTIMIZERS = [("adamw", None), ("adam", None), ("muon", "match_rms_adamw"), ("muon", "original")]
TOP, WARMUP, TOTAL, COOLDOWN = 0.3, 4, 14, 5
# schedule, final rate
SCHEDULES = [("wsd", None), ("cosine", 0.1), ("cosine", 0.0), ("linear", 0.1), ("linear", 0.0), ("inverse-sqrt", None)]


def draw(stream, index):
    """From -1/2 to 1/2, in steps that fp32 holds."""
    x = (index * 2654435761 + stream * 2246822519 + 374761393) % 2**32
    x = ((x ^ (x >> 15)) * 3266489917) % 2**32
    x ^= x >> 13
    return (x >> 16) / 65536 - 0.5


def draws(stream):
    return torch.tensor([draw(stream, i) for i in range(SIZE)], dtype=torch.float64)


def orthogonalised_fp64(x, coefficients, steps, epsilon):
    a, b, c = coefficients
    wide = x.double() if x.shape[0] <= x.shape[1] else x.double().T
    wide = wide / wide.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return (wide if x.shape[0] <= x.shape[1] else wide.T).to(x.dtype)


def pieces(flat):
    """(kind, matrix) of everything in a flat storage, whose memory they share."""
    at = 0
    for _, rows, columns, maps, kind in LAYOUT:
        for part in flat[at:at + rows * columns].view(maps, rows // maps, columns):
            yield kind, part
        at += rows * columns


def optimizers_of(name, adjust_lr, parts):
    decaying = [w for kind, w in parts if kind == "matrix" or (kind == "hidden" and name != "muon")]
    groups = [{"params": decaying, "weight_decay": DECAY}, {"params": [w for kind, w in parts if kind == "gain"], "weight_decay": 0}]
    adam = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    made = [adam(groups, lr=1, betas=BETAS, eps=EPSILON)]
    if name == "muon":
        hidden = [w for kind, w in parts if kind == "hidden"]
        made.append(torch.optim.Muon(hidden, lr=1, weight_decay=DECAY, momentum=MOMENTUM, adjust_lr_fn=adjust_lr))
    return made


def trained(name, adjust_lr):
    flat = draws(0)
    parts = [(kind, w.clone().requires_grad_()) for kind, w in pieces(flat)]
    optimizers = optimizers_of(name, adjust_lr, parts)
    for step, rate in enumerate(RATES):
        for (_, w), (_, g) in zip(parts, pieces(CLIPPED * draws(step + 1))):
            w.grad = g.clone()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
    return torch.cat([w.detach().flatten() for _, w in parts])


def trained_in_fp64(name, adjust_lr):
    in_bf16, _muon._zeropower_via_newtonschulz = _muon._zeropower_via_newtonschulz, orthogonalised_fp64
    try:
        return trained(name, adjust_lr)
    finally:
        _muon._zeropower_via_newtonschulz = in_bf16


def rates_of(make, steps):
    """The rates that a scheduler gives the first `steps` steps."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=TOP)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def scheduled(name, final_rate):
    schedulers = torch.optim.lr_scheduler
    if name == "inverse-sqrt":  # as Vaswani et al. write it, steps from 1, scaled to the top
        rule = lambda s: math.sqrt(WARMUP) * min((s + 1)**-0.5, (s + 1) * WARMUP**-1.5)
        return rates_of(lambda optimizer: schedulers.LambdaLR(optimizer, rule), TOTAL)
    left = TOTAL - WARMUP
    after = {"cosine": lambda optimizer: schedulers.CosineAnnealingLR(optimizer, left, eta_min=(final_rate or 0) * TOP),
             "linear": lambda optimizer: schedulers.LinearLR(optimizer, 1, final_rate or 0, left),
             "wsd": lambda optimizer: schedulers.LambdaLR(optimizer, lambda s: 1 - math.sqrt(max(0, s - left + COOLDOWN) / COOLDOWN))}[name]
    return rates_of(lambda optimizer: schedulers.LambdaLR(optimizer, lambda s: (s + 1) / WARMUP), WARMUP) + rates_of(after, left)


def without_nothing(row):
    return {key: value for key, value in row.items() if value is not None}


def vectors():
    shape = {"depth": 1, "width": WIDTH, "heads": 1, "context": 4, "vocab": VOCAB}
    return {"shape": shape, "rates": RATES, "gradient_factor": CLIPPED,
            "training": {"beta1": BETAS[0], "beta2": BETAS[1], "epsilon": EPSILON, "weight_decay": DECAY},
            "optimizers": [without_nothing({"optimizer": name, "adjust_lr": rule, "momentum": MOMENTUM if name == "muon" else None,
                                            "weights": [round(w, 10) for w in trained_in_fp64(name, rule).tolist()]})
                           for name, rule in OPTIMIZERS],
            "top": TOP, "warmup": WARMUP, "total": TOTAL, "cooldown": COOLDOWN / TOTAL,
            "schedules": [without_nothing({"schedule": name, "final_rate": final, "rates": scheduled(name, final)})
                          for name, final in SCHEDULES]}


def text_of(all_of_it):
    return json.dumps(all_of_it, indent=None).replace('{"optimizer"', '\n{"optimizer"').replace('{"schedule"', '\n{"schedule"') + "\n"


class Check(unittest.TestCase):
    def test_the_file_is_what_torch_says(self):
        stored, now = json.loads(FILE.read_text()), vectors()
        self.assertEqual([sorted(row) for row in stored["optimizers"]], [sorted(row) for row in now["optimizers"]])
        for kind, key in (("optimizers", "weights"), ("schedules", "rates")):
            for before, after in zip(stored.pop(kind), now.pop(kind), strict=True):
                for a, b in zip(before.pop(key), after.pop(key), strict=True):
                    self.assertAlmostEqual(a, b, delta=1e-8, msg=str(before))
                self.assertEqual(before, after)
        self.assertEqual(stored, now)

    def test_torch_s_own_muon_ends_there_too_to_the_accuracy_of_bf16(self):
        start = draws(0)
        for rule in ("match_rms_adamw", "original"):
            exact, rounded = trained_in_fp64("muon", rule), trained("muon", rule)
            self.assertLess((exact - rounded).norm() / (exact - start).norm(), 0.02, rule)
            self.assertGreater((exact - rounded).norm(), 0, rule)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.argv.remove("--check")
        unittest.main()
    FILE.write_text(text_of(vectors()))
