"""Multiple choice by lm-evaluation-harness itself: every log-likelihood and metric of a few rows, with the full prompts.

The harness's own task files are included and only their data replaced by rows written here (eval/bbh/*.json in the layout of BIG-Bench-Hard,
`examples` of `input` and `target`), so prompts, shots, tokenisation and scoring are the harness's. The demo's choice task runs from its own
YAML. Writes harness_tiny.json (models/tiny_llama: fast) and harness_smollm2.json.

usage: harness_runs.py [tiny] [smollm2]"""
import json
import os
import pathlib
import random
import sys
import tempfile

os.environ["HF_DATASETS_OFFLINE"] = "1"
import common
import lm_eval
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

LEADERBOARD = pathlib.Path(lm_eval.__file__).parent / "tasks" / "leaderboard" / "bbh_mc"
EVAL = common.GOLDEN / "eval"
DEMO = common.GOLDEN.parent.parent / "studies" / "demo"


def boolean(r, depth):
    if depth == 0: return r.choice(["True", "False"])
    kind = r.randrange(4)
    if kind == 0: return f"not {boolean(r, depth - 1)}"
    if kind == 1: return f"( {boolean(r, depth - 1)} )"
    return f"{boolean(r, depth - 1)} {'and' if kind == 2 else 'or'} {boolean(r, depth - 1)}"


def write_data():
    r = random.Random(31)
    rows, seen = [], set()
    while len(rows) < 12:
        e = boolean(r, 3)
        if e not in seen and len(e) > 12: seen.add(e); rows.append({"input": f"{e} is", "target": str(eval(e))})
    things = ["a spoon", "two plums", "three chairs", "an oboe", "four onions", "a bicycle", "a lamp", "five carrots", "a drum"]
    groups = {"pieces of fruit": (1,), "vegetables": (4, 7), "musical instruments": (3, 8), "pieces of furniture": (2,)}
    count = {0: 1, 1: 2, 2: 3, 3: 1, 4: 4, 5: 1, 6: 1, 7: 5, 8: 1}
    objects = []
    for k in range(8):
        mine = sorted(r.sample(range(9), 5))
        group = r.choice(sorted(groups))
        objects.append({"input": f"On my table lie {', '.join(things[i] for i in mine[:-1])}, and {things[mine[-1]]}. How many {group} lie there?", "target": str(sum(count[i] for i in mine if i in groups[group]))})
    (EVAL / "bbh").mkdir(parents=True, exist_ok=True)
    for name, examples in (("boolean_expressions", rows), ("object_counting", objects)):
        (EVAL / "bbh" / f"{name}.json").write_text(json.dumps({"examples": examples}, indent=1) + "\n")


def tasks(folder):
    """Task files that include the harness's own and point to the local rows."""
    for name in ("boolean_expressions", "object_counting"):
        spec = {"include": str(LEADERBOARD / f"{name}.yaml"), "task": f"local_{name}", "dataset_path": "json", "dataset_name": None,
                "dataset_kwargs": {"data_files": {"test": str(EVAL / "bbh" / f"{name}.json")}, "field": "examples"}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(spec))


def run(model, task, limit=None, chat=False, multiturn=False, shots=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tasks(folder)
        here = os.getcwd()
        if task == "everyday_choice": os.chdir(DEMO)
        try:
            manager = TaskManager(include_path=[str(folder)] + ([str(DEMO)] if task == "everyday_choice" else []), include_defaults=False)
            result = lm_eval.simple_evaluate(model=model, tasks=[task], task_manager=manager, limit=limit, apply_chat_template=chat, fewshot_as_multiturn=multiturn, num_fewshot=shots, bootstrap_iters=0, log_samples=True)
        finally: os.chdir(here)
    rows = []
    for s in sorted(result["samples"][task], key=lambda s: s["doc_id"]):
        args = s["arguments"]
        args = [args[k] for k in sorted(args)] if isinstance(args, dict) else args
        args = [list(a.values()) if isinstance(a, dict) else list(a) for a in args]
        contexts = {a[0] for a in args}
        assert len(contexts) == 1
        resps = [r[0] for r in s["resps"]]
        row = {"doc_id": s["doc_id"], "context": contexts.pop(), "continuations": [a[1] for a in args], "target": s["target"],
               "log_likelihoods": [common.short(float(r[0])) for r in resps], "is_greedy": [str(r[1]) == "True" for r in resps]}
        row.update({k: s[k] for k in ("acc", "acc_norm") if k in s})
        row.update({k: s[k] for k in ("doc_hash", "prompt_hash", "target_hash")})
        rows.append(row)
    scores = {k: v for k, v in result["results"][task].items() if k != "alias"}
    print(f"  {task} chat={chat} multiturn={multiturn}: {scores}", flush=True)
    return {"task": task, "max_length": model.max_length, "limit": limit, "chat_template": chat, "multi_turn": multiturn, "num_fewshot": result["n-shot"].get(task), "results": scores, "rows": rows}


def main(names):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    write_data()
    head = lambda why: common.provenance(__file__, ("lm-eval", "torch", "transformers", "tokenizers"), {"context, continuations, hashes": "exact", "log_likelihoods": "absolute 1e-3", "metrics": "exact"}, why)
    for name in names:
        folder = common.MODELS / "tiny_llama" if name == "tiny" else common.smollm2_folder()
        model = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=4 if name == "tiny" else 2)
        demo = (DEMO / "choice.yaml").is_file()
        few = 12 if name == "tiny" else 8
        runs = [run(model, "local_boolean_expressions"), run(model, "local_object_counting", limit=None if name == "tiny" else 3), run(model, "local_boolean_expressions", limit=few, chat=True, multiturn=True),
                run(model, "local_boolean_expressions", limit=few, chat=True, multiturn=False), run(model, "local_boolean_expressions", limit=few, shots=0)]
        if demo: runs += [run(model, "everyday_choice"), run(model, "everyday_choice", limit=few, chat=True, multiturn=True)]
        if name == "tiny":  # prompts that do not fit lose tokens on the left: the last max_length + 1 ids stay, the final one of them as target only
            model._max_length = 128
            runs += [run(model, "local_boolean_expressions", limit=4), run(model, "local_object_counting", limit=2)]
        common.write_golden(common.GOLDEN / f"harness_{name}.json", head("fp32 sums in another order over up to 250 tokens"),
                            {"model": "models/tiny_llama" if name == "tiny" else "SmolLM2-135M-Instruct in fp32", "data": "eval/bbh/*.json as leaderboard_bbh_SUBTASK; everyday_choice is studies/demo/choice.yaml", "runs": runs})


if __name__ == "__main__": main(sys.argv[1:] or ["tiny", "smollm2"])
