"""Tiny random models with every configuration switch on somewhere, their logits and their gradients by transformers (eager, fp32).

Each folder tests/golden/models/NAME is a complete Hugging Face folder with
  config.json, config.respelled.json   the same model in both spellings of the rope fields (rope_theta + rope_scaling against
                                       rope_parameters, torch_dtype against dtype); this script checks that both give equal bits
  expected.safetensors                 logits.0, logits.1 [T, V] of two token sequences run one by one, and grad.NAME of every parameter
                                       for the mean negative log-likelihood of all next tokens of both sequences
  expected.json                        token ids, loss, gradient norms, and a few of the same numbers in readable form

tiny_llama_rm is a reward model: scores.0, scores.1 [T] hold the head's value at every position, `rewards` the pooled ones (last token that
is not padding), and the gradients are those of -log sigmoid(reward of sequence 0 - reward of sequence 1).

usage: tiny_models.py [NAME...]"""
import json
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

import common
import tiny_tokenizer

V = tiny_tokenizer.VOCABULARY
IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}


def llama(**kw):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": V, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 1024,
            "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "initializer_range": 0.02, **IDS, **kw}


def old(theta, scaling=None, **kw):
    return {"rope_theta": theta, "rope_scaling": scaling, "torch_dtype": "float32", **kw}


def new(theta, scaling=None, **kw):
    return {"rope_parameters": {"rope_theta": theta, **(scaling or {"rope_type": "default"})}, "dtype": "float32", **kw}


GEMMA = {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": V, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 7,
         "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 12, "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6, "max_position_embeddings": 1024,
         "sliding_window": 6, "query_pre_attn_scalar": 20, "tie_word_embeddings": True, "attention_bias": False, "final_logit_softcapping": None,
         "attn_logit_softcapping": None, "initializer_range": 0.02, **IDS}
LINEAR8 = {"rope_type": "linear", "factor": 8.0}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": False, "use_sliding_window": False, "sliding_window": 8, "max_window_layers": 2}
QWEN3 = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": None, "max_window_layers": 2,
         "head_dim": 12}


def without(config, *keys):
    return {k: v for k, v in config.items() if k not in keys}


