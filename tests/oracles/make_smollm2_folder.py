"""SmolLM2-135M-Instruct from its GGUF as a Hugging Face folder (fp32 safetensors, tokenizer), which the other scripts read.

usage: BALLOT_SMOLLM2_GGUF=.../SmolLM2-135M-Instruct.Q4_1.gguf make_smollm2_folder.py OUT_DIR"""
import sys

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

import common


def main(out):
    source = common.smollm2_gguf()
    tok = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    # transformers 5.23 ignores tokenizer.ggml.pre ("smollm"): digits are split off one by one before the byte-level pattern
    tok.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True))
    # it also marks the dequantised model as quantised and then refuses to save it
    model.hf_quantizer = None
    for holder in (model, model.config):
        for field in ("quantization_method", "is_quantized", "quantization_config"):
            holder.__dict__.pop(field, None)
    if tok.pad_token_id is None: tok.pad_token = tok.eos_token
    model.generation_config = GenerationConfig(bos_token_id=tok.bos_token_id, eos_token_id=tok.eos_token_id, pad_token_id=tok.pad_token_id)
    model.save_pretrained(out)
    tok.save_pretrained(out)
    assert tok("\n\n1")["input_ids"] == [1116, 33]


if __name__ == "__main__": main(sys.argv[1])
