"""RewardBench 2 and RM-Bench rows, and the rewardbench package's own switches, by its own functions and a plain loop of transformers.

Writes eval/rewardbench2.jsonl and eval/rm_bench.jsonl (synthetic rows in the two sets' columns) and reward_suites.json. The subset Ties is
judged by `process_single_model`, an implicit reward is computed by `DPOInference`, both from the wheel rewardbench 0.1.4 (unpacked, its
folder in REWARDBENCH); best of four as scripts/run_v2.py gives credit, RM-Bench's matrix as its README says."""
import ast
import json
import math
import os
import pathlib
import random
import sys
import types

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

import common
import small_data
from rewardbench_scores import chat

PACKAGE = pathlib.Path(os.environ.get("REWARDBENCH", ""))


def functions_of(path, names):
    """Functions of a module that itself imports half the world."""
    tree = ast.parse(path.read_text())
    space = {"np": np, "math": math, "Dataset": types.SimpleNamespace(from_dict=lambda d: d)}
    exec(compile(ast.Module([n for n in tree.body if getattr(n, "name", "") in names], []), str(path), "exec"), space)
    return space


def dpo_inference(model, ref, tok, kind, max_length):
    sys.path.insert(0, str(PACKAGE / "rewardbench"))
    import dpo
    made = dpo.DPOInference(model, ref, tok, types.SimpleNamespace(device="cpu"), ref_free_norm=kind or "norm")
    made.max_length = max_length
    return made


def write_rows():
    r = random.Random(77)
    two, styles = [], []
    def row(subset, right, wrong, ident, prompt=None):
        return {"id": ident, "prompt": prompt or small_data.prompt(r, 0)[-1]["content"], "chosen": [small_data.completion(r) for _ in range(right)], "rejected": [small_data.completion(r) for _ in range(wrong)],
                "num_correct": right, "total_completions": right + wrong, "subset": subset}
    for subset, count in {"Factuality": 5, "Precise IF": 3, "Math": 3, "Safety": 4, "Focus": 4}.items():
        two += [row(subset, 1, 3, f"{subset[:2].lower()}{i}") for i in range(count)]
    two[0]["rejected"][1] = two[0]["chosen"][0]  # ties with the right one
    for i in range(8):
        two.append(row("Ties", 1, 3, f"ref:{i}"))
        if i != 6: two.append(row("Ties", (3, 2, 4)[i % 3] if i != 4 else 1, 4, f"tied:{i}"))
    for d in ("chat", "chat", "chat", "code", "code", "math", "math", "math", "safety-refuse", "safety-refuse", "safety-response"):
        chosen, rejected = ([small_data.completion(r) + (" " + small_data.sentence(r)) * k for k in range(3)] for _ in range(2))
        styles.append({"id": f"{d}/{len(styles)}", "prompt": small_data.prompt(r, 0)[-1]["content"], "chosen": chosen, "rejected": rejected, "domain": d})
    small_data.write(common.GOLDEN / "eval" / "rewardbench2.jsonl", two)
    small_data.write(common.GOLDEN / "eval" / "rm_bench.jsonl", styles)
    return two, styles


def best_of(scores):
    top = max(scores)
    return 1 / scores.count(top) if scores[0] == top else 0


def judge_two(rows, scores, ties):
    by = {}
    for row, s in zip(rows, scores):
        if row["subset"] != "Ties": by.setdefault(row["subset"], []).append(best_of(s))
    out = {k: float(np.mean(v)) for k, v in by.items()}
    out["Ties"] = float(ties([{"id": row["id"], "scores": s, "num_correct": row["num_correct"]} for row, s in zip(rows, scores) if row["subset"] == "Ties"])[1])
    return {"sections": out, "score": float(np.mean(list(out.values())))}


def judge_styles(rows, scores):
    by = {}
    for row, s in zip(rows, scores): by.setdefault(row["domain"], []).append(np.greater.outer(np.array(s[:3]), np.array(s[3:])).astype(float))
    matrix = {k: np.mean(v, 0) for k, v in by.items()}
    upper, lower = np.triu(np.ones((3, 3)), 1), np.tril(np.ones((3, 3)), -1)
    def domains(f):
        d = {k: float(f(m)) for k, m in matrix.items()}
        return {"chat": d["chat"], "code": d["code"], "math": d["math"], "safety": (d["safety-refuse"] + d["safety-response"]) / 2}
    out = {"sections": domains(np.mean)}
    out["score"] = float(np.mean(list(out["sections"].values())))
    for name, f in {"hard": lambda m: (m * upper).sum() / 3, "normal": lambda m: np.trace(m) / 3, "easy": lambda m: (m * lower).sum() / 3}.items(): out[name] = float(np.mean(list(domains(f).values())))
    return out


