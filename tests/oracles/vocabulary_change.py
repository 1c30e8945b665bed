"""The vocabulary change before SFT, by transformers: ChatML's two tokens and PAD added where they are missing, rows grown to a multiple of 64.

Four base tokenizers stand for the cases: base_bos_eos (BOS and EOS of its own, no PAD, BOS put in front by the post-processor, as Llama 3),
base_bare (no special token at all), base_chatml (has the ChatML tokens, EOS is <|endoftext|>, no PAD, as SmolLM2's base), base_complete
(nothing to add). The rule: BOS and EOS are the base's, else <|im_start|> and <|im_end|>; the ids are added in the order <|im_start|>,
<|im_end|>, PAD. models/tiny_base is a whole model folder with the first tokenizer: 319 tokens, 320 rows, head not tied.
Writes vocabulary/CASE/ (the base tokenizers) and vocabulary.json (what the changed ones must give)."""
import json
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import common
import tiny_models
import tiny_tokenizer

PAD = "<|pad|>"
CASES = {
    "base_bos_eos": {"specials": ["<|begin|>", "<|end|>"], "bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": None, "post_bos": True, "size": 319},
    "base_bare": {"specials": [], "bos_token": None, "eos_token": None, "pad_token": None, "post_bos": False, "size": 300},
    "base_chatml": {"specials": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": None, "post_bos": False, "size": 320},
    "base_complete": {"specials": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"], "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|pad|>", "post_bos": False, "size": 320},
}
TEXTS = ["Wrap the loaf in linen.", "<|im_start|>user\nWhich one?<|im_end|>\n", "a<|im_end|>b", "<|im_start|><|im_start|>  <|pad|>x", "tail <|im_end|>"]
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What makes the sea salt?"}, {"role": "assistant", "content": " Rivers do.\n"}]


def base(folder, case):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([tiny_tokenizer.TEXT], trainers.BpeTrainer(vocab_size=case["size"], special_tokens=case["specials"], show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    if case["post_bos"]:
        bos = case["bos_token"]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    assert tokenizer.get_vocab_size() == case["size"]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, "model_max_length": 1024, **{k: case[k] for k in ("bos_token", "eos_token", "pad_token") if case[k]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def change(folder):
    """The rule, carried out by transformers' own calls."""
    tok = AutoTokenizer.from_pretrained(folder)
    before = len(tok)
    known = tok.get_vocab()
    missing = [t for t in ("<|im_start|>", "<|im_end|>") if t not in known]
    tok.add_special_tokens({"extra_special_tokens": [AddedToken(t, special=True, normalized=False) for t in ("<|im_start|>", "<|im_end|>")]} if missing else {})
    if tok.bos_token is None: tok.bos_token = "<|im_start|>"
    if tok.eos_token is None: tok.eos_token = "<|im_end|>"
    if tok.pad_token is None: tok.add_special_tokens({"pad_token": AddedToken(PAD, special=True, normalized=False)})
    tok.chat_template = tiny_tokenizer.CHATML
    added = {t: i for t, i in sorted(tok.get_vocab().items(), key=lambda x: x[1]) if i >= before}
    rows = lambda old: max(old, -(-len(tok) // 64) * 64)
    with tempfile.TemporaryDirectory() as saved:
        tok.save_pretrained(saved)
        again = AutoTokenizer.from_pretrained(saved)
    ids = lambda t, text, special: t(text, add_special_tokens=special)["input_ids"]
    for text in TEXTS: assert ids(tok, text, True) == ids(again, text, True)
    im_end = tok.convert_tokens_to_ids("<|im_end|>")
    return tok, {"size_before": before, "added": added, "size": len(tok), "rows_from_equal_size": rows(0), "bos": [tok.bos_token, tok.bos_token_id], "eos": [tok.eos_token, tok.eos_token_id],
                 "pad": [tok.pad_token, tok.pad_token_id], "generation_eos_token_id": list(dict.fromkeys([im_end, tok.eos_token_id])),
                 "texts": [{"text": t, "ids": ids(tok, t, True), "ids_without_special": ids(tok, t, False)} for t in TEXTS],
                 "chat": {"messages": CHAT, "text": tok.apply_chat_template(CHAT, tokenize=False), "ids": tok.apply_chat_template(CHAT)["input_ids"],
                          "prompt_ids": tok.apply_chat_template(CHAT[:2], add_generation_prompt=True)["input_ids"]}}


def tiny_base():
    folder = common.MODELS / "tiny_base"
    shutil.rmtree(folder, ignore_errors=True)
    base(folder, CASES["base_bos_eos"])
    config = {**tiny_models.llama(tie_word_embeddings=False, **tiny_models.old(10000.0)), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": None}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 0, "eos_token_id": 1}, indent=2) + "\n")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    tiny_models.randomise(model, 9, torch.float32)
    save_file({k: v.detach().contiguous() for k, v in model.named_parameters()}, folder / "model.safetensors", metadata={"format": "pt"})
    for file in folder.iterdir(): file.chmod(0o644)
    tok, out = change(folder)
    old = {"model.embed_tokens.weight": model.get_input_embeddings().weight.detach().clone(), "lm_head.weight": model.get_output_embeddings().weight.detach().clone()}
    torch.manual_seed(2)
    model.resize_token_embeddings(len(tok), pad_to_multiple_of=64, mean_resizing=True)
    new = {"model.embed_tokens.weight": model.get_input_embeddings().weight.detach(), "lm_head.weight": model.get_output_embeddings().weight.detach()}
    tensors = {}
    for k, o in old.items():
        mean = o.mean(0)
        assert torch.equal(new[k][:320], o)
        tensors[k] = {"old_rows": 320, "rows": len(new[k]), "mean": common.shorts(mean), "std_per_column": common.shorts(((o - mean).double().pow(2).mean(0) * 1e-9).sqrt())}
    return {"model": "models/tiny_base", "config_vocab_size": model.config.vocab_size, **out, "tensors": tensors}


if __name__ == "__main__":
    torch.set_num_threads(1)
    cases = {}
    for name, case in CASES.items():
        base(common.GOLDEN / "vocabulary" / name, case)
        cases[name] = change(common.GOLDEN / "vocabulary" / name)[1]
        print(name, cases[name]["added"], cases[name]["size"], cases[name]["bos"], cases[name]["eos"], cases[name]["pad"])
    common.write_golden(common.GOLDEN / "vocabulary.json", common.provenance(__file__, ("transformers", "tokenizers", "torch"), "ids exact; new rows within five `std_per_column` of `mean`, old rows bit-equal", "new rows are noise by definition"),
                        {"template": tiny_tokenizer.CHATML, "cases": cases, "model": tiny_base()})
