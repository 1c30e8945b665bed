"""The peer of agreement_bench: the usual Python loop, one krippendorff.alpha (0.9.0) a bootstrap replicate.

Prints seconds per replicate of alpha alone and what 10,000 of them would take; the ten pairs' statistics come on top.
"""
import time

import krippendorff
import numpy as np

PROMPTS, PAIRS, RATERS, REPLICATES = 10_000, 10, 5, 5
generator = np.random.default_rng(1)
truth = generator.integers(0, 2, PROMPTS * PAIRS)
labels = np.where(generator.random((RATERS, truth.size)) < 0.85, truth, 1 - truth)
by_prompt = labels.reshape(RATERS, PROMPTS, PAIRS)

start = time.perf_counter()
values = []
for _ in range(REPLICATES):
    drawn = by_prompt[:, generator.integers(0, PROMPTS, PROMPTS)].reshape(RATERS, -1)
    values.append(krippendorff.alpha(reliability_data=drawn, level_of_measurement="nominal"))
seconds = (time.perf_counter() - start) / REPLICATES
print(f"alpha {np.mean(values):.4f}; {seconds:.3f} s a replicate, {seconds * 10_000:.0f} s for 10,000 replicates of alpha alone")
