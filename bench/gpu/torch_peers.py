#!/usr/bin/env python3
"""The GPU benchmark's cases by PyTorch on the same card: FP32, TF32 off; deterministic algorithms and not.

    torch_peers.py CASES.json OUT.json [DEVICE [SECONDS]]

CASES.json is what GpuBench --list writes. Times are medians of CUDA events around runs of about two milliseconds.
"""
import json
import math
import statistics
import sys
import time

import torch

if len(sys.argv) < 3:
    sys.exit(__doc__)
cases = json.load(open(sys.argv[1]))["cases"]
out = sys.argv[2]
device = torch.device("cuda", int(sys.argv[3]) if len(sys.argv) > 3 else 0)
deadline = time.monotonic() + (float(sys.argv[4]) if len(sys.argv) > 4 else 1e9)

torch.cuda.set_device(device)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")
# Else deterministic algorithms would also pay for filling every new tensor.
torch.utils.deterministic.fill_uninitialized_memory = False


def deterministic(on):
    torch.use_deterministic_algorithms(on)
    torch.backends.cudnn.deterministic = on
    # cuDNN's search among its algorithms; among the deterministic ones when those are asked for.
    torch.backends.cudnn.benchmark = True


def sample(run, count):
    start = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    for _ in range(count):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / count


def median(run, seconds=0.3):
    sample(run, 3)
    count = max(1, min(1000, math.ceil(2 / max(sample(run, 2), 1e-6))))
    sample(run, count)
    times, begun = [], time.monotonic()
    while len(times) < 5 or len(times) < 200 and time.monotonic() - begun < seconds:
        times.append(sample(run, count))
    return statistics.median(times)


def values(*sizes):
    return torch.rand(*sizes, device=device) * 2 - 1


def runs(case):
    """(variant, deterministic, function) for each way that PyTorch has."""
    p, suite = case["parameters"], case["suite"]
    both = [("PyTorch", False), ("PyTorch deterministic", True)]
    if suite == "copy":
        a = values(p["words"])
        b = torch.empty_like(a)
        return [("PyTorch", False, lambda: b.copy_(a))]
    if suite == "gemm":
        a, b = values(p["m"], p["k"]), values(p["k"], p["n"])
        c = torch.empty(p["m"], p["n"], device=device)
        return [("PyTorch", False, lambda: torch.matmul(a, b, out=c))]
    if suite.startswith("conv2d"):
        x = values(p["n"], p["c"], p["h"], p["w"])
        w = values(p["k"], p["c"], p["r"], p["s"])
        stride, padding = [p["stride"]] * 2, [p["padding"]] * 2
        dy = values(*torch.nn.functional.conv2d(x, w, stride=stride, padding=padding).shape)
        if suite == "conv2d-forward":
            run = lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=padding)
        else:
            mask = [suite == "conv2d-data-gradient", suite == "conv2d-weight-gradient", False]
            run = lambda: torch.ops.aten.convolution_backward(
                dy, x, w, None, stride, padding, [1, 1], False, [0, 0], 1, mask)
        return [(name, flag, run) for name, flag in both]
    if suite == "scatter-add":
        rows, n, columns = p["rows"], p["n"], p["columns"]
        index = torch.full((n,), rows // 2, device=device) if p["hot"] else torch.randint(rows, (n,), device=device)
        src, dst = values(n, columns), values(rows, columns)
        add = lambda: dst.index_add_(0, index, src)
        embedding = lambda: torch.ops.aten.embedding_dense_backward(src, index, rows, -1, False)
        return [(name + " index_add_", flag, add) for name, flag in both] + \
            [(name + " embedding_dense_backward", flag, embedding) for name, flag in both]
    if suite == "adamw":
        parameters = [values(p["each"]).requires_grad_() for _ in range(p["tensors"])]
        for q in parameters:
            q.grad = values(p["each"])
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)
        return [("PyTorch fused", False, optimizer.step)]
    x = values(p["rows"], p["columns"])
    if suite == "softmax":
        return [("PyTorch", False, lambda: torch.softmax(x, 1))]
    if suite == "layer-norm":
        gamma, beta = values(p["columns"]), values(p["columns"])
        return [("PyTorch", False, lambda: torch.native_layer_norm(x, [p["columns"]], gamma, beta, 1e-5))]
    return []


results = []
for number, case in enumerate(cases):
    print(f"[{number + 1}/{len(cases)}] {case['name']}", flush=True)
    try:
        variants = runs(case) if time.monotonic() < deadline else [("PyTorch", False, None)]
    except RuntimeError as e:
        results.append({"name": case["name"], "variant": "PyTorch", "reason": str(e).splitlines()[0]})
        continue
    for variant, flag, run in variants:
        row = {"name": case["name"], "variant": variant}
        try:
            if run is None or time.monotonic() > deadline:
                raise RuntimeError("the time was over")
            deterministic(flag)
            row["millis"] = median(run)
        except RuntimeError as e:
            row["reason"] = str(e).splitlines()[0]
        finally:
            deterministic(False)
        results.append(row)
        print("   ", variant, row.get("millis", row.get("reason")), flush=True)
    variants = run = None
    torch.cuda.empty_cache()
    with open(out, "w") as f:
        json.dump({"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
                   "name": torch.cuda.get_device_name(device), "results": results}, f, indent=2)
