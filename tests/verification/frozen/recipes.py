"""Writes recipes.json beside this file, or with --check says whether it is what torch says today.

Logits of tiny models of three recipes, from torch.nn's own transformer layers and norms in fp64; nothing comes from
vernier, whose tests/model/recipes_test.cpp reads the file. Weights are draws of a hash that both sides write down, one
stream for each parameter in the order of vernier's checkpoints.
"""

import json
import math
import pathlib
import sys
import unittest

FILE = pathlib.Path(__file__).parent / "recipes.json"
try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as missing:
    print(f"SKIPPED: needs {missing.name}")
    sys.exit(0)

DEPTH, WIDTH, HEADS, CONTEXT, VOCAB = 2, 8, 2, 6, 11
HIDDEN, BATCH = 4 * WIDTH, 2
LAYER_NORM_EPSILON, RMS_EPSILON, CAP = 1e-5, 1e-6, 15


def draw(stream, index):
    """From -1/2 to 1/2, in steps that fp32 holds."""
    x = (index * 2654435761 + stream * 2246822519 + 374761393) % 2**32
    x = ((x ^ (x >> 15)) * 3266489917) % 2**32
    x ^= x >> 13
    return (x >> 16) / 65536 - 0.5


def names_of(recipe):
    """Parameters and their sizes, matrices before vectors."""
    blocks, gpt = range(DEPTH), recipe == "2019-gpt2"
    sizes = {"embedding": (VOCAB, WIDTH)}
    if gpt:
        sizes["positions"] = (CONTEXT, WIDTH)
    for b in blocks:
        sizes |= {f"blocks.{b}.attention.qkv": (3 * WIDTH, WIDTH), f"blocks.{b}.attention.out": (WIDTH, WIDTH),
                  f"blocks.{b}.mlp.up": (HIDDEN, WIDTH), f"blocks.{b}.mlp.down": (WIDTH, HIDDEN)}
    if recipe == "2025-muon":
        sizes["head"] = (VOCAB, WIDTH)
    norms = [f"blocks.{b}.{part}.norm" for b in blocks for part in ("attention", "mlp")] + ["norm"] * (recipe != "2017-vaswani")
    for norm in norms:
        sizes[norm] = (WIDTH,)
        if recipe != "2025-muon":
            sizes[norm + "_bias"] = (WIDTH,)
    for b in blocks:
        if gpt:
            sizes |= {f"blocks.{b}.attention.qkv_bias": (3 * WIDTH,), f"blocks.{b}.attention.out_bias": (WIDTH,)}
        if recipe != "2025-muon":
            sizes |= {f"blocks.{b}.mlp.up_bias": (HIDDEN,), f"blocks.{b}.mlp.down_bias": (WIDTH,)}
    return sizes


def weights_of(recipe):
    return {name: torch.tensor([draw(stream, i) for i in range(math.prod(size))], dtype=torch.float64).view(size)
            for stream, (name, size) in enumerate(names_of(recipe).items())}


def tokens():
    return torch.tensor([(7 * i + 3) % VOCAB for i in range(BATCH * CONTEXT)]).view(BATCH, CONTEXT)


