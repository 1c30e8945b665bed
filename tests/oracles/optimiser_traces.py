"""AdamW, clipping and schedules by torch and transformers in fp64 (traces of every step), the literal bf16 setting, and the resizing of
embeddings to their mean."""
import copy

import torch
from transformers import AutoModelForCausalLM, get_scheduler

import common


def parameters(dtype):
    g = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter((torch.randn(s, generator=g, dtype=torch.float64) * 0.5).to(dtype)) for s in ((3, 2), (4,), (1,))]


def gradients(steps):
    g = torch.Generator().manual_seed(4)
    return [[torch.randn(s, generator=g, dtype=torch.float64) * (10.0 if k % 3 == 0 else 0.1) * (0.0 if i == 2 and k == 1 else 1.0) for i, s in enumerate(((3, 2), (4,), (1,)))] for k in range(steps)]


def flat(ps): return [float(v) for p in ps for v in p.detach().double().flatten()]


def trace(steps=8, *, lr=1e-2, decay=0.0, max_norm=1.0, schedule="linear", warmup=0, betas=(0.9, 0.999), eps=1e-8, dtype=torch.float64):
    ps = parameters(dtype)
    optimiser = torch.optim.AdamW(ps, lr=lr, betas=betas, eps=eps, weight_decay=decay, fused=dtype == torch.bfloat16)
    scheduler = get_scheduler(schedule, optimiser, num_warmup_steps=warmup, num_training_steps=steps)
    rows, start = [], flat(ps)
    for grads in gradients(steps):
        for p, g in zip(ps, grads): p.grad = g.to(dtype)
        norm = torch.nn.utils.clip_grad_norm_(ps, max_norm)
        used = scheduler.get_last_lr()[0]
        optimiser.step(); scheduler.step()
        rows.append({"learning_rate": used, "grad_norm": float(norm), "parameters": flat(ps)})
    return {"settings": {"steps": steps, "learning_rate": lr, "weight_decay": decay, "max_grad_norm": max_norm, "schedule": schedule, "warmup_steps": warmup, "beta1": betas[0], "beta2": betas[1],
                         "epsilon": eps, "dtype": str(dtype).removeprefix("torch.")}, "start": start, "steps": rows}


def schedules():
    def values(kind, total, warmup):
        o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        s = get_scheduler(kind, o, num_warmup_steps=warmup, num_training_steps=total)
        out = []
        for _ in range(total): out.append(s.get_last_lr()[0]); o.step(); s.step()
        return out
    return [{"schedule": k, "total": t, "warmup": w, "factors": values(k, t, w)} for k in ("linear", "cosine", "constant_with_warmup") for t, w in ((7, 0), (10, 3), (1, 0), (5, 5))]


def resized(name, add):
    model = AutoModelForCausalLM.from_pretrained(common.MODELS / name, dtype=torch.float32)
    out = {"model": f"models/{name}", "added": add}
    tables = {"model.embed_tokens.weight": model.get_input_embeddings().weight}
    if not model.config.tie_word_embeddings: tables["lm_head.weight"] = model.get_output_embeddings().weight
    old = {k: v.detach().clone() for k, v in tables.items()}
    torch.manual_seed(1)
    model.resize_token_embeddings(320 + add, pad_to_multiple_of=64, mean_resizing=True)
    new = {"model.embed_tokens.weight": model.get_input_embeddings().weight.detach(), "lm_head.weight": model.get_output_embeddings().weight.detach()}
    out["rows"] = len(new["model.embed_tokens.weight"])
    out["config_vocab_size"] = model.config.vocab_size
    out["tensors"] = {}
    for k, o in old.items():
        mean = o.mean(0, dtype=torch.float32)
        centred = (o - mean).double()
        sigma = (1e-9 * (centred.T @ centred / len(o)))
        sample = new[k][len(o):]
        assert torch.equal(new[k][:len(o)], o)
        out["tensors"][k] = {"mean": common.shorts(mean), "std_per_column": common.shorts(sigma.diagonal().sqrt()), "noise": bool((sample != mean).any()),
                             "largest_deviation_seen": common.short((sample - mean).abs().max()), "rows_sampled": len(sample)}
    return out


if __name__ == "__main__":
    b = torch.bfloat16
    common.write_golden(common.GOLDEN / "optimiser.json", common.provenance(__file__, ("torch", "transformers"), {"traces": "relative 1e-12 in fp64; the bfloat16 trace exact or one unit in the last place",
                        "resizing": "old rows exact, new rows within five `std_per_column` of `mean`"}, "fp64 arithmetic; the noise of new rows is random by definition"),
                        {"gradients": [[float(v) for g in gs for v in g.flatten()] for gs in gradients(8)], "shapes": [[3, 2], [4], [1]],
                         "traces": [trace(), trace(decay=0.1), trace(schedule="cosine", warmup=3), trace(max_norm=1e9), trace(betas=(0.8, 0.95), eps=1e-3), trace(dtype=b), trace(lr=1e-4, dtype=b)],
                         "schedules": schedules(), "resizing": [resized("tiny_llama", 3), resized("tiny_llama_switches", 3), resized("tiny_llama", 64), resized("tiny_qwen2", 65)]})