# name -> (config.json, config.respelled.json, type of the stored weights, seed, shards)
SPECS = {
    "tiny_llama": (llama(hidden_size=64, intermediate_size=128, **old(10000.0)), llama(hidden_size=64, intermediate_size=128, head_dim=16, **new(10000.0)), "F32", 1, 1),
    "tiny_llama_switches": (llama(tie_word_embeddings=False, attention_bias=True, mlp_bias=True, head_dim=12, **old(500000.0, LLAMA3)),
                            llama(tie_word_embeddings=False, attention_bias=True, mlp_bias=True, head_dim=12, **new(500000.0, LLAMA3)), "F32", 2, 1),
    "tiny_llama_llama3": (llama(num_key_value_heads=1, **new(10000.0, LLAMA3)), llama(num_key_value_heads=1, **old(10000.0, LLAMA3)), "BF16", 3, 1),
    "tiny_llama_linear": (llama(num_key_value_heads=4, **old(10000.0, {"type": "linear", "factor": 4.0})), llama(num_key_value_heads=4, **new(10000.0, {"rope_type": "linear", "factor": 4.0})), "F16", 4, 1),
    "tiny_qwen2": ({**without(llama(**old(1000000.0)), "attention_bias", "mlp_bias"), **QWEN2},
                   {**without(llama(**new(1000000.0)), "attention_bias", "mlp_bias"), **QWEN2, "layer_types": ["full_attention"] * 2}, "F32", 5, 1),
    "tiny_qwen3": ({**without(llama(**new(1000000.0)), "mlp_bias"), **QWEN3, "layer_types": ["full_attention"] * 2}, {**without(llama(**old(1000000.0)), "mlp_bias"), **QWEN3}, "F32", 6, 3),
    "tiny_gemma3": ({**GEMMA, **old(1000000.0, LINEAR8), "rope_local_base_freq": 10000.0, "sliding_window_pattern": 6},
                    {**GEMMA, "rope_parameters": {"full_attention": {"rope_theta": 1000000.0, **LINEAR8}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},
                     "layer_types": ["full_attention" if (i + 1) % 6 == 0 else "sliding_attention" for i in range(7)], "_sliding_window_pattern": 6, "dtype": "float32"}, "F32", 7, 1),
}
REWARD = {"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
SPECS["tiny_llama_rm"] = ({**llama(**old(10000.0)), **REWARD}, {**llama(**new(10000.0)), **REWARD}, "F32", 8, 1)
STORED = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def randomise(model, seed, stored):
    """Weights wide enough that nothing is negligible; rounded to the stored type, so that a file in BF16 or F16 holds them exactly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name: value = (0.0 if model.config.model_type.startswith("gemma3") else 1.0) + 0.3 * noise
            elif name.endswith("bias"): value = 0.3 * noise
            else: value = 0.2 * noise
            p.copy_(value.to(stored).float())


def sequences(seed):
    generator = torch.Generator().manual_seed(100 + seed)
    return [torch.randint(3, V, (n,), generator=generator).tolist() for n in (29, 17)]


def save_weights(folder, model, stored, shards):
    state = {k: v.detach().to(stored).contiguous() for k, v in model.named_parameters()}
    if shards == 1:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(state)
    weight_map = {}
    for k in range(shards):
        part = names[k::shards]
        file = f"model-{k + 1:05d}-of-{shards:05d}.safetensors"
        save_file({n: state[n] for n in part}, folder / file, metadata={"format": "pt"})
        weight_map.update({n: file for n in part})
    index = {"metadata": {"total_size": sum(v.numel() * v.element_size() for v in state.values()), "total_parameters": sum(v.numel() for v in state.values())},
             "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def auto_class(config):
    return AutoModelForSequenceClassification if "id2label" in config else AutoModelForCausalLM


def load(folder):
    config = json.loads((folder / "config.json").read_text())
    return auto_class(config).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def next_token_loss(ids, logits):
    nll = [torch.nn.functional.cross_entropy(l[:-1], torch.tensor(s[1:]), reduction="none") for l, s in zip(logits, ids)]
    readable = {"log_probs": [common.shorts(-n.detach()) for n in nll], "logits_std": common.short(torch.cat(logits).std()),
                "logits_last": [common.shorts(l[-1, :8].tolist()) for l in logits]}
    return torch.cat(nll).mean(), readable, {f"logits.{i}": l.detach() for i, l in enumerate(logits)}


def reward_loss(model, ids, rewards):
    chosen, rejected = (r.squeeze() for r in rewards)
    with torch.no_grad(): positions = [model.score(model.model(torch.tensor([s])).last_hidden_state[0]).squeeze(-1) for s in ids]
    readable = {"rewards": common.shorts([chosen.item(), rejected.item()])}
    return -torch.nn.functional.logsigmoid(chosen - rejected), readable, {f"scores.{i}": p.contiguous() for i, p in enumerate(positions)}


def make(name):
    config, respelled, stored, seed, shards = SPECS[name]
    folder = common.MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tiny_tokenizer.save(folder)
    generation = {**IDS, "eos_token_id": [2, 0], "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    write_config = lambda c, file="config.json": (folder / file).write_text(json.dumps(c, indent=2) + "\n")
    ids = sequences(seed)

    write_config(respelled)
    model = auto_class(config).from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    randomise(model, seed, STORED[stored])
    save_weights(folder, model, STORED[stored], shards)
    with torch.no_grad(): other = [load(folder)(torch.tensor([s])).logits[0] for s in ids]

    write_config({**config, "torch_dtype" if "torch_dtype" in config else "dtype": {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}[stored]})
    write_config(respelled, "config.respelled.json")
    model = load(folder)
    logits = [model(torch.tensor([s])).logits[0] for s in ids]
    for a, b in zip(logits, other): assert torch.equal(a, b), f"{name}: the two spellings of the config disagree"
    if "id2label" in config: loss, own, tensors = reward_loss(model, ids, logits)
    else: loss, own, tensors = next_token_loss(ids, logits)
    loss.backward()
    grads = {k: p.grad for k, p in model.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() and g.norm() > 0 for g in grads.values()), name
    save_file({**tensors, **{f"grad.{k}": g for k, g in grads.items()}}, folder / "expected.safetensors")

    # does every switch matter? logits must move when rope scaling, window or query scale is taken away
    tok = AutoTokenizer.from_pretrained(folder)
    text = tok.apply_chat_template([{"role": "user", "content": "Why is 1 not 12?"}], tokenize=False, add_generation_prompt=True)
    body = {
        "model": name, "weights": stored, "shards": shards, "parameters": sum(p.numel() for p in model.parameters()), "input_ids": ids,
        "loss": common.short(loss), **own, "grad_norm": common.short(torch.stack([g.norm() for g in grads.values()]).norm()),
        "gradients": {k: {"shape": list(g.shape), "norm": common.short(g.norm()), "first": common.shorts(g.flatten()[:4].tolist())} for k, g in grads.items()},
        "rendered": {"text": text, "ids": tok(text, add_special_tokens=False)["input_ids"]},
    }
    head = common.provenance(__file__, ("torch", "transformers", "tokenizers", "safetensors"), {"logits": "absolute 1e-5", "gradients": "1e-5 of the parameter's gradient norm"},
                             "fp32 sums in another order; logits have a standard deviation of one to two")
    for file in folder.iterdir(): file.chmod(0o644)
    common.write_golden(folder / "expected.json", head, body)


def check_switches():
    """Take one switch away at a time: the logits must move, else the golden file would not notice a reader that ignores it."""
    def moved(name, change):
        config = json.loads((common.MODELS / name / "config.json").read_text())
        change(config)
        cls = AutoConfig.for_model(**config)
        model, ids = load(common.MODELS / name), torch.tensor([sequences(SPECS[name][3])[0]])
        other = AutoModelForCausalLM.from_config(cls, attn_implementation="eager").eval()
        other.load_state_dict(model.state_dict(), strict=False)
        if config["tie_word_embeddings"]: other.tie_weights()
        with torch.no_grad(): return float((model(ids).logits - other(ids).logits).abs().max())
    for name, label, change in (
            ("tiny_llama", "nothing (must be 0)", lambda c: None),
            ("tiny_llama_switches", "llama3 scaling", lambda c: c.update(rope_scaling=None)),
            ("tiny_llama_switches", "rope_theta", lambda c: c.update(rope_theta=10000.0)),
            ("tiny_llama_llama3", "llama3 scaling", lambda c: c["rope_parameters"].update(rope_type="default")),
            ("tiny_llama_llama3", "high_freq_factor", lambda c: c["rope_parameters"].update(high_freq_factor=2.0)),
            ("tiny_llama_linear", "linear scaling", lambda c: c.update(rope_scaling=None)),
            ("tiny_llama_linear", "rms_norm_eps", lambda c: c.update(rms_norm_eps=1e-3)),
            ("tiny_gemma3", "sliding window", lambda c: c.update(sliding_window=64)),
            ("tiny_gemma3", "linear scaling of full layers", lambda c: c.update(rope_scaling=None)),
            ("tiny_gemma3", "local rope base", lambda c: c.update(rope_local_base_freq=1000000.0)),
            ("tiny_gemma3", "layer pattern", lambda c: c.update(sliding_window_pattern=3)),
            ("tiny_gemma3", "query_pre_attn_scalar", lambda c: c.update(query_pre_attn_scalar=12))):
        print(f"  without {label} of {name}, logits move by {moved(name, change):.3g}")


if __name__ == "__main__":
    torch.set_num_threads(2)
    for name in sys.argv[1:] or SPECS: make(name)
    if not sys.argv[1:]: check_switches()
