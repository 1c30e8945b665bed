"""Small synthetic data in TRL's layouts: preferences.jsonl (24 prompts, five completions each, all ten pairs of a prompt side by side, with a
margin), preferences_text.jsonl (plain text instead of messages) and sft.jsonl (prompt and completion). The sentences are put together from
the word lists below: grammar enough for a tokenizer, meaning enough for nobody. Written to tests/golden/small/."""
import itertools
import json
import random

import common

PEOPLE = ["the baker", "an old sailor", "my neighbour", "the night nurse", "a young clerk", "the bee keeper", "our teacher", "the ferryman"]
PLACES = ["by the canal", "in the attic", "under the bridge", "at the market", "behind the mill", "on the north pier", "in the reading room"]
VERBS = ["counted", "mended", "forgot", "painted", "measured", "carried", "borrowed", "described"]
THINGS = ["seven lanterns", "a cracked bell", "the long ladder", "two maps of the coast", "a jar of plum jam", "3 spools of wire", "the green door", "an unsigned letter"]
REASONS = ["because the rain had stopped", "before anyone asked", "so that the children could see", "without a word", "for the second time in 1 week", "and nobody minded"]
ASKS = ["What did {p} do {l}?", "Tell me who {v} {t}.", "Why would {p} have {v} {t}?", "Write one line about {t} {l}.", "Is it true that {p} {v} {t}?", "Name 2 things that {p} keeps {l}."]


def sentence(r):
    s = f"{r.choice(PEOPLE)} {r.choice(VERBS)} {r.choice(THINGS)}"
    if r.random() < 0.6: s += " " + r.choice(PLACES)
    if r.random() < 0.4: s += " " + r.choice(REASONS)
    return s[0].upper() + s[1:] + r.choice([".", ".", ".", "!", "; that is all."])


def prompt(r, k):
    ask = r.choice(ASKS).format(p=r.choice(PEOPLE), l=r.choice(PLACES), v=r.choice(VERBS), t=r.choice(THINGS))
    turns = [{"role": "user", "content": ask}]
    if k % 6 == 5: turns = [{"role": "user", "content": ask}, {"role": "assistant", "content": sentence(r)}, {"role": "user", "content": "And then?"}]
    if k % 8 == 3: turns.insert(0, {"role": "system", "content": "Answer in one breath."})
    return turns


def completion(r):
    return " ".join(sentence(r) for _ in range(r.choice([1, 1, 1, 2, 2, 3])))


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(path.relative_to(common.GOLDEN), len(rows), "rows", path.stat().st_size, "bytes")


def main():
    r = random.Random(20)
    conversational, text = [], []
    for k in range(24):
        turns = prompt(r, k)
        answers = []
        while len(answers) < 5:
            c = completion(r)
            if c not in answers: answers.append(c)
        for i, j in itertools.combinations(range(5), 2):
            chosen, rejected = (i, j) if r.random() < 0.8 else (j, i)
            margin = 0.0 if r.random() < 0.1 else float(j - i)
            conversational.append({"prompt": turns, "chosen": [{"role": "assistant", "content": answers[chosen]}], "rejected": [{"role": "assistant", "content": answers[rejected]}],
                                   "margin": margin, "pair_id": f"{k}-{i}-{j}"})
            if k < 4: text.append({"prompt": f"Q: {turns[-1]['content']}\nA:", "chosen": " " + answers[chosen], "rejected": " " + answers[rejected], "margin": margin})
    sft = [{"prompt": prompt(r, k), "completion": [{"role": "assistant", "content": completion(r)}]} for k in range(64)]
    write(common.GOLDEN / "small" / "preferences.jsonl", conversational)
    write(common.GOLDEN / "small" / "preferences_text.jsonl", text)
    write(common.GOLDEN / "small" / "sft.jsonl", sft)


if __name__ == "__main__": main()