def reward_scores(rows, limit=None):
    tok = AutoTokenizer.from_pretrained(common.MODELS / "tiny_llama_rm", truncation_side="left")
    model = AutoModelForSequenceClassification.from_pretrained(common.MODELS / "tiny_llama_rm", dtype=torch.float32, attn_implementation="eager").eval()
    out = []
    for row in rows:
        texts = row["chosen"] + row["rejected"] if isinstance(row["chosen"], list) else [row["chosen"], row["rejected"]]
        scores = []
        for text in texts:
            ids = tok(chat(tok, row["prompt"], text), return_tensors="pt", truncation=limit is not None, max_length=limit)["input_ids"]
            with torch.no_grad(): scores.append(common.short(model(ids).logits[0, 0]))
        out.append(scores)
    return out


def implicit(rows, kind, max_length):
    """Pairs by DPOInference, one at a time (no padding); `kind` None: against the reference."""
    tok = AutoTokenizer.from_pretrained(common.MODELS / "tiny_llama")
    load = lambda name: AutoModelForCausalLM.from_pretrained(common.MODELS / name, dtype=torch.float32, attn_implementation="eager").eval()
    policy, ref = load("tiny_llama"), None if kind else load("tiny_llama_switches")
    made, out = dpo_inference(policy, ref, tok, kind, max_length), []
    for row in rows:
        one = made.tokenize_row({"prompt": chat(tok, row["prompt"]), "text_chosen": chat(tok, row["prompt"], row["chosen"]), "text_rejected": chat(tok, row["prompt"], row["rejected"])})
        pair = []
        for side in ("chosen", "rejected"):
            ids, labels = torch.tensor([one[f"{side}_input_ids"]]), torch.tensor([one[f"{side}_labels"]])
            def logp(m):
                with torch.no_grad(): return made.get_batch_logps(m(ids).logits, labels.clone(), average_log_prob=kind == "avg", norm_log_prob=kind == "norm").item()
            pair.append(common.short(logp(policy) - (0 if kind else logp(ref))))
        out.append(pair)
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    if not (PACKAGE / "rewardbench/dpo.py").is_file(): raise SystemExit("set REWARDBENCH to the folder that the wheel rewardbench 0.1.4 was unpacked into")
    ties = functions_of(PACKAGE / "rewardbench/utils.py", {"sample_stats", "process_single_model"})["process_single_model"]
    two, styles = write_rows()
    one = [json.loads(line) for line in (common.GOLDEN / "eval" / "rewardbench.jsonl").read_text().splitlines()]
    scores2, scores_styles = reward_scores(two), reward_scores(styles)
    length = lambda rows, sign: [[sign * len(t) for t in row["chosen"] + row["rejected"]] for row in rows]
    r = random.Random(5)
    tables = []
    while len(tables) < 12:  # ties alone, on scores with few values so that every boundary is met
        made = []
        for i in range(6):
            made.append({"id": f"ref:{i}", "num_correct": 1, "scores": [r.randrange(4) for _ in range(4)]})
            if r.random() < 0.9:
                n = r.randrange(1, 4)
                made.append({"id": f"tied:{i}", "num_correct": n, "scores": [r.randrange(1, 5) for _ in range(n)] + [r.randrange(3) for _ in range(3)]})
        score = float(ties(made)[1])
        if not math.isnan(score): tables.append({"rows": made, "score": score})  # no tied prompt with two right answers: the reference has no number
    common.write_golden(common.GOLDEN / "reward_suites.json", common.provenance(__file__, ("torch", "transformers", "tokenizers", "numpy"), {"scores": "absolute 1e-4 (implicit: relative 1e-5)", "sections": "absolute 1e-12"}, "fp32 sums in another order"), {
        "package": "rewardbench 0.1.4", "ties": tables,
        "rewardbench2": {"data": "eval/rewardbench2.jsonl", "model": "models/tiny_llama_rm", "scores": scores2, **judge_two(two, scores2, ties), "longer": judge_two(two, length(two, 1), ties), "shorter": judge_two(two, length(two, -1), ties)},
        "rm_bench": {"data": "eval/rm_bench.jsonl", "model": "models/tiny_llama_rm", "scores": scores_styles, **judge_styles(styles, scores_styles), "longer": judge_styles(styles, length(styles, 1)), "shorter": judge_styles(styles, length(styles, -1))},
        "force_truncation": {"max_length": 90, "scores": reward_scores(one, 90)},
        "implicit_cut": {"max_length": 150, "scores": implicit(one, None, 150)},
        **{f"ref_free_{kind}": {"max_length": 1024, "scores": implicit(one, kind, 1024)} for kind in ("avg", "sum", "norm")}})
