"""Reads the table of rooms in src/CMakeLists.txt and every #include in src/, and names each include that the table forbids."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]) / "src"
table = (root / "CMakeLists.txt").read_text()
rows = re.findall(r"^vernier_room\((\w+)([^)]*)\)", table, re.M)
uses = {room: set(re.split(r"\s+", re.sub(r".*?\bUSES\b|\bLINKS\b.*", "", rest).strip())) if "USES" in rest else set()
        for room, rest in rows}
training = {room for room, rest in rows if "TRAINING" in rest}
TORCH = re.compile(r'#include\s+[<"](torch|ATen|c10)/')


def included(path, seen):
    """`path` and every file of the tree that it includes, however far away."""
    if path not in seen:
        seen.add(path)
        for name in re.findall(r'^\s*#include\s+"([^"]+)"', path.read_text(), re.M):
            included(root / name, seen)
    return seen


problems, checked = [], 0
for path in sorted(p for p in root.rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"}):
    room = path.relative_to(root).parts[0]
    if room not in uses:
        problems.append(f"{path}: room '{room}' is not in the table")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        checked += line.startswith("#include")
        found = re.match(r'#include\s+"(\w+)/', line)
        if found and found[1] != room and found[1] not in uses[room]:
            problems.append(f"{path}:{number}: room '{room}' may not include '{found[1]}'; allowed: {sorted(uses[room])}")
        if TORCH.match(line) and room not in training and path.parent.name != "training":  # app/training: verbs that train
            problems.append(f"{path}:{number}: LibTorch outside the training half")

kernels = sorted(root.rglob("*.cu"))
assert kernels, "no CUDA kernels found: wrong folder?"
for kernel in kernels:  # they compile where there is nvcc and nothing else
    for path in included(kernel, set()):
        for header in re.findall(r"#include\s+[<\"]((?:torch|ATen|c10|fmt)/[^>\"]+)", path.read_text()):
            problems.append(f"{path}: {kernel.name} reaches <{header}>, which nvcc need not find")

for room in uses:  # the table itself lists rooms upstream first
    earlier = list(uses)[: list(uses).index(room)]
    problems += [f"room '{room}' uses '{other}', which is not above it" for other in uses[room] - set(earlier)]
assert checked > 100, f"only {checked} includes found: wrong folder?"
print("\n".join(problems) or f"{checked} includes in {len(uses)} rooms agree with the table")
sys.exit(bool(problems))
