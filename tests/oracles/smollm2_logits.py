"""SmolLM2-135M-Instruct in fp32 by transformers: logits of a few texts, and every dequantised tensor by the gguf package.

Writes smollm2_logits.json (per text: ids, the log-probability of every next token, and at some positions the log-sum-exp, the twenty
largest logits and a fixed selection) and smollm2_tensors.json (per tensor: both names, shape, sums, samples and the SHA-256 of its
fp32 bytes in Hugging Face's layout, that is after the rotary permutation of q and k is undone)."""
import hashlib

import gguf
import numpy as np
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

import common

SELECTED = [0, 1, 2, 28, 198, 216, 253, 284, 339, 504, 1000, 2048, 4096, 7826, 12000, 19999, 24576, 33333, 41000, 49151]
TEXTS = {
    "question": "What is the capital of France?",
    "list": "Three rivers:\n\n1. the Danube, 2857 km\n2. the Elbe, 1094 km\n3. the Oder, 840 km\n\n",
    "code": "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n\nassert gcd(84, 36) == 12\n",
    "languages": "Der Garten ist still. Le jardin est calme. 庭は静かだ。Сад тих. 🌱",
    "long": " ".join(f"On day {i} the keeper wrote: wind from the {w}, sea {s}, {i * 7 % 13} ships passed." for i, (w, s) in
                     enumerate([(w, s) for w in ("north", "south-west", "east") for s in ("calm", "rough", "high")], 1)),
}


def chat(tok):
    return tok.apply_chat_template([{"role": "user", "content": "Which is heavier, a litre of oil or a litre of water?"},
                                    {"role": "assistant", "content": "Water: oil floats on it."}], tokenize=False)


def logits():
    tok = AutoTokenizer.from_pretrained(common.smollm2_folder())
    model = AutoModelForCausalLM.from_pretrained(common.smollm2_folder(), dtype=torch.float32, attn_implementation="eager").eval()
    rows = []
    for name, text in {**TEXTS, "chat": chat(tok)}.items():
        ids = tok(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad(): l = model(torch.tensor([ids])).logits[0]
        lse = torch.logsumexp(l.double(), -1)
        positions = sorted({0, 1, len(ids) // 3, 2 * len(ids) // 3, len(ids) - 2, len(ids) - 1})
        at = []
        for p in positions:
            top = torch.topk(l[p], 20)
            at.append({"position": p, "log_sum_exp": common.short(lse[p]), "top_ids": top.indices.tolist(), "top_logits": common.shorts(top.values), "selected_logits": common.shorts(l[p, SELECTED])})
        rows.append({"name": name, "text": text, "ids": ids, "next_log_probs": common.shorts((l[:-1].double().gather(1, torch.tensor(ids[1:])[:, None])[:, 0] - lse[:-1])), "positions": at})
        print(name, len(ids), "tokens")
    common.write_golden(common.GOLDEN / "smollm2_logits.json",
                        common.provenance(__file__, ("torch", "transformers", "tokenizers", "gguf"), "absolute 1e-4", "thirty layers of fp32 sums in another order; logits reach 30"),
                        {"selected_ids": SELECTED, "texts": rows})


def huggingface_name(name):
    parts = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
             "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    if name.startswith("blk."):
        _, layer, part, _ = name.split(".")
        return f"model.layers.{layer}.{parts[part]}.weight"
    return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}[name]


def unpermute(w, heads):
    """Rows of q and k from GGUF's interleaved rotary pairs to Hugging Face's halves."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def read_gguf(path):
    """{Hugging Face name: (GGUF name, GGUF type, fp32 array)} in the file's order."""
    reader = GGUFReader(path)
    heads = reader.get_field("llama.attention.head_count").contents()
    kv_heads = reader.get_field("llama.attention.head_count_kv").contents()
    out = {}
    for t in reader.tensors:
        w = gguf.dequantize(t.data, t.tensor_type).astype(np.float32).reshape(tuple(int(d) for d in reversed(t.shape)))
        if t.name.endswith("attn_q.weight"): w = unpermute(w, heads)
        if t.name.endswith("attn_k.weight"): w = unpermute(w, kv_heads)
        out[huggingface_name(t.name)] = (t.name, t.tensor_type.name, np.ascontiguousarray(w))
    return out


def describe(gguf_name, kind, w):
    flat = w.reshape(-1)
    return {"gguf": gguf_name, "type": kind, "shape": list(w.shape), "sum": float(flat.sum(dtype=np.float64)), "abs_sum": float(np.abs(flat).sum(dtype=np.float64)),
            "first": common.shorts(flat[:4]), "last": common.shorts(flat[-2:]), "sha256": hashlib.sha256(w.astype("<f4").tobytes()).hexdigest()}


def tensors():
    from safetensors.numpy import load_file
    read = read_gguf(common.smollm2_gguf())
    theirs = load_file(common.smollm2_folder() / "model.safetensors")
    assert sorted(read) == sorted(theirs)
    for name, (_, _, w) in read.items(): assert np.array_equal(w.view(np.uint32), theirs[name].view(np.uint32)), name
    common.write_golden(common.GOLDEN / "smollm2_tensors.json",
                        common.provenance(__file__, ("gguf", "transformers", "numpy"), "exact", "dequantisation in fp32 has one result; transformers' own reading equals the gguf package's bit for bit"),
                        {"file_sha256": hashlib.sha256(common.smollm2_gguf().read_bytes()).hexdigest(), "tensors": {n: describe(*x) for n, x in read.items()}})


if __name__ == "__main__":
    torch.set_num_threads(2)
    tensors()
    logits()
