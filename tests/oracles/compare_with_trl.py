"""Train with TRL on the rows and settings of a Ballot run and compare every step with Ballot's metrics.jsonl.

usage: compare_with_trl.py dpo|reward|sft MODEL_DIR DATA.jsonl METRICS.jsonl --batch-size 8 [--micro 2] [--learning-rate X] [--beta X]
       [--max-length N] [--margin] [--rows N] [--loss NAME] [--label-smoothing X] [--schedule NAME] [--warmup-steps N] [--weight-decay X] [--tolerance 1e-3]
With --micro equal to --batch-size the values that TRL takes per micro-batch (least and greatest reward, token accuracy) are compared too.
Ballot must have run with --order file --dtype fp32. Exit code 1 when a value differs by more than the tolerance (relative, absolute below 1)."""
import argparse
import json
import logging
import sys
import warnings

import transformers
from datasets import disable_progress_bars

import trl_runs

SKIP = {"epoch", "step", "entropy"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kind", choices=["dpo", "reward", "sft"]); p.add_argument("model"); p.add_argument("data"); p.add_argument("metrics")
    p.add_argument("--batch-size", type=int, required=True); p.add_argument("--micro", type=int, default=2); p.add_argument("--learning-rate", type=float, default=None)
    p.add_argument("--beta", type=float, default=0.22); p.add_argument("--max-length", type=int, default=2048); p.add_argument("--margin", action="store_true"); p.add_argument("--rows", type=int)
    p.add_argument("--loss", default="sigmoid"); p.add_argument("--label-smoothing", type=float, default=0.0); p.add_argument("--schedule", default="linear")
    p.add_argument("--warmup-steps", type=int, default=0); p.add_argument("--weight-decay", type=float, default=0.0); p.add_argument("--tolerance", type=float, default=1e-3)
    a = p.parse_args()
    rows = [json.loads(line) for line in open(a.data, encoding="utf-8")][:a.rows]
    if a.kind == "sft" and "messages" in rows[0]: rows = [{"prompt": r["messages"][:-1], "completion": r["messages"][-1:]} for r in rows]
    options = {"lr_scheduler_type": a.schedule, "warmup_steps": a.warmup_steps, "weight_decay": a.weight_decay}
    if a.kind == "dpo": options.update(beta=a.beta, loss_type=[a.loss], label_smoothing=a.label_smoothing)
    columns = trl_runs.PREFERENCE_COLUMNS + (("margin",) if a.margin else ())
    theirs = trl_runs.train(a.kind, a.model, rows, micro=a.micro, accumulate=a.batch_size // a.micro, lr=a.learning_rate or {"dpo": 1e-6, "reward": 2e-5, "sft": 2e-5}[a.kind],
                            final=False, examples=0, columns=columns, max_length=a.max_length, **options)["steps"]
    ours = [json.loads(line) for line in open(a.metrics, encoding="utf-8")]
    if len(ours) != len(theirs): sys.exit(f"{len(ours)} steps here, {len(theirs)} in TRL")
    worst, bad = {}, False
    for x, y in zip(ours, theirs):
        for key, value in y.items():
            if key in SKIP or (key in trl_runs.PER_MICRO_BATCH and a.micro != a.batch_size): continue
            if key.startswith("logits/") and key not in x: continue
            if key not in x: sys.exit(f"step {y['step']}: {key} is missing")
            difference = abs(x[key] - value) / max(1.0, abs(value))
            if difference > worst.get(key, (0, 0))[0]: worst[key] = (difference, y["step"])
    for key, (difference, step) in sorted(worst.items()): print(f"{key:22s} largest difference {difference:.2e} at step {step}")
    bad = any(d > a.tolerance for d, _ in worst.values())
    print(f"{len(ours)} steps: " + ("DIFFER" if bad else f"all within {a.tolerance:g}"))
    sys.exit(bad)


if __name__ == "__main__":
    disable_progress_bars()
    transformers.logging.disable_progress_bar(); transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING); warnings.simplefilter("ignore")
    main()
