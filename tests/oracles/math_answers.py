"""Verdicts of the harness's own MATH scoring (process_results of leaderboard/math/utils.py, with its time limits) on answers and solutions.

    math_answers.py                                        golden/math_answers.json: pairs written here, every kind of answer
    math_answers.py --data math_level5_even.jsonl OUT [N]  every row's answer in about thirty forms, right and wrong (N of them at random), to OUT, which is
                                                           kept outside the tree: it holds the data set's texts. BALLOT_MATH_CASES=OUT has the tests compare with it
"""
import json
import logging
import random
import re
import sys
import warnings

import common

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
from lm_eval.tasks.leaderboard.math import utils  # noqa: E402
from sympy.core.cache import clear_cache  # noqa: E402

# Groups of answers that a reader would call equal or nearly so; every pair of a group is scored, both ways round.
GROUPS = [
    [r"\frac{1}{2}", "0.5", "1/2", r"\frac12", r"\dfrac{2}{4}", r"\tfrac{1}{2}", ".5", r"50\%", "0.50", r"\frac{-1}{-2}", r"2^{-1}", "0.51", r"-\frac12"],
    [r"\frac{1}{3}", "0.333333", "0.3333", "0.33333333", r"33.3333\%", r"\frac{2}{6}", r"{1 \over 3}", r"3^{-1}", r"\frac{1.0}{3}", r"1:3"],
    ["5", "5.0", r"5\text{ cm}", r"5\text{ cm}^2", "5 units", r"\$5", r"5^\circ", r"5^{\circ}", r"x=5", "x = 5", r"\text{5}", "05", "+5", "(5)", r"\{5\}", r"5\%", "-5", "6", "5.0000001", r"5!", r"\boxed{5}", r"|-5|", r"\mathbf{5}"],
    ["1234", "1,234", r"1{,}234", r"1,\!234", "1 234", "1234.0", r"1.234\times 10^3", "1.234E3", "1235", r"12 34"],
    [r"\sqrt{12}", r"2\sqrt{3}", r"2\sqrt3", r"\sqrt{3}\cdot 2", r"3.464102", r"12^{1/2}", r"12^{\frac{1}{2}}", r"\frac{6}{\sqrt{3}}", r"-2\sqrt{3}", r"2 \sqrt {3}", r"3.4641", r"\sqrt[2]{12}", r"\sqrt[4]{144}"],
    [r"1+\sqrt{2}", r"\sqrt{2}+1", r"\sqrt{3+2\sqrt{2}}", r"\frac{1}{\sqrt{2}-1}", r"2.414214", r"1-\sqrt{2}", r"(1+\sqrt2)"],
    [r"2\pi", r"\pi\cdot 2", r"2\pi \text{ radians}", "6.283185", r"6.28", r"\frac{4\pi}{2}", r"2 \cdot \pi", "2π", r"\tau", r"360^\circ", r"2\pi r"],
    [r"x^2+2x+1", r"(x+1)^2", r"1+2x+x^2", r"x(x+2)+1", r"x^2 + 2 x + 1", r"(x+1)(x+1)", r"y^2+2y+1", r"x^2+2x-1", r"X^2+2X+1", r"f(x)=x^2+2x+1", r"x^{2}+2\cdot x+1"],
    [r"\frac{x}{y}", r"x/y", r"x y^{-1}", r"\frac{2x}{2y}", r"\frac{y}{x}", r"x:y", r"x \div y"],
    [r"\frac{a+b}{2}", r"\frac{a}{2}+\frac{b}{2}", r"0.5(a+b)", r"\frac{1}{2}(a+b)", r"\frac{b+a}{2}", r"a+\frac{b}{2}", r"(a+b)/2"],
    ["(1,2)", "(1, 2)", r"\left(1,2\right)", "[1,2]", "1,2", "2,1", "(2,1)", r"\{1,2\}", r"(1;2)", "(1.0,2)", r"x\in(1,2)", r"1<x<2", r"(x,y)=(1,2)", r"\langle 1,2\rangle", r"\begin{pmatrix}1\\2\end{pmatrix}"],
    ["(1,2,3)", r"\left(1,2,3\right)", "1,2,3", r"\{1,2,3\}", r"\{3,2,1\}", "(3,2,1)", "(1,2)", "1, 2, and 3", r"1,2\text{ and }3", r"(1,2,3.0)", r"1 , 2 , 3"],
    [r"[0,\infty)", r"[0,+\infty)", r"x\ge 0", r"0\le x", r"(0,\infty)", r"[0,\infty]", r"x>0", r"\mathbb{R}^+"],
    [r"(-\infty,-1)\cup(1,\infty)", r"(1,\infty)\cup(-\infty,-1)", r"(-\infty, -1) \cup (1, +\infty)", r"\mathbb{R}\setminus[-1,1]", r"|x|>1", r"(-\infty,-1]\cup[1,\infty)", r"x<-1\text{ or }x>1", r"(-\infty,-1),(1,\infty)"],
    [r"[1,2)\cup[2,3]", "[1,3]", r"[1,2]\cup[2,3]", r"[1,3)\cup\{3\}", "(1,3]"],
    [r"\pm 2", r"2,-2", r"-2,2", r"\{-2,2\}", r"x=\pm 2", r"x=2,-2", r"x=2\text{ or }x=-2", r"2\text{ and }-2", r"\pm\sqrt{4}", r"\mp 2", "2"],
    [r"3\pm\sqrt{5}", r"3+\sqrt5, 3-\sqrt5", r"\{3-\sqrt{5},3+\sqrt{5}\}", r"x=3\pm\sqrt{5}", r"3\pm\sqrt{6}", r"5\pm\sqrt{3}"],
    [r"y=2x+1", r"2x+1", r"y-2x=1", r"2x-y+1=0", r"y=1+2x", r"2y=4x+2", r"y=2x-1", r"1+2x=y", r"y = 2 x + 1", r"-y+2x=-1"],
    [r"x^2+y^2=25", r"25=x^2+y^2", r"2x^2+2y^2=50", r"x^2+y^2-25=0", r"x^2+y^2=5", r"\frac{x^2}{25}+\frac{y^2}{25}=1"],
    [r"x>2", r"2<x", r"2x>4", r"x\ge2", r"(2,\infty)", r"x \gt 2", r"-x<-2", r"y>2"],
    [r"1\le x<3", r"[1,3)", r"x\in[1,3)", r"3>x\ge1", r"1\leq x<3", r"1<x<3"],
    [r"\text{Tuesday}", "Tuesday", r"\text{tuesday}", r"\mathrm{Tuesday}", r"\textbf{Tuesday}", r"\text{Wednesday}", r"\text{ Tuesday}"],
    [r"\text{(B)}", r"\text{B}", "B", r"(B)", r"\textbf{(B)}", r"b", r"\mathrm{B}", "C"],
    [r"\text{AC}", "AC", "CA", r"\overline{AC}", r"\text{A,C}", r"A,C", r"\text{A and C}", "ac"],
    [r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 5 \end{pmatrix}", r"\begin{pmatrix} 1.0 & 2 \\ 3 & \frac{8}{2} \end{pmatrix}", r"\left(\begin{matrix}1&2\\3&4\end{matrix}\right)", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}"],
    [r"\begin{pmatrix} 1/2 \\ -3 \end{pmatrix}", r"\begin{pmatrix} \frac12 \\ -3 \end{pmatrix}", r"\begin{pmatrix} 0.5 \\ -3 \end{pmatrix}", r"\frac{1}{2}\begin{pmatrix} 1 \\ -6 \end{pmatrix}", r"\left(\frac12,-3\right)", r"\begin{array}{c} 1/2 \\ -3 \end{array}", r"\begin{pmatrix} 1/2 & -3 \end{pmatrix}"],
    [r"2+3i", r"3i+2", r"3\cdot i+2", r"2 + 3i", r"2+3 i", r"2-3i", r"(2,3)", r"2+3I"],
    [r"\frac{i}{2}", r"\frac{1}{2}i", r"i/2", r"0.5i", r"\frac12 i", r"-\frac{i}{2}"],
    ["i", "-i", r"\sqrt{-1}", "I", r"\text{i}", "j"],
    [r"30^\circ", "30", r"30\text{ degrees}", r"30^{\circ}", r"\frac{\pi}{6}", r"30 degrees", "30°", r"31^\circ"],
    [r"\sin 30^\circ", r"\sin\frac{\pi}{6}", r"\frac{1}{2}", r"\cos\frac{\pi}{3}"],
    [r"\sin^2 x+\cos^2 x", "1", r"\sin x", r"\tan x\cos x", r"2\sin x\cos x", r"\sin 2x", r"\sin(2x)"],
    [r"\log_2 8", "3", r"\log_{2}{8}", r"\frac{\log 8}{\log 2}", r"\ln 8", r"\log 1000", r"\ln e^3", r"e^{\ln 3}"],
    ["e^2", r"e\cdot e", "7.389056", r"\exp(2)", "e", "2e"],
    ["120", "5!", r"\binom{10}{3}", r"4!\cdot 5", r"\binom{16}{2}", r"(10)_{3}", r"\frac{6!}{6}", "720"],
    ["2^{10}", "1024", r"2^{10}", "4^5", "2^10", r"32^2", "1,024", r"2 \cdot 512"],
    [r"3\frac{1}{2}", r"\frac{7}{2}", "3.5", "3 1/2", r"3+\frac12", r"\frac{3}{2}", r"-3\frac{1}{2}", r"3 \frac{1}{2}"],
    ["1:2", r"\frac{1}{2}", "1/2", "2:1", "0.5", "1 : 2"],
    ["10101_2", "21", "10101", r"10101_{2}", r"21_{10}"],
    [r"\infty", r"-\infty", r"+\infty", "infinity", r"\text{infinity}", "inf"],
    [r"\emptyset", r"\{\}", r"\varnothing", r"\text{no solution}", "0", r"\{0\}"],
    [r"\mathbb{R}", r"(-\infty,\infty)", r"\text{all real numbers}", r"\mathbb{Z}", r"x\in\mathbb{R}"],
    ["abc", "cba", "a b c", r"a\cdot b\cdot c", r"\text{abc}", "ABC", "ab"],
    [r"x_1", "x_{1}", "x1", "x_2", r"x_1+x_2", r"x_2+x_1"],
    [r"\alpha+\beta", r"\beta+\alpha", r"\alpha \beta", r"\beta\alpha", r"α+β"],
    [r"|x|", r"\sqrt{x^2}", "x", r"\lvert x\rvert", r"\left|x\right|", "-x"],
    [r"\lfloor 3.7\rfloor", "3", r"\lceil 2.1 \rceil", r"\left\lfloor\frac{7}{2}\right\rfloor"],
    [r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", r"\sqrt{\frac13}", "0.57735", "0.577350", r"3^{-1/2}", r"\tan 30^\circ", r"\frac{\sqrt3}3"],
    [r"\frac{1+\sqrt{5}}{2}", r"\frac{\sqrt{5}+1}{2}", r"0.5+0.5\sqrt{5}", r"\frac12+\frac{\sqrt5}{2}", "1.618034", r"\phi", r"\frac{1-\sqrt{5}}{2}"],
    ["12.5%", r"12.5\%", "12.5", "0.125", r"\frac18", r"12.5\text{ percent}", r"12.5 percent"],
    [r"\$12.50", "12.50", "12.5", r"12.50\text{ dollars}", r"\$12.5", "12.51", r"\$ 12.50", "12.50 dollars"],
    ["0.1+0.2", "0.3", r"\frac{3}{10}", "0.30000001"],
    ["100000000000000000001", "100000000000000000000", "10^{20}", "10^{20}+1"],
    [r"\frac{1}{0}", r"\frac{2}{0}", "0", r"\infty"],
    ["", " ", r"\text{}", "-", "?", r"\frac{}{}", r"\frac{1}{", "(1,", "1+", r"\foo", r"5 \foo", r"{", "}", r"\left(", "$", r"\%"],
    [r"1<2", "2>1", r"x=y=5", "5", r"x=y", "y=x", r"a=1,b=2", r"b=2,a=1", r"(a,b)=(1,2)", "1,2"],
    [r"\frac{d}{dx}x^2", "2x", r"\int_0^1 x dx", r"\frac12", r"\sum_{i=1}^{3} i", "6", r"\lim_{x\to 0}x", "0"],
    ["f(x)", "g(x)", "f(y)", "fx", "f(x+1)", "f(1)"],
    ["7!", "5040", r"\gcd(12,18)", "6", r"\max(2,6)", r"\operatorname{lcm}(2,3)", r"13 \mod 7"],
    [r"\text{Yes}", "yes", r"\text{Y}", r"\text{No}", "Yes."],
    [r"2x+3", r"3+2x", r"2(x+1.5)", r"2\left(x+\frac{3}{2}\right)", "2x-3", r"2\times x+3", "2x + 3.0"],
    [r"\frac{2}{x+1}", r"2(x+1)^{-1}", r"\frac{2}{1+x}", r"\frac{4}{2x+2}", r"\frac{2}{x}+1", r"2/(x+1)"],
    [r"x^{2/3}", r"\sqrt[3]{x^2}", r"(x^{1/3})^2", r"x^{\frac{2}{3}}", r"x^{1.5}"],
    [r"\sqrt[3]{-8}", "-2", r"\sqrt[3]{8}", "2", r"-\sqrt[3]{8}"],
    [r"0.\overline{3}", r"\frac13", "0.333333", r"0.3\overline{3}"],
    [r"14 \text{ and } 15", "14,15", "14, 15", r"\{14,15\}", "14 and 15", "15,14", r"14\text{ or }15"],
    [r"\frac{3}{4}, -\frac{3}{4}", r"\pm\frac{3}{4}", r"-\frac34,\frac34", "0.75,-0.75", r"\left\{\frac34,-\frac34\right\}", r"\frac34"],
]

# Whole responses: where the answer is found.
GOLD = r"Adding the two parts gives $3 + 4 = \boxed{7}$."
RESPONSES = [
    "Final Answer: The final answer is $7$. I hope it is correct.", "The final answer is 7. I hope it is correct.", "Final Answer: The final answer is $7$", "Final Answer: The final answer is 7. I hope it is correct.",
    "Final Answer: The final answer is $8$. I hope it is correct.\n\nProblem: next\nFinal Answer: The final answer is $7$. I hope it is correct.", "Final Answer: The final answer is\n$7$. I hope it is correct.",
    r"So the sum is \boxed{7}.", r"So the sum is $\boxed{7}$. Not $8$.", r"$\boxed{8}$, no: $\boxed{7}$", r"\boxed{7} and \boxed{8}", r"\boxed{7", r"\fbox{7}", r"\boxed 7", r"$\boxed{\text{7}}$", r"\[\boxed{7}\]", r"\(7\)", "$$7$$", r"\[ x = 7 \]",
    "7", "It is 7.", "answer: 7", "Answer: 7", "The answer is 7", "the ANSWER is: **7**", "Answer: 6 + 1", "3+4", "14/2", "3 and 4 make 7, not 8", "seven", "", " ", "\n\n", "7 8", "8 7", "$7", "7$", "$$", "costs $7 or more", "2^3 - 1", "(3+4)", "7.0", "7.", "07", "7%", "7 percent",
    r"The answer is $3+4$.", r"$x=7$", r"$x = 3 + 4 = 7$", r"$3+4=7$", r"$7=3+4$", r"$7,8$", r"$7$ and $8$", r"$7$, $7$", "Final answer: $7$", "Final answer is: 7", "the final answer to this question is 7", r"The answer is $\frac{14}{2}$", r"\frac{14}{2}", r"-\frac{14}{2}", r"[ 7 ]", " [7] ", r"Answer: \(7\)",
    "Answer: $8$\n\nOn reflection, $7$.", "answer $8$ ... answer $7$", "x" * 3000 + " 7", "$" * 50, "((((((((((7))))))))))", "1+" * 300 + "1", r"$10^{10^{9}}$", r"$" + "{" * 60 + "7" + "}" * 60 + "$", r"$100000!$", "9" * 3000, r"$\frac{1}{" * 3 + "7", "\u6700\u7ec8\u7b54\u6848\u662f 7", "7\u00b0", "\u22127", "Final Answer: The final answer is $7\u00e9$. I hope it is correct.",
]
SOLUTIONS = [
    (r"We get $\boxed{-1}$ or, for the other root, $\boxed{2}$.", ["-1", "2", "-1,2", "2,-1"]),
    (r"It is \boxed{4\text{ cm}}.", ["4", r"4\text{ cm}", "4 cm", "5"]),
    (r"\boxed 12 is it", ["12", "1", "13"]),
    ("There is no box here, only $3$.", ["3", "4"]),
    (r"So \fbox{9}.", ["9", "8"]),
    (r"Hence $f(x) = \boxed{x^2 - 1}$ for all $x$.", ["x^2-1", "(x-1)(x+1)", "x^2+1"]),
    (r"Thus the set is $\boxed{\left\{ 1, 2 \right\}}$.", ["1,2", r"\{2,1\}", r"\{1, 2\}", "(1,2)", "3"]),
    (r"so $x=\boxed{3}$ and $y=\boxed{4}$.", ["3", "4", "3,4", "(3,4)"]),
]


def verdict(solution, response):
    # A chain of relations that SymPy's cache gives back carries the order of another answer's parts: verdicts would depend on what ran before.
    if re.search(r"[<>]|\\[lg]e|\\[lg]t", solution + response):
        clear_cache()
    doc = {"solution": solution, "answer": utils.remove_boxed(utils.last_boxed_only_string(solution))}
    scores = utils.process_results(doc, [response])
    return [int(scores["exact_match"]), int(scores["exact_match_original"])]


def stated(answer):
    return f"Final Answer: The final answer is ${answer}$. I hope it is correct."


def solution_of(answer):
    return f"The working is short. Therefore the value is $\\boxed{{{answer}}}$."


def warm_up():
    """SymPy builds its parser at the first call, which takes longer than the one second that an answer has."""
    verdict(solution_of("1+1"), stated("2"))


def golden():
    warm_up()
    pairs, texts = [], [[GOLD, response] for response in RESPONSES]
    for group in GROUPS:
        for i, gold in enumerate(group):
            for k, answer in enumerate(group):
                # Every pair with the first, and each with its two neighbours: enough to see every comparison.
                if i == 0 or k == 0 or abs(i - k) <= 2:
                    pairs.append([gold, answer, *verdict(solution_of(gold), stated(answer))])
    for solution, answers in SOLUTIONS:
        for answer in answers:
            texts += [[solution, stated(answer)], [solution, f"I think it is \\boxed{{{answer}}}"]]
    texts = [[*case, *verdict(*case)] for case in texts]
    head = common.provenance(__file__, ["lm_eval", "math-verify", "latex2sympy2_extended", "sympy"], 0, "verdicts are equal or not; the test names the few pairs that differ")
    common.write_golden(common.GOLDEN / "math_answers.json", head, {"solution_of": solution_of("GOLD"), "response_of": stated("ANSWER"), "pairs": pairs, "texts": texts})
    print(len(pairs), "pairs,", len(texts), "texts")


def top_level_terms(text):
    terms, depth, at = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "{(["
        depth -= c in "})]"
        if depth == 0 and c in "+-" and i > 0 and text[i - 1] not in "^_{(*/=,\\ " and "\\left" not in text:
            terms.append(text[at:i].strip())
            at = i
    return terms + [text[at:].strip()]


def forms(answer, other, r):
    """(kind, text) of an answer rewritten, rightly and wrongly."""
    out = [("same", answer), ("next row", other), ("dfrac", answer.replace("\\frac", "\\dfrac")), ("tfrac", answer.replace("\\frac", "\\tfrac")), ("no spaces", answer.replace(" ", "") if "\\ " not in answer else answer),
           ("spaces", re.sub(r"([+\-=,])", r" \1 ", answer)), ("plain fraction", re.sub(r"\\frac\{(\w+)\}\{(\w+)\}", r"\1/\2", answer)), ("short fraction", re.sub(r"\\frac\{(\w)\}\{(\w)\}", r"\\frac\1\2", answer)),
           ("sign", answer[1:] if answer.startswith("-") else "-" + answer), ("off by one", f"{answer}+1"), ("times two", f"2\\cdot({answer})"), ("twice halved", f"\\frac{{2({answer})}}{{2}}"), ("assigned", f"x = {answer}"), ("assigned to y", f"y={answer}"),
           ("units", answer + r"\text{ cm}"), ("square units", answer + r"\text{ cm}^2"), ("plain units", answer + " units"), ("degrees", answer + r"^\circ"), ("percent", answer + r"\%"), ("dollars", r"\$" + answer), ("brackets", f"({answer})"), ("left right", f"\\left({answer}\\right)"),
           ("braces", f"{{{answer}}}"), ("set", f"\\{{{answer}\\}}"), ("text", f"\\text{{{answer}}}"), ("squared", f"({answer})^2"), ("root of square", f"\\sqrt{{({answer})^2}}"), ("cut off", answer[:-1]), ("plus zero", f"{answer}+0"), ("point", answer + ".")]
    terms = top_level_terms(answer)
    if len(terms) > 1 and "," not in answer and "=" not in answer and "cup" not in answer:
        turned = terms[1:] + [terms[0]]
        out.append(("turned terms", (turned[0].lstrip("+").strip() + "".join(t if t[0] in "+-" else "+" + t for t in turned[1:]))))
    if "," in answer and "\\" not in answer and "(" not in answer:
        out.append(("turned list", ",".join(reversed(answer.split(",")))))
    if re.fullmatch(r"-?\d+", answer):
        n = int(answer)
        k = r.randint(2, 9)
        out += [("fraction of it", f"\\frac{{{n * k}}}{{{k}}}"), ("decimal", f"{n}.0"), ("decimal zeros", f"{n}.00"), ("plus one", str(n + 1)), ("sum", f"{n - k}+{k}"), ("thousands", f"{n:,}"), ("near", f"{n}.001"), ("minus form", f"{n + k} - {k}")]
    match = re.fullmatch(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}", answer)
    if match:
        p, q, k = int(match[1] + match[2]), int(match[3]), r.randint(2, 9)
        out += [("expanded", f"\\frac{{{p * k}}}{{{q * k}}}"), ("decimal", f"{p / q:.6f}"), ("short decimal", f"{p / q:.3f}"), ("slash", f"{p}/{q}"), ("inverse", f"\\frac{{{q}}}{{{p}}}"), ("sign inside", f"\\frac{{{-p}}}{{{-q}}}"), ("product", f"{p}\\cdot\\frac{{1}}{{{q}}}"), ("mixed", f"{p // q}\\frac{{{p % q}}}{{{q}}}"), ("over", f"{{{p} \\over {q}}}")]
    match = re.fullmatch(r"(\d*)\s?\\sqrt\{?(\d+)\}?", answer)
    if match:
        n = int(match[1] or 1)
        out += [("one root", f"\\sqrt{{{n * n * int(match[2])}}}"), ("decimal", f"{n * int(match[2]) ** 0.5:.6f}"), ("power", f"{n}\\cdot {match[2]}^{{1/2}}"), ("bare root", f"{match[1]}\\sqrt{match[2]}")]
    return out


ALWAYS = ("same", "next row", "sign", "units", "assigned")


def data(path, out, count):
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    rows = [row for row in rows if row["level"] == "Level 5"]
    answers = [utils.remove_boxed(utils.last_boxed_only_string(row["solution"])) for row in rows]
    warm_up()
    r = random.Random(7)
    cases = []
    for i, (row, answer) in enumerate(zip(rows, answers)):
        for kind, text in forms(answer, answers[(i + 1) % len(rows)], r):
            if kind not in ALWAYS and r.random() > (0.1 if re.fullmatch(r"-?\d+", answer) else 0.5):  # most answers are whole numbers
                continue
            cases.append([kind, row["solution"], stated(text)])
            if kind in ("same", "next row", "decimal", "units", "turned terms"):
                cases += [[kind + ", boxed", row["solution"], f"So we have $\\boxed{{{text}}}$."], [kind + ", sentence", row["solution"], f"The answer is {text}"], [kind + ", formula", row["solution"], f"This gives \\[{text}\\]"]]
        cases.append(["solution", row["solution"], row["solution"]])
    if count:
        cases = r.sample(cases, count)
    with open(out, "w", encoding="utf-8") as file:
        for kind, solution, response in cases:
            file.write(json.dumps([kind, solution, response, *verdict(solution, response)]) + "\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    if len(sys.argv) in (4, 5) and sys.argv[1] == "--data":
        data(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) == 5 else 0)
    else:
        golden()
