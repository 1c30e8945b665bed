"""GGUF by the gguf package: random blocks of every type with their values, and a tiny Llama written in six types.

Writes gguf_blocks.json (per type: bytes of a few blocks in hex and the fp32 values) and models/tiny_llama_gguf/: tiny.gguf (the tiny_llama
of tiny_models.py, its matrices in F32, F16, BF16, Q8_0, Q4_0 and Q4_1, q and k in GGUF's rotary order, the tokenizer inside) with
expected.json (every tensor in Hugging Face's layout) and expected.safetensors (logits by transformers on the dequantised weights)."""
import json
import shutil

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T
from safetensors.numpy import load_file
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import common
import smollm2_logits
import tiny_tokenizer


def blocks():
    """Bytes at random, except that the fp16 scales are kept finite and small."""
    rng = np.random.default_rng(11)
    scales = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.Q2_K: [80, 82], T.Q3_K: [108]}
    out = {}
    for kind in (T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        count = 32 if block == 1 else 3
        raw = rng.integers(0, 256, size=(count, size), dtype=np.uint8)
        if kind == T.F16: raw = np.array([0.0, -0.0, 1.0, -2.5, 65504.0, 6.1e-5, 5.96e-8, 0.333], np.float16).view(np.uint8).reshape(-1, 2)
        if kind == T.BF16: raw[:, 1] = (raw[:, 1] & 0x80) | 0x3D
        for at in scales.get(kind, []):
            raw[:, at:at + 2] = (rng.standard_normal(count) * 0.05).astype(np.float16).view(np.uint8).reshape(count, 2)
        data = raw.reshape(-1).view(np.float16) if kind == T.F16 else raw.reshape(-1)
        values = gguf.dequantize(data, kind).astype(np.float32).reshape(-1)
        assert np.isfinite(values).all() and len(values) == len(raw) * block
        out[kind.name] = {"type_id": int(kind), "block_values": block, "block_bytes": size, "hex": raw.tobytes().hex(), "values": common.shorts(values)}
    common.write_golden(common.GOLDEN / "gguf_blocks.json", common.provenance(__file__, ("gguf", "numpy"), "exact", "every value is a product and sum of fp32 numbers with one rounding each"), {"types": out})


KINDS = [T.Q4_1, T.Q8_0, T.F16, T.BF16, T.Q4_0, T.F32]


def tiny_file():
    source = common.MODELS / "tiny_llama"
    folder = common.MODELS / "tiny_llama_gguf"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = json.loads((source / "config.json").read_text())
    state = load_file(source / "model.safetensors")
    to_gguf = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    for name in state:
        for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "attn_norm", "ffn_norm"):
            for layer in range(config["num_hidden_layers"]):
                if smollm2_logits.huggingface_name(f"blk.{layer}.{part}.weight") == name: to_gguf[name] = f"blk.{layer}.{part}.weight"

    w = gguf.GGUFWriter(folder / "tiny.gguf", "llama")
    w.add_name("Tiny Llama"); w.add_context_length(config["max_position_embeddings"]); w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"]); w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"]); w.add_head_count_kv(config["num_key_value_heads"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"]); w.add_rope_freq_base(config["rope_theta"]); w.add_rope_dimension_count(16); w.add_vocab_size(config["vocab_size"])
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    pieces = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("gpt-2"); w.add_token_list(pieces)
    w.add_token_types([gguf.TokenType.CONTROL if p in tiny_tokenizer.SPECIALS else gguf.TokenType.NORMAL for p in pieces])
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_pad_token_id(0); w.add_unk_token_id(0); w.add_add_bos_token(False); w.add_chat_template(tiny_tokenizer.CHATML)
    matrices = 0
    for name in sorted(state, reverse=True):  # not in layer order, as in real files
        x = state[name]
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config["num_attention_heads" if ".q_proj." in name else "num_key_value_heads"]
            x = x.reshape(heads, 2, x.shape[0] // heads // 2, x.shape[1]).swapaxes(1, 2).reshape(x.shape)
        kind = T.F32 if x.ndim == 1 else KINDS[matrices % len(KINDS)]
        matrices += x.ndim == 2
        w.add_tensor(to_gguf[name], gguf.quantize(np.ascontiguousarray(x), kind), raw_dtype=kind)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

    read = smollm2_logits.read_gguf(folder / "tiny.gguf")
    for name, x in state.items():
        error = float(np.abs(read[name][2] - x).max())
        assert error < 0.12, (name, read[name][1], error)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source), attn_implementation="eager").eval()
    missing, unexpected = model.load_state_dict({n: torch.from_numpy(x) for n, (_, _, x) in read.items()}, strict=False)
    model.tie_weights()
    assert missing in ([], ["lm_head.weight"]) and not unexpected
    ids = json.loads((source / "expected.json").read_text())["input_ids"]
    with torch.no_grad(): logits = [model(torch.tensor([s])).logits[0] for s in ids]
    save_file({f"logits.{i}": l for i, l in enumerate(logits)}, folder / "expected.safetensors")
    for file in folder.iterdir(): file.chmod(0o644)
    common.write_golden(folder / "expected.json", common.provenance(__file__, ("gguf", "torch", "transformers"), {"tensors": "exact", "logits": "absolute 1e-5"}, "dequantised values are exact; logits are fp32 sums in another order"),
                        {"input_ids": ids, "logits_last": [common.shorts(l[-1, :8]) for l in logits], "tensors": {n: smollm2_logits.describe(*x) for n, x in read.items()}})


if __name__ == "__main__":
    blocks()
    tiny_file()
