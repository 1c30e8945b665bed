"""Does transformers load a folder that Ballot wrote, completely and without complaint? Prints what it found; exit code 1 if not.

usage: load_saved_folder.py DIR [--ids 5,6,7] [--expect FILE.json]   FILE: {"ids": [...], "last_logits": [...]} or {"ids": [...], "reward": x}"""
import argparse
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, GenerationConfig

import common  # noqa: F401  (sets the offline switches)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder"); p.add_argument("--ids", default="5,6,7,8"); p.add_argument("--expect")
    a = p.parse_args()
    config = json.loads((pathlib.Path(a.folder) / "config.json").read_text())
    reward = "SequenceClassification" in config["architectures"][0]
    cls = AutoModelForSequenceClassification if reward else AutoModelForCausalLM
    model, info = cls.from_pretrained(a.folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    problems = {k: sorted(map(str, v)) for k, v in info.items() if v}
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    if set(problems.get("missing_keys", [])) <= tied: problems.pop("missing_keys", None)
    tok = AutoTokenizer.from_pretrained(a.folder)
    print(type(model).__name__, sum(p.numel() for p in model.parameters()), "parameters,", len(tok), "tokens,", model.get_input_embeddings().weight.shape[0], "rows")
    print("bos", tok.bos_token, tok.bos_token_id, "eos", tok.eos_token, tok.eos_token_id, "pad", tok.pad_token, tok.pad_token_id, "; config", config.get("bos_token_id"), config.get("eos_token_id"), config.get("pad_token_id"))
    if len(tok) > model.get_input_embeddings().weight.shape[0]: problems["rows"] = "fewer rows than tokens"
    if (pathlib.Path(a.folder) / "generation_config.json").is_file(): print("generation eos", GenerationConfig.from_pretrained(a.folder).eos_token_id)
    if tok.chat_template: print(repr(tok.apply_chat_template([{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], tokenize=False)))
    expect = json.loads(open(a.expect).read()) if a.expect else {"ids": [int(x) for x in a.ids.split(",")]}
    with torch.no_grad(): logits = model.eval()(torch.tensor([expect["ids"]])).logits[0]
    if reward:
        print("reward", logits[0].item())
        if "reward" in expect and abs(expect["reward"] - logits[0].item()) > 1e-4: problems["reward"] = expect["reward"]
    else:
        print("last logits", common.shorts(logits[-1, :8]))
        if "last_logits" in expect:
            d = (torch.tensor(expect["last_logits"]) - logits[-1, :len(expect["last_logits"])]).abs().max().item()
            print("largest difference", d)
            if d > 1e-4: problems["logits"] = d
    print("problems:", problems or "none")
    sys.exit(bool(problems))


if __name__ == "__main__": main()
