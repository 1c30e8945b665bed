"""A byte-level BPE tokenizer of 320 entries with the ChatML template, the same in every tiny model folder.
Ids 0, 1, 2 are <|endoftext|>, <|im_start|>, <|im_end|>, as in SmolLM2; 3..258 are the bytes; the rest are merges of the text below."""
import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 320
END_OF_TEXT, IM_START, IM_END = 0, 1, 2
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
TEXT = """user assistant system
The gardener waters the beans in the morning and the roses in the evening. A kettle sings when the water is hot.
Which answer is the better one? The first answer is short and true; the second answer is long and wanders away from the question.
How do I keep bread fresh? Wrap the loaf in linen, leave it in a cool place, and cut only what you eat.
What makes the sea salt? Rivers carry minerals to the sea, the sun takes the water away again, and the salt stays.
Tell me about the lighthouse. The keeper lit the lamp at dusk, counted the ships, and wrote their names in the book.
Why do the leaves turn red in autumn? The green fades first, and the colours that were there all the time can be seen."""


def build():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([TEXT], trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def save(folder):
    """tokenizer.json, tokenizer_config.json and chat_template.jinja in the spelling that transformers 4 and 5 both read."""
    build().save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIALS[IM_START], "eos_token": SPECIALS[IM_END], "pad_token": SPECIALS[END_OF_TEXT],
              "unk_token": SPECIALS[END_OF_TEXT], "add_bos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": 1024, "chat_template": CHATML}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
