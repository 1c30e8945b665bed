"""Scores the answers of Ballot's samples files of the leaderboard's MATH tasks by lm-evaluation-harness itself, and compares row by row: prompt, target, hashes, both
measures, and the task's means. Writes nothing.

usage: compare_math_samples.py FOLDER DATA       FOLDER: of samples_leaderboard_math_*.jsonl; DATA: math_level5_even.jsonl or another file in those columns"""
import json
import logging
import os
import pathlib
import sys
import tempfile

os.environ["HF_DATASETS_OFFLINE"] = "1"
import common  # noqa: F401  (offline settings)
import lm_eval
import yaml
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

logging.disable(logging.WARNING)
MATH = pathlib.Path(lm_eval.__file__).parent / "tasks" / "leaderboard" / "math"


class Given(LM):
    """Says what it was given, by the prompt."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    def generate_until(self, requests, **_):
        return [self.answers[request.args[0]] for request in requests]

    def loglikelihood(self, requests, **_): raise NotImplementedError

    def loglikelihood_rolling(self, requests, **_): raise NotImplementedError


def main(folder, data):
    rows = [json.loads(line) for line in open(data, encoding="utf-8")]
    total = differing = 0
    for path in sorted(pathlib.Path(folder).rglob("samples_leaderboard_math_*.jsonl")):
        task = "_".join(path.stem[len("samples_"):].split("_")[:-1])
        spec = next(yaml.safe_load(f.read_text().replace("!function", "")) | {"file": f} for f in MATH.glob("math_*.yaml") if f"task: {task}\n" in f.read_text() + "\n")
        samples = [json.loads(line) for line in open(path, encoding="utf-8")]
        kind = samples[0]["doc"]["type"]
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            (scratch / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows if row["type"] == kind), encoding="utf-8")
            (scratch / "task.yaml").write_text(yaml.safe_dump({"include": str(spec["file"]), "task": "local_math", "dataset_path": "json", "dataset_name": None, "training_split": None, "test_split": "test", "dataset_kwargs": {"data_files": {"test": str(scratch / "rows.jsonl")}}}))
            manager = TaskManager(include_path=[str(scratch)], include_defaults=False)
            model = Given({s["arguments"]["gen_args_0"]["arg_0"]: s["resps"][0][0] for s in samples})
            result = lm_eval.simple_evaluate(model=model, tasks=["local_math"], task_manager=manager, limit=len(samples), bootstrap_iters=0, log_samples=True)
        theirs = {s["doc_id"]: s for s in result["samples"]["local_math"]}
        for ours in samples:
            reference, total = theirs[ours["doc_id"]], total + 1
            fields = ("target", "doc_hash", "prompt_hash", "target_hash", "exact_match", "exact_match_original")
            wrong = [f for f in fields if str(ours[f]) != str(reference[f])]
            if wrong:
                differing += 1
                print(f"{task} {ours['doc_id']}: {[(f, ours[f], reference[f]) for f in wrong]} {ours['resps'][0][0][:100]!r}")
        print(f"{task}: {len(samples)} rows, harness {result['results']['local_math'].get('exact_match,none')}, {result['results']['local_math'].get('exact_match_original,none')}", flush=True)
    print(f"{total} rows, {differing} differ")
    return 1 if differing or not total else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2]))
