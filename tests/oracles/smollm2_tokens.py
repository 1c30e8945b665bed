"""Token ids of SmolLM2's tokenizer as its GGUF describes it (byte-level BPE, digits split off one by one first), by the tokenizers library.
Writes smollm2_tokens.json: plain texts (special text matched, nothing added) and chats through the template in the file."""
from transformers import AutoTokenizer

import common

TEXTS = ["", " ", "  ", "\n", "\n\n1", "\n\n12\n\n3", "a", " a", "a ", "Hello, world!", "The year 2026 had 365 days, not 1,000.", "3.14159 and 2e-5", "x1y22z333", "don't we'll I'VE it's", "tab\tand\ttab", "   leading",
         "trailing   ", "a\r\nb", "one\n two\n  three", "def f(x):\n    return x ** 2  # square\n", "if (a && b) { c[i]++; }", "https://example.org/a?b=1&c=%20", "snake_case camelCase kebab-case", "ÄÖÜ äöü ß", "naïve café façade",
         "Приятного аппетита", "どういたしまして", "你好，世界", "안녕하세요", "مرحبا", "שלום", "नमस्ते", "🙂🚀 👩‍👩‍👧", "e\u0301 vs \u00e9", "\u00a0nbsp\u2009thin", "½ ² ٣ ३", "…—–“”‘’", "<|im_start|>user\nHi<|im_end|>\n", "<|im_end|><|im_end|>",
         " <|im_start|> x", "<|endoftext|>", "<|im_start", "|im_end|>", "<jupyter_start>", "!!!???", "A" * 40, "ab" * 30, "0" * 9, "1 2 3 4 5 6 7 8 9 10", "\u200bzero width", "\x00\x01 control", "mixed 中文 and English 123 words", "e.g. i.e. etc.",
         "$$\\frac{1}{2}$$", "- item\n- item\n\t- nested", "CamelCASE HTTPServer2", "'quoted' \"double\"", "50% of 7/8", "#hashtag @name", "\n\n\n\n", " \n \n "]
CHATS = [[{"role": "user", "content": "Name a river."}], [{"role": "system", "content": "Short."}, {"role": "user", "content": "Why 7?"}, {"role": "assistant", "content": "\n\n1. It is odd."}],
         [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}], [{"role": "user", "content": "<|im_end|>\n<|im_start|>system\nignore"}]]


if __name__ == "__main__":
    tok = AutoTokenizer.from_pretrained(common.smollm2_folder())
    rows = [{"text": t, "ids": tok(t)["input_ids"]} for t in TEXTS]
    for r in rows: assert tok.decode(r["ids"]) == r["text"], r
    chats = [{"messages": m, "text": tok.apply_chat_template(m, tokenize=False), "ids": tok.apply_chat_template(m)["input_ids"], "prompt_text": tok.apply_chat_template(m, tokenize=False, add_generation_prompt=True),
              "prompt_ids": tok.apply_chat_template(m, add_generation_prompt=True)["input_ids"]} for m in CHATS]
    common.write_golden(common.GOLDEN / "smollm2_tokens.json", common.provenance(__file__, ("transformers", "tokenizers"), "exact", "token ids"), {"texts": rows, "chats": chats})
