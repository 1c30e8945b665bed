"""The peer of training_bench: TRL on the CPU, fp32, at the flags that are fastest there (two pairs a micro-batch, no activation
checkpointing, the reference on line: a table costs the same forwards, and once a format). One JSON object on the last line.

usage: training_peer.py dpo|reward|sft MODEL ROWS.jsonl STEPS EXAMPLES_A_STEP THREADS LEARNING_RATE"""
import json
import os
import resource
import sys
import tempfile
import time

kind, model, path, steps, examples, threads, rate = sys.argv[1:8]
steps, examples, threads, rate = int(steps), int(examples), int(threads), float(rate)
os.environ.update({"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"})
import torch  # noqa: E402

torch.set_num_threads(threads)
import transformers  # noqa: E402
import trl  # noqa: E402
from datasets import Dataset, disable_progress_bars  # noqa: E402

disable_progress_bars()
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
MICRO = 2
rows = [json.loads(line) for line in open(path, encoding="utf-8")][: steps * examples]
assert len(rows) == steps * examples and examples % MICRO == 0, (len(rows), steps, examples)
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
if tokenizer.pad_token is None: tokenizer.pad_token = tokenizer.eos_token
settings = dict(output_dir=tempfile.mkdtemp(prefix="training_peer_"), per_device_train_batch_size=MICRO, gradient_accumulation_steps=examples // MICRO, num_train_epochs=1, learning_rate=rate,
                lr_scheduler_type="linear", warmup_steps=0, logging_steps=1, report_to="none", save_strategy="no", bf16=False, fp16=False, gradient_checkpointing=False, use_cpu=True, seed=0,
                max_length=1024, disable_tqdm=True)
load = lambda kind, **kw: kind.from_pretrained(model, dtype=torch.float32, **kw)
if kind == "dpo":
    policy, base, config = load(transformers.AutoModelForCausalLM), trl.DPOTrainer, trl.DPOConfig(beta=0.22, **settings)
    extra, columns = {"ref_model": load(transformers.AutoModelForCausalLM)}, ("prompt", "chosen", "rejected")
elif kind == "reward":
    policy, base, config = load(transformers.AutoModelForSequenceClassification, num_labels=1), trl.RewardTrainer, trl.RewardConfig(**settings)
    policy.config.pad_token_id = tokenizer.pad_token_id
    extra, columns = {}, ("prompt", "chosen", "rejected")
else:
    policy, base, config = load(transformers.AutoModelForCausalLM), trl.SFTTrainer, trl.SFTConfig(completion_only_loss=True, shuffle_dataset=False, **settings)
    extra, columns = {}, ("prompt", "completion")


class FileOrder(base):
    def _get_train_sampler(self, *a, **k): return torch.utils.data.SequentialSampler(self.train_dataset)


class Log(transformers.TrainerCallback):
    def __init__(self): self.steps = []
    def on_log(self, args, state, control, logs=None, **k):
        if "loss" in logs: self.steps.append({"loss": logs["loss"], "grad_norm": float(logs["grad_norm"])})
    def on_train_begin(self, *a, **k): self.wall, self.cpu = time.time(), time.process_time()
    def on_train_end(self, *a, **k): self.wall, self.cpu = time.time() - self.wall, time.process_time() - self.cpu


class Count:
    """The trainer's own collator; how many positions it makes, padding included."""
    def __init__(self, inner): self.inner, self.slots, self.tokens = inner, 0, 0
    def __call__(self, batch):
        made = self.inner(batch)
        self.slots += made["input_ids"].numel()
        self.tokens += int(made["attention_mask"].sum()) if "attention_mask" in made else made["input_ids"].numel()
        return made


def sgemm():
    """2 n^3 operations of the best of three products, GFLOP/s."""
    n, best = 2048, 1e9
    a = torch.randn(n, n)
    a @ a
    for _ in range(3):
        begin = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begin)
    return 2 * n**3 / best / 1e9


peak = [sgemm()]
log = Log()
trainer = FileOrder(model=policy, args=config, train_dataset=Dataset.from_list([{k: r[k] for k in columns} for r in rows]), processing_class=tokenizer, callbacks=[log], **extra)
trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
trainer.data_collator = count = Count(trainer.data_collator)
kept = len(trainer.train_dataset)
trainer.train()
peak.append(sgemm())
print(json.dumps({"examples": kept, "seconds": log.wall, "core_seconds": log.cpu, "tokens": count.tokens, "slots": count.slots, "steps": log.steps, "sgemm_gflops": peak,
                  "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "versions": {m.__name__: m.__version__ for m in (torch, transformers, trl)}}))
