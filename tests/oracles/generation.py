"""Greedy continuations and the distributions that sampling draws from, by transformers.

Writes generation.json: `tiny` (32 greedy tokens of every tiny causal model, end-of-turn ignored), `smollm2` (three chats, up to 64 tokens,
stopping at <|im_end|>), each with the log-probability of every token and the smallest gap between the best and the second-best logit, so
that a test can tell rounding from error; and `processed`: probabilities after repetition penalty, temperature, top-k and top-p."""
import json

import torch
from transformers import (AutoModelForCausalLM, AutoTokenizer, LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

import common

CHATS = [
    [{"role": "user", "content": "Name three things that float on water."}],
    [{"role": "system", "content": "You answer in one short sentence."}, {"role": "user", "content": "Why is the sky blue?"}],
    [{"role": "user", "content": "What is 7 times 8?"}, {"role": "assistant", "content": "56"}, {"role": "user", "content": "And plus 4?"}],
]


def greedy(model, ids, tokens, stop):
    """Plain argmax one token at a time with the model's cache; no generate(), whose defaults change."""
    out, logps, gaps, past, step = [], [], [], None, torch.tensor([ids])
    with torch.no_grad():
        while len(out) < tokens:
            r = model(step, past_key_values=past, use_cache=True)
            past, l = r.past_key_values, r.logits[0, -1]
            top = torch.topk(l, 2)
            token = top.indices[0].item()
            out.append(token); logps.append(common.short(torch.log_softmax(l.double(), -1)[token])); gaps.append((top.values[0] - top.values[1]).item())
            if token in stop: break
            step = torch.tensor([[token]])
    return {"ids": out, "log_probs": logps, "smallest_gap": common.short(min(gaps))}


def tiny():
    out = []
    for folder in sorted(common.MODELS.iterdir()):
        expected = json.loads((folder / "expected.json").read_text())
        if folder.name in ("tiny_llama_rm", "tiny_llama_gguf") or not (folder / "config.json").is_file(): continue
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        for ids in expected["input_ids"]: out.append({"model": f"models/{folder.name}", "prompt_ids": ids, **greedy(model, ids, 32, ())})
    return out


def smollm2():
    tok = AutoTokenizer.from_pretrained(common.smollm2_folder())
    model = AutoModelForCausalLM.from_pretrained(common.smollm2_folder(), dtype=torch.float32, attn_implementation="eager").eval()
    out = []
    for messages in CHATS:
        ids = tok.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
        r = greedy(model, ids, 64, (tok.eos_token_id,))
        out.append({"messages": messages, "prompt_ids": ids, **r, "text": tok.decode(r["ids"], skip_special_tokens=True), "finish_reason": "stop" if r["ids"][-1] == tok.eos_token_id else "length"})
        print(repr(out[-1]["text"]), out[-1]["smallest_gap"])
    return out


def processed():
    g = torch.Generator().manual_seed(6)
    logits = [torch.randn(48, generator=g) * 2.5, torch.randn(48, generator=g) * 0.3, torch.cat([torch.full((8,), 3.0), torch.full((40,), 1.0)])]
    context = [5, 17, 17, 40, 2, 0]
    settings = [dict(), dict(temperature=0.4), dict(top_k=40), dict(top_k=5), dict(top_k=1), dict(top_p=0.95), dict(top_p=0.5), dict(top_p=0.01), dict(repetition_penalty=1.3), dict(repetition_penalty=0.8),
                dict(temperature=0.4, top_k=40, top_p=0.95, repetition_penalty=1.0), dict(temperature=1.7, top_k=12, top_p=0.8, repetition_penalty=1.2), dict(temperature=0.05, top_p=0.9)]
    cases = []
    for row, l in enumerate(logits):
        for s in settings:
            chain = LogitsProcessorList()
            if s.get("repetition_penalty", 1.0) != 1.0: chain.append(RepetitionPenaltyLogitsProcessor(s["repetition_penalty"]))
            if s.get("temperature", 1.0) != 1.0: chain.append(TemperatureLogitsWarper(s["temperature"]))
            if s.get("top_k", 0): chain.append(TopKLogitsWarper(s["top_k"]))
            if s.get("top_p", 1.0) < 1.0: chain.append(TopPLogitsWarper(s["top_p"]))
            p = torch.softmax(chain(torch.tensor([context]), l[None].clone()).double(), -1)[0]
            cases.append({"logits_row": row, **s, "probabilities": {str(i): common.short(v) for i, v in enumerate(p.tolist()) if v > 0}})
    return {"order": "repetition penalty, temperature, top-k, top-p, each on the result of the one before", "context": context, "logits": [common.shorts(l) for l in logits], "cases": cases}


if __name__ == "__main__":
    common.write_golden(common.GOLDEN / "generation.json", common.provenance(__file__, ("torch", "transformers", "tokenizers"), {"ids": "exact where smallest_gap is above 1e-3", "log_probs": "absolute 1e-4", "probabilities": "absolute 1e-6"},
                        "fp32 sums in another order; row 2 of `processed` has equal logits: top-k keeps every token equal to the k-th, and which of the equal ones top-p keeps is an accident of the sort (compare counts there)"), {"processed": processed(), "tiny": tiny(), "smollm2": smollm2()})
