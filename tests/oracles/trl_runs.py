"""Training runs by TRL on CPU in fp32, every optimiser step in full precision: what Ballot's metrics.jsonl must reproduce.

Everything that could hide a difference is switched off: file order, no dropout, no autocast, no checkpointing. Each run records its
settings, `steps` (what TRL logged: loss, grad_norm before clipping, the learning rate of the step, and the metrics of the kind),
`examples` (the first rows as TRL tokenised them), and `final` (norm and first values of the trained parameters).

usage: trl_runs.py [dpo] [losses] [reward] [sft] [smollm2]"""
import json
import logging
import os
import sys
import tempfile
import warnings

import torch
import transformers
import trl
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback

import common

PACKAGES = ("torch", "transformers", "trl", "accelerate", "tokenizers", "datasets")
SMALL = common.GOLDEN / "small"
PREFERENCE_COLUMNS = ("prompt", "chosen", "rejected")


class StepLog(TrainerCallback):
    def __init__(self): self.steps = []

    def on_log(self, args, state, control, logs=None, **kw):
        if "loss" in logs: self.steps.append({"step": state.global_step, **{k: v for k, v in logs.items()}})


def rows_of(file, count, skip=0):
    rows = [json.loads(line) for line in open(SMALL / file, encoding="utf-8")]
    return rows[skip:skip + count]


def train(kind, model, rows, *, micro=2, accumulate=4, lr=1e-3, final=True, examples=2, columns=PREFERENCE_COLUMNS, max_length=1024, **options):
    """One run. `options` go to the trainer's config as they are; the steps follow from the rows (one epoch)."""
    tok = AutoTokenizer.from_pretrained(model)
    tok.model_max_length = 10**9
    common_args = dict(output_dir=tempfile.mkdtemp(prefix="trl_"), per_device_train_batch_size=micro, gradient_accumulation_steps=accumulate, num_train_epochs=1, learning_rate=lr,
                       logging_steps=1, report_to="none", save_strategy="no", bf16=False, fp16=False, gradient_checkpointing=False, use_cpu=True, seed=0, max_length=max_length, disable_tqdm=True)
    common_args.update({"lr_scheduler_type": "linear", "warmup_steps": 0, **options})
    log = StepLog()
    load = lambda cls, **kw: cls.from_pretrained(model, dtype=torch.float32, **kw)
    if kind == "dpo":
        policy, config, base, extra = load(AutoModelForCausalLM), trl.DPOConfig(**common_args), trl.DPOTrainer, {"ref_model": load(AutoModelForCausalLM)}
    elif kind == "reward":
        policy, config, base, extra = load(AutoModelForSequenceClassification, num_labels=1), trl.RewardConfig(**common_args), trl.RewardTrainer, {}
        policy.config.pad_token_id = tok.pad_token_id
    else:
        policy, config, base, extra = load(AutoModelForCausalLM), trl.SFTConfig(completion_only_loss=True, shuffle_dataset=False, **common_args), trl.SFTTrainer, {}
        columns = ("prompt", "completion")

    class FileOrder(base):
        def _get_train_sampler(self, *a, **k): return torch.utils.data.SequentialSampler(self.train_dataset)

    start = {k: p.detach().clone() for k, p in policy.named_parameters()}
    trainer = FileOrder(model=policy, args=config, train_dataset=Dataset.from_list([{k: r[k] for k in columns} for r in rows]), processing_class=tok, callbacks=[log], **extra)
    tokenised = [dict(trainer.train_dataset[i]) for i in range(min(examples, len(trainer.train_dataset)))]
    kept = len(trainer.train_dataset)
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    trainer.train()
    settings = {"kind": kind, "rows": len(rows), "rows_kept": kept, "micro_batch": micro, "accumulation": accumulate, "batch_size": micro * accumulate, "learning_rate": lr, "max_length": max_length,
                "schedule": str(config.lr_scheduler_type.value if hasattr(config.lr_scheduler_type, "value") else config.lr_scheduler_type), "warmup_steps": config.warmup_steps,
                "weight_decay": config.weight_decay, "adam_beta1": config.adam_beta1, "adam_beta2": config.adam_beta2, "adam_epsilon": config.adam_epsilon, "max_grad_norm": config.max_grad_norm}
    for key in ("beta", "loss_type", "loss_weights", "label_smoothing", "center_rewards_coefficient", "truncation_mode"):
        if hasattr(config, key): settings[key] = getattr(config, key)
    if kind == "reward": settings["margin"] = "column" if "margin" in columns else "none"
    drop = {"entropy"}
    out = {"settings": settings, "steps": [{k: v for k, v in s.items() if k not in drop} for s in log.steps]}
    if tokenised: out["examples"] = [{k: v for k, v in t.items() if k.endswith("ids") or k.endswith("mask")} for t in tokenised]
    if final:
        out["final"] = {k: {"norm": common.short(p.norm()), "moved": common.short((p - start[k]).norm()), "first": common.shorts(p.flatten()[:4])} for k, p in policy.named_parameters()}
    print(f"  {kind} {settings.get('loss_type', '')}: " + " ".join(f"{s['loss']:.6f}" for s in log.steps), flush=True)
    return out


