"""What CPython's str says of characters, as ranges of code points; and which characters NLTK counts as parts of words.

    unicode_tables.py > src/evaluation/unicode_tables.cpp
    unicode_tables.py words > src/evaluation/unicode_words.cpp

IFEval's verdicts hang on str.lower, isupper, islower and on re's \\w and \\d, so these are taken from the interpreter itself.
"""

import sys
import unicodedata

EVERY = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(holds):
    out = []
    for c in EVERY:
        if not holds(c):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def stepped(pairs):
    """[first, last, step, delta] of sorted (character, its lower case)."""
    out = []
    for c, low in pairs:
        delta = low - c
        if out and out[-1][3] == delta:
            first, last, step, _ = out[-1]
            if first == last and c - last in (1, 2):
                out[-1][1:3] = [c, c - last]
                continue
            if first != last and c - last == step:
                out[-1][1] = c
                continue
        out.append([c, c, 1, delta])
    return out


def is_ignorable(c):
    return ("a" + chr(c) + "Σ").lower()[-1] == "ς" and (chr(c) + "Σ").lower()[-1] != "ς"


def lines(items, width=116):
    text = ""
    line = "   "
    for item in items:
        if len(line) + len(item) + 1 > width:
            text += line + "\n"
            line = "   "
        line += " " + item
    return text + line + "\n"


def table(name, rows):
    return (f"const std::vector<CharacterRange> {name} = {{\n" +
            lines("{%s}," % ", ".join(f"0x{x:X}" for x in row) for row in rows) + "};\n")


def words():
    """NLTK 3.10 hands its expressions to the package `regex`, whose \\w has marks and joiners and no superscripts."""
    import regex

    print(f"// Written by tests/oracles/unicode_tables.py from the Python package regex {regex.__version__}.")
    print("// clang-format off")
    print('#include "evaluation/unicode_tables.h"\n\nnamespace ballot::unicode {\n')
    word = regex.compile(r"\w")
    print(table("kNltkWord", ranges(lambda c: word.match(chr(c)))))
    print("}  // namespace ballot::unicode")


def main():
    print("// Written by tests/oracles/unicode_tables.py from the tables of CPython "
          f"{sys.version_info.major}.{sys.version_info.minor} (Unicode {unicodedata.unidata_version}).")
    print("// clang-format off")
    print('#include "evaluation/unicode_tables.h"\n\nnamespace ballot::unicode {\n')
    print(table("kAlphanumeric", ranges(lambda c: chr(c).isalnum())))
    print(table("kDecimal", ranges(lambda c: chr(c).isdecimal())))
    print(table("kUpper", ranges(lambda c: chr(c).isupper())))
    print(table("kLower", ranges(lambda c: chr(c).islower())))
    print(table("kTitle", ranges(lambda c: unicodedata.category(chr(c)) == "Lt")))
    print(table("kCaseIgnorable", ranges(is_ignorable)))
    pairs = [(c, ord(chr(c).lower())) for c in EVERY if len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)]
    print("const std::vector<LowerRange> kToLower = {\n" +
          lines("{0x%X, 0x%X, %d, %d}," % tuple(row) for row in stepped(pairs)) + "};\n")
    print("}  // namespace ballot::unicode")
    assert [c for c in EVERY if len(chr(c).lower()) > 1] == [0x130]


words() if sys.argv[1:] == ["words"] else main()
