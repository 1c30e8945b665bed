"""Paired contrasts by the textbook, on the draws that Ballot makes: cluster bootstrap within strata, means by subset, levels from Student's t and
the leave-one-cluster-out standard error, arms for differences not seen, and sign flips of whole clusters.

Writes paired_intervals.json. Nothing here is fast or shared with Ballot but the numbering of the draws (Philox4x32-10, its key the first eight bytes of a
SHA-256). The simulated coverage of these intervals is measured by bench/paired_bench.cpp."""
import hashlib
import math

import numpy as np
from scipy import stats

import common

REPLICATES, FLIPS, SEED = 999, 10000, 3


def key(text):
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def philox(counter, key):
    c, k = [int(x) for x in counter], list(key)
    mask = 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & mask, (a >> 32) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def contrast(items):
    n = len(items["a"])
    stratum, subset, weight = (np.array(items[k]) for k in ("stratum", "subset", "weight"))
    d = np.array(items["a"]) - np.array(items["b"])
    total = weight.sum()
    order = sorted({(s, c) for s, c in zip(items["stratum"], items["cluster"])})
    row = np.array([order.index(x) for x in zip(items["stratum"], items["cluster"])])
    sizes = [sum(s == t for s, _ in order) for t in sorted(set(items["stratum"]))]

    def mean(times):
        """The contrast where cluster c is present times[c] times."""
        out = 0
        for s in sorted(set(items["stratum"])):
            parts, present = 0, 0
            for k in sorted(set(subset[stratum == s])):
                here = (stratum == s) & (subset == k)
                w = weight[here] * times[row[here]]
                if w.sum() > 0:
                    share = weight[here].sum()
                    parts, present = parts + share * (w @ d[here]) / w.sum(), present + share
            out += weight[stratum == s].sum() / total * parts / present
        return out

    everything = np.ones(len(order))
    estimate = mean(everything)
    draw_key, samples = key(f"cluster bootstrap {SEED}"), []
    for b in range(REPLICATES):
        times, offset = np.zeros(len(order)), 0
        for size in sizes:
            for i in range(offset, offset + size):
                times[offset + (philox((i // 4, 0, b, 0), draw_key)[i % 4] * size >> 32)] += 1
            offset += size
        samples.append(mean(times))
    variances, offset = [], 0
    for size in sizes:
        left_out = []
        for c in range(offset, offset + size):
            times = everything.copy()
            times[c] = 0
            left_out.append(mean(times))
        variances.append((size - 1) / size * sum((x - estimate) ** 2 for x in left_out))
        offset += size
    variance = sum(variances)
    degrees = variance**2 / sum(v * v / (g - 1) for v, g in zip(variances, sizes))
    error, spread = math.sqrt(variance), float(np.std(samples))
    level = stats.norm.cdf(-stats.t.ppf(0.975, degrees) * max(1, error / spread))
    arms = math.sqrt(1 + (weight @ weight) / total**2 / n / variance)
    low, high = np.quantile(samples, [level, 1 - level])
    sums = np.zeros(len(order))
    np.add.at(sums, row, weight / total * d)
    sums = sums[np.abs(sums) > 0]
    flip_key, extreme = key(f"sign flip {SEED}"), 0
    exact = len(sums) <= 20
    for b in range(0 if exact else FLIPS):
        sign = np.empty(len(sums))
        for i in range(0, len(sums), 128):
            words = philox((i // 128, 0, b, 0), flip_key)
            for j in range(i, min(len(sums), i + 128)):
                sign[j] = -1 if words[(j - i) // 32] >> ((j - i) % 32) & 1 else 1
        extreme += abs(sign @ sums) >= abs(sums.sum()) - 1e-12 * np.abs(sums).sum()
    p = (1 + int(extreme)) / (FLIPS + 1)
    if exact:
        every = np.array([0.0])
        for x in sums: every = np.concatenate([every + x, every - x])
        p = float(np.mean(np.abs(every) >= abs(sums.sum()) - 1e-12 * np.abs(sums).sum()))
    return {"difference": estimate, "percentile": [float(x) for x in np.quantile(samples, [0.025, 0.975])], "jackknife_error": error, "bootstrap_error": spread, "degrees": degrees,
            "lower_level": float(level), "arms": arms, "low": max(-1.0, estimate - arms * (estimate - low)), "high": min(1.0, estimate + arms * (high - estimate)),
            "p": p}


def items(seed, parts):
    """parts: (stratum, subset, clusters, most items a cluster, shift, weight of an item); clusters of a stratum are shared by its subsets."""
    rng = np.random.default_rng(seed)
    out = {k: [] for k in ("cluster", "stratum", "subset", "weight", "a", "b")}
    effects = {}
    for stratum, subset, clusters, most, shift, weight in parts:
        for c in range(clusters):
            effect = effects.setdefault((stratum, c), rng.normal())
            for _ in range(rng.integers(1, most + 1)):
                z = shift + effect + rng.normal()
                for k, x in zip(out, (f"c{c:03d}", stratum, subset, weight, int(z > 0.8), int(z < -0.8))):
                    out[k].append(x)
    return out


def main():
    cases = {"one stratum of 24 uneven clusters": items(1, [(0, 0, 24, 6, 0.3, 1)]),
             "two subsets that share their clusters": items(2, [(0, 0, 22, 2, 0.2, 1), (0, 1, 22, 1, 0.9, 3)]),
             "three strata, one of four clusters": items(3, [(0, 0, 18, 3, 0.1, 1), (1, 0, 4, 5, 0.4, 2), (1, 1, 2, 2, 0, 0.5), (2, 0, 12, 2, 0.6, 1.5)]),
             "a difference that is rare": items(4, [(0, 0, 80, 1, -0.2, 1)])}
    rare = cases["a difference that is rare"]
    seen = 0
    for i in range(len(rare["a"])):  # all agree from the seventh difference on
        if rare["a"][i] != rare["b"][i]:
            seen += 1
            if seen > 6: rare["a"][i] = rare["b"][i] = 1
    head = common.provenance(__file__, ["numpy", "scipy"], 1e-9, "sums of doubles in another order; the levels of a quantile multiply the distance between two samples")
    common.write_golden(common.GOLDEN / "paired_intervals.json", head, {"replicates": REPLICATES, "seed": SEED, **{name: {**data, **contrast(data)} for name, data in cases.items()}})


main()
