#include "evaluation/math_parser.h"

#include <gtest/gtest.h>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_extract.h"
#include "evaluation/math_normalise.h"
#include "evaluation/math_original.h"
#include "evaluation/math_plain.h"
#include "evaluation/math_sympy_parser.h"
#include "evaluation/math_verify.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

std::string tree(const std::string& latex) {
  return math_text(*parse_math(latex, true));
}
std::string normal(const std::u32string& latex) {
  return encode_utf8(normalised_latex(latex, MathBoxes::kAll));
}
bool same(const std::string& a, const std::string& b) {
  return verify_math(parse_math(a, true), parse_math(b, true));
}

TEST(MathParser, NumbersSideBySideAreMixedNumbers) {
  EXPECT_EQ(tree("1\\frac{1}{2}"), "3/2");
  EXPECT_EQ(tree("-1\\frac{1}{2}"), "-3/2");
  EXPECT_EQ(tree("2 3"), "5");
  EXPECT_EQ(tree("2(3)"), "5");
  EXPECT_EQ(tree("{2}{3}"), "5");
  EXPECT_EQ(tree("1 000"), "(* 1 0)");
  EXPECT_EQ(tree("2x"), "(* 2 x)");
}

TEST(MathParser, CommasAreThousandsOrLists) {
  EXPECT_EQ(tree("1,234"), "1234");
  EXPECT_EQ(tree("12,345.60"), "61728/5.");
  EXPECT_EQ(tree("0,123"), "123/1000.");
  EXPECT_EQ(tree("1, 234"), "(set 1 234)");
  EXPECT_EQ(tree("1,2;3,4"), "(set (tuple 1 2) (tuple 3 4))");
  EXPECT_EQ(tree("1;2"), "(set 1 2)");
}

TEST(MathParser, BracketsAreIntervalsTuplesOrGroups) {
  EXPECT_EQ(tree("(1,2)"), "(interval() 1 2)");
  EXPECT_EQ(tree("[1,\\infty]"), "(interval[) 1 oo)");
  EXPECT_EQ(tree("(2,1)"), "(tuple 2 1)");
  EXPECT_EQ(tree("(1,2,3)"), "(tuple 1 2 3)");
  EXPECT_EQ(tree("(3,1]"), "Empty");
  EXPECT_EQ(tree("((1,2))"), "(interval() 1 2)");
  EXPECT_EQ(tree("(x+1)"), "(+ x 1)");
  EXPECT_EQ(tree("\\{1,2,1\\}"), "(set 1 2)");
  EXPECT_EQ(tree("(1,2)\\cup(3,4)"), "(union (interval() 1 2) (interval() 3 4))");
}

TEST(MathParser, RelationsChainAndAssign) {
  EXPECT_EQ(tree("1<x\\le2"), "(and (< 1 x) (<= x 2))");
  EXPECT_EQ(tree("x=1,2"), "(= x (set 1 2))");
  EXPECT_EQ(tree("x=1,y=2"), "(set (= x 1) (= y 2))");
  EXPECT_EQ(tree("x\\in[1,2]"), "(= x (interval[] 1 2))");
  EXPECT_EQ(tree("x\\approx 3"), "3");
  EXPECT_EQ(tree("1\\pm 2"), "(set (+ 1 2) (+ 1 -2))");
}

TEST(MathParser, FunctionsTakeWhatStandsBehindThem) {
  EXPECT_EQ(tree("\\sin 2x \\cos x"), "(* (sin (* 2 x)) (cos x))");
  EXPECT_EQ(tree("\\sin(x)y"), "(* (sin x) y)");
  EXPECT_EQ(tree("\\sin^2 x"), "(^ (sin x) 2)");
  EXPECT_EQ(tree("\\sin^{-1} x"), "(asin x)");
  EXPECT_EQ(tree("\\log_{2}{8}"), "(log 8 2)");
  EXPECT_EQ(tree("\\ln 8"), "(log 8 E)");
  EXPECT_EQ(tree("f(x)"), "('f x)");
  EXPECT_EQ(tree("x(x+1)"), "(* x (+ x 1))");
  EXPECT_EQ(tree("e^x"), "(exp x)");
  EXPECT_EQ(tree("||x||"), "(abs (abs x))");
  EXPECT_EQ(tree("3!!"), "(factorial (factorial 3))");
}