# TRL logs these as the mean over micro-batches of each micro-batch's own value; only a run with one micro-batch a step gives the step's
PER_MICRO_BATCH = ["min_reward", "max_reward", "mean_token_accuracy", "logits/chosen", "logits/rejected"]


def file(name, model, tolerance, why, data, runs):
    common.write_golden(common.GOLDEN / name, common.provenance(__file__, PACKAGES, tolerance, why), {"model": model, "data": data, "depends_on_micro_batch": PER_MICRO_BATCH, "runs": runs})


STEPS = "relative 1e-4, or absolute 1e-4 where a value is below 1"
WHY = "TRL sums in fp32 in another order, and Adam magnifies rounding in near-zero gradients from step to step"
TINY, RM = common.MODELS / "tiny_llama", common.MODELS / "tiny_llama_rm"


def dpo():
    p = "preferences.jsonl"
    runs = {
        "main": train("dpo", TINY, rows_of(p, 160), beta=0.22),
        "learning_rate_1e-6": train("dpo", TINY, rows_of(p, 64), lr=1e-6, beta=0.22),
        "short_last_step": train("dpo", TINY, rows_of(p, 20, 40), beta=0.22, final=False),
        "decay_warmup_cosine": train("dpo", TINY, rows_of(p, 64, 80), beta=0.1, weight_decay=0.1, warmup_steps=2, lr_scheduler_type="cosine"),
        "clip_off_constant": train("dpo", TINY, rows_of(p, 24, 80), lr=1e-4, beta=0.5, max_grad_norm=1e9, lr_scheduler_type="constant", final=False),
        "cut_at_90": train("dpo", TINY, rows_of(p, 80), beta=0.22, max_length=90, final=False),
        "one_micro_batch": train("dpo", TINY, rows_of(p, 24, 80), micro=8, accumulate=1, beta=0.22, final=False, examples=0),
        "plain_text": train("dpo", TINY, rows_of("preferences_text.jsonl", 24), beta=0.22, final=False),
    }
    file("trl_dpo.json", "models/tiny_llama", {"steps": STEPS, "final": "relative 1e-3 of `moved`"}, WHY, "small/preferences.jsonl in file order: main takes rows 0-159, learning_rate_1e-6 0-63, "
         "short_last_step 40-59 (micro-batches 4, 4, 2), decay_warmup_cosine 80-143, clip_off_constant 80-103, cut_at_90 0-79 (completions cut on the right; rows whose prompt fills it dropped), "
         "one_micro_batch 80-103, "
         "plain_text small/preferences_text.jsonl 0-23", runs)


def losses():
    kinds = {"sigmoid": {}, "hinge": {}, "ipo": {}, "exo_pair": {"label_smoothing": 0.1}, "nca_pair": {}, "robust": {"label_smoothing": 0.1}, "bco_pair": {}, "sppo_hard": {}, "apo_zero": {},
             "apo_down": {}, "discopop": {}, "sigmoid_norm": {"beta": 5.0}}
    runs = {k: train("dpo", TINY, rows_of("preferences.jsonl", 24), micro=4, accumulate=2, final=False, examples=0, loss_type=[k], **{"beta": 0.22, **o}) for k, o in kinds.items()}
    # the sft term is a mean over the micro-batch's tokens, so one micro-batch a step keeps its meaning plain
    runs["sigmoid_and_sft"] = train("dpo", TINY, rows_of("preferences.jsonl", 24), micro=8, accumulate=1, final=False, examples=0, beta=0.22, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5])
    file("trl_dpo_losses.json", "models/tiny_llama", STEPS, WHY, "small/preferences.jsonl rows 0-23, three steps of eight pairs", runs)