def torch_layer(w, block, norm_first, activation):
    """torch's own layer with these weights; biases that the recipe lacks are zero."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, activation, LAYER_NORM_EPSILON, batch_first=True,
                                       norm_first=norm_first, dtype=torch.float64)
    places = {"attention.qkv": layer.self_attn.in_proj_weight, "attention.qkv_bias": layer.self_attn.in_proj_bias,
              "attention.out": layer.self_attn.out_proj.weight, "attention.out_bias": layer.self_attn.out_proj.bias,
              "mlp.up": layer.linear1.weight, "mlp.up_bias": layer.linear1.bias,
              "mlp.down": layer.linear2.weight, "mlp.down_bias": layer.linear2.bias,
              "attention.norm": layer.norm1.weight, "attention.norm_bias": layer.norm1.bias,
              "mlp.norm": layer.norm2.weight, "mlp.norm_bias": layer.norm2.bias}
    for name, place in places.items():
        value = w.get(f"blocks.{block}.{name}")
        place.data.copy_(value) if value is not None else place.data.zero_()
    return layer


def through_layers(x, w, norm_first, activation):
    mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT, dtype=torch.float64)
    for block in range(DEPTH):
        x = torch_layer(w, block, norm_first, activation)(x, src_mask=mask, is_causal=True)
    return x


def vaswani(w):
    pairs = torch.arange(0, WIDTH, 2, dtype=torch.float64)
    angles = torch.arange(CONTEXT, dtype=torch.float64)[:, None] / 10000 ** (pairs / WIDTH)
    table = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    x = F.embedding(tokens(), w["embedding"]) * math.sqrt(WIDTH) + table
    return F.linear(through_layers(x, w, False, F.relu), w["embedding"])


def gpt2(w):
    x = F.embedding(tokens(), w["embedding"]) + w["positions"]
    x = through_layers(x, w, True, lambda h: F.gelu(h, approximate="tanh"))
    return F.linear(F.layer_norm(x, (WIDTH,), w["norm"], w["norm_bias"], LAYER_NORM_EPSILON), w["embedding"])


def turned(x):
    """Rotary by halves, as a product of complex numbers. [B, H, T, D]"""
    half = x.shape[-1] // 2
    angles = torch.arange(CONTEXT, dtype=torch.float64)[:, None] * 10000 ** (-torch.arange(half, dtype=torch.float64) / half)
    pairs = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([pairs.real, pairs.imag], -1)


def muon(w):
    rms = lambda x, gain=None: F.rms_norm(x, x.shape[-1:], gain, RMS_EPSILON)
    split = lambda x: x.view(BATCH, CONTEXT, HEADS, -1).transpose(1, 2)
    x = F.embedding(tokens(), w["embedding"])
    for block in range(DEPTH):
        p = lambda name: w[f"blocks.{block}.{name}"]
        q, k, v = (split(part) for part in F.linear(rms(x, p("attention.norm")), p("attention.qkv")).chunk(3, -1))
        seen = F.scaled_dot_product_attention(turned(rms(q)), turned(rms(k)), v, is_causal=True)
        x = x + F.linear(seen.transpose(1, 2).flatten(2), p("attention.out"))
        x = x + F.linear(F.relu(F.linear(rms(x, p("mlp.norm")), p("mlp.up"))) ** 2, p("mlp.down"))
    return CAP * torch.tanh(F.linear(rms(x, w["norm"]), w["head"]) / CAP)


MODELS = {"2017-vaswani": vaswani, "2019-gpt2": gpt2, "2025-muon": muon}


def vectors():
    shape = {"depth": DEPTH, "width": WIDTH, "heads": HEADS, "context": CONTEXT, "vocab": VOCAB}
    with torch.no_grad():
        return {"shape": shape, "tokens": tokens().tolist(),
                "recipes": [{"recipe": recipe, "parameters": list(names_of(recipe)),
                             "logits": [round(y, 10) for y in model(weights_of(recipe)).flatten().tolist()]}
                            for recipe, model in MODELS.items()]}


def text_of(all_of_it):
    return json.dumps(all_of_it).replace('{"recipe"', '\n{"recipe"') + "\n"


class Check(unittest.TestCase):
    def test_the_file_is_what_torch_says(self):
        stored, now = json.loads(FILE.read_text()), vectors()
        for before, after in zip(stored["recipes"], now["recipes"], strict=True):
            for a, b in zip(before.pop("logits"), after.pop("logits"), strict=True):
                self.assertAlmostEqual(a, b, delta=1e-8, msg=str(before["recipe"]))
        self.assertEqual(stored, now)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.argv.remove("--check")
        unittest.main()
    FILE.write_text(text_of(vectors()))