TEST(MathParser, NamesOfSymbolsAreInLowerCase) {
  EXPECT_EQ(tree("\\text{VW}"), "vw");
  EXPECT_EQ(tree("VW"), "(* v w)");
  EXPECT_EQ(tree("x_1"), "x_1");
  EXPECT_EQ(tree("x_{i+1}"), "x_{i+1}");
  EXPECT_EQ(tree("\\alpha\\beta"), "(* alpha beta)");
  EXPECT_EQ(tree("\\overline{AB}"), "bar{ab}");
  EXPECT_EQ(tree("\\Pi"), "pi");
  EXPECT_EQ(tree("I"), "I");
  EXPECT_EQ(tree("dx"), "dx");
}

TEST(MathParser, WhatTheReferenceCannotReadIsNotReadHere) {
  for (const char* latex : {"", "1+", "(1", "\\foo", "50\\%", "\\frac{1}{", "\\left(1,2\\right)", "x**2", "\\sqrt 5",
                            "\\binom n2", "0.\\overline{3}", "1.", "\\{x|x>2\\}", "diag", "\\langle 1,2\\rangle"})
    EXPECT_EQ(tree(latex), "failed") << latex;
}

TEST(MathParser, MatricesAreReadRowByRow) {
  EXPECT_EQ(tree("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"), "(matrix2 1 2 3 4)");
  EXPECT_TRUE(same("\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "-2"));
  EXPECT_TRUE(same("2\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}2\\\\4\\end{pmatrix}"));
  EXPECT_EQ(tree("\\begin{pmatrix}1&2\\\\3\\end{pmatrix}"), "failed");
}

TEST(MathNormalise, TakesTheContentOfBoxes) {
  EXPECT_EQ(normal(U"so \\boxed{7} cm"), "7");
  EXPECT_EQ(normal(U"\\boxed{1} or \\boxed{2}"), "1,2");
  EXPECT_EQ(normal(U"\\boxed{\\frac{1}{2}"), "{\\frac{1}{2}");
}

TEST(MathNormalise, DropsUnitsAndTypography) {
  EXPECT_EQ(normal(U"5\\text{ cm}^2"), "5");
  EXPECT_EQ(normal(U"12 units"), "12");
  EXPECT_EQ(normal(U"\\left(1,\\frac12\\right]"), "(1,\\frac{1}{2}]");
  EXPECT_EQ(normal(U"1{,}234"), "1,234");
  EXPECT_EQ(normal(U"\\$5"), "5");
  EXPECT_EQ(normal(U"\\sqrt3"), "\\sqrt{3}");
  EXPECT_EQ(normal(U"12\\text{ and }13"), "12,13");
  EXPECT_EQ(normal(U"2/3"), "\\frac{2}{3}");
  EXPECT_EQ(normal(U".5"), "\\frac{1}{2}");
  EXPECT_EQ(normal(U"3 percent"), "3\\%");
}

TEST(MathVerify, DecimalsAreRoundedToSixPlaces) {
  EXPECT_TRUE(same("\\frac{1}{3}", "0.333333"));
  EXPECT_FALSE(same("\\frac{1}{3}", "0.3333"));
  EXPECT_TRUE(same("\\sqrt{2}", "1.414214"));
  EXPECT_FALSE(same("5", "5.0000001"));  // a whole number is met exactly or not
  EXPECT_TRUE(same("5", "5.0"));
}

TEST(MathVerify, RelationsMayBeTurnedAndScaled) {
  EXPECT_TRUE(same("x^2+y^2=25", "2x^2+2y^2=50"));
  EXPECT_TRUE(same("y=2x+1", "y-2x=1"));
  EXPECT_TRUE(same("x>2", "2<x"));
  EXPECT_FALSE(same("2x>4", "x>2"));  // which the reference does not see
  EXPECT_TRUE(same("2x>4", "(2,\\infty)"));
  EXPECT_FALSE(same("x>2", "x\\ge 2"));
  EXPECT_TRUE(same("5", "x=5"));
  EXPECT_FALSE(same("x=5", "y=5"));
}

TEST(MathVerify, SetsHaveNoOrderAndTuplesHave) {
  EXPECT_TRUE(same("1,2", "2,1"));
  EXPECT_FALSE(same("(1,2,3)", "(3,2,1)"));
  EXPECT_TRUE(same("(1,2)", "1,2"));
  EXPECT_TRUE(same("[1,2)\\cup[2,3]", "[1,3]"));
  EXPECT_TRUE(same("(-\\infty,0)\\cup(0,\\infty)", "\\mathbb{R}\\setminus\\{0\\}"));
}

TEST(MathPlain, IsAPythonExpression) {
  EXPECT_EQ(math_text(*parse_plain_sum("2^3 - 1")), "(+ (^ 2 3) -1)");
  EXPECT_EQ(parse_plain_sum("2(3)"), nullptr);
  EXPECT_EQ(parse_plain_sum("05"), nullptr);
  EXPECT_EQ(parse_plain_sum("3 4"), nullptr);
}

TEST(MathOriginal, TakesTheStatedAnswerInItsLine) {
  EXPECT_EQ(stated_answer("Final Answer: The final answer is $7$. I hope it is correct."), "$7$");
  EXPECT_EQ(stated_answer("Final Answer: The final answer is $7$"), kInvalidAnswer);
  EXPECT_EQ(stated_answer("Final Answer: The final answer is $7$. "), "$7$");
  EXPECT_EQ(stated_answer("Final Answer: The final answer is\n$7$. I hope it is correct."), kInvalidAnswer);
  EXPECT_EQ(stated_answer("Final Answer: The final answer is 7\u00e9 I hope it is correct."), "7");
}

TEST(MathOriginal, BoxesAreFoundFromTheEnd) {
  EXPECT_EQ(last_boxed("\\boxed{1} and \\boxed{\\frac{1}{2}}."), "\\boxed{\\frac{1}{2}}");
  EXPECT_EQ(without_box("\\boxed{\\frac{1}{2}}"), "\\frac{1}{2}");
  EXPECT_EQ(without_box(last_boxed("it is \\boxed 12$ or so")), "12");
  EXPECT_EQ(last_boxed("none"), kInvalidAnswer);
  EXPECT_EQ(without_box("\\fbox{1}"), kInvalidAnswer);
}

TEST(MathOriginal, EveryCommandIsASymbolThere) {
  EXPECT_EQ(math_text(*parse_sympy_latex("2\\pi")), "(* 2 pi~)");
  EXPECT_EQ(math_text(*parse_sympy_latex("2x3")), "(* 2 3)");
  EXPECT_EQ(math_text(*parse_sympy_latex("1, 2")), "1");
  EXPECT_EQ(math_text(*parse_sympy_latex("(1,2)")), "failed");
  EXPECT_EQ(math_text(*parse_sympy_latex("2(1,2)")), "2");  // it ends where it goes wrong
  EXPECT_EQ(math_text(*parse_sympy_latex("2+")), "2");
  EXPECT_EQ(math_text(*parse_sympy_latex("f(1")), "f~");
  EXPECT_EQ(math_text(*parse_sympy_latex("5.")), "failed");
  EXPECT_EQ(math_text(*parse_sympy_latex("a|b|c")), "(* a~ (abs b~) c~)");
  EXPECT_EQ(math_text(*parse_sympy_latex("f(x+1)")), "('f (+ x~ 1))");
}

}  // namespace
}  // namespace ballot