def reward():
    p, with_margin = "preferences.jsonl", PREFERENCE_COLUMNS + ("margin",)
    runs = {
        "main": train("reward", RM, rows_of(p, 160)),
        "margin": train("reward", RM, rows_of(p, 160), columns=with_margin),
        "learning_rate_2e-5": train("reward", RM, rows_of(p, 64), lr=2e-5),
        "centred": train("reward", RM, rows_of(p, 64), columns=with_margin, center_rewards_coefficient=0.1, final=False),
        "short_last_step": train("reward", RM, rows_of(p, 20, 40), columns=with_margin, final=False),
        "one_micro_batch": train("reward", RM, rows_of(p, 24, 80), micro=8, accumulate=1, columns=with_margin, final=False, examples=0),
        "longer_than_96_dropped": train("reward", RM, rows_of(p, 100), max_length=96, final=False),
    }
    file("trl_reward.json", "models/tiny_llama_rm (score.weight is in the folder)", {"steps": STEPS, "final": "relative 1e-3 of `moved`"}, WHY,
         "small/preferences.jsonl: main and margin rows 0-159, learning_rate_2e-5 and centred 0-63, short_last_step 40-59, one_micro_batch 80-103, longer_than_96_dropped 0-99 (a pair with a side over 96 tokens is dropped)", runs)


def sft():
    runs = {
        "main": train("sft", TINY, rows_of("sft.jsonl", 64)),
        "learning_rate_2e-5": train("sft", TINY, rows_of("sft.jsonl", 32), lr=2e-5),
        "short_last_step": train("sft", TINY, rows_of("sft.jsonl", 21), final=False),
        "one_micro_batch": train("sft", TINY, rows_of("sft.jsonl", 24), micro=8, accumulate=1, final=False, examples=0),
        "cut_at_64": train("sft", TINY, rows_of("sft.jsonl", 32), max_length=64, final=False),
    }
    file("trl_sft.json", "models/tiny_llama", {"steps": STEPS, "final": "relative 1e-3 of `moved`"}, WHY,
         "small/sft.jsonl: main rows 0-63, learning_rate_2e-5 and cut_at_64 0-31, short_last_step 0-20, one_micro_batch 0-23; loss is the mean over all completion tokens of a step", runs)


def smollm2():
    big = common.smollm2_folder()
    p = [r for r in rows_of("preferences.jsonl", 240) if len(json.dumps(r)) < 620][:12]
    torch.manual_seed(5)
    rm = tempfile.mkdtemp(prefix="rm_")
    model = AutoModelForSequenceClassification.from_pretrained(big, num_labels=1, dtype=torch.float32)
    score = torch.sin(torch.arange(1, 577, dtype=torch.float64)).mul(0.02).float()[None]
    with torch.no_grad(): model.score.weight.copy_(score)
    model.config.pad_token_id = 2
    model.save_pretrained(rm); AutoTokenizer.from_pretrained(big).save_pretrained(rm)
    s = rows_of("sft.jsonl", 12)
    runs = {"dpo": train("dpo", big, p, micro=2, accumulate=2, lr=1e-5, beta=0.22, final=False, examples=1),
            "reward": train("reward", rm, p, micro=2, accumulate=2, lr=2e-5, columns=PREFERENCE_COLUMNS + ("margin",), final=False, examples=1),
            "sft": train("sft", big, s, micro=2, accumulate=2, lr=2e-5, final=False, examples=1)}
    file("trl_smollm2.json", "SmolLM2-135M-Instruct from its GGUF, fp32; the reward model's score.weight is 0.02 * sin(1..576)", "relative 1e-3", WHY,
         {"preferences": [r["pair_id"] for r in p], "sft": "small/sft.jsonl rows 0-11"}, runs)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["dpo", "losses", "reward", "sft", "smollm2"]
    for name in wanted: {"dpo": dpo, "losses": losses, "reward": reward, "sft": sft, "smollm2": smollm2}[name]()
