// How much labels say, in bits.
//
// Estimates from counts are biased: entropy is too small by about (cells - 1) / (2 N ln 2), mutual information too
// large by (degrees of freedom) / (2 N ln 2) (Miller 1955). `corrected` takes that away; a corrected information may be
// a little below 0, which says that nothing was found. N counts items as independent; where they share prompts the
// interval of a cluster bootstrap tells the rest.
#pragma once
#include <cstddef>
#include <span>

namespace ballot {

/// Entropy of the distribution behind the counts; cells with 0 do not count as cells. NaN where all are 0.
double entropy_bits(std::span<const double> counts, bool corrected = true);

/// -p log2 p - (1-p) log2 (1-p).
double binary_entropy_bits(double p);

/// Mutual information of the rows and columns of a table of counts (row by row). Empty rows and columns do not count as
/// degrees of freedom.
double mutual_information_bits(std::span<const double> table, std::size_t rows, std::size_t columns,
                               bool corrected = true);

/// Information of labels (win, tie, loss) about which of a pair a reference prefers, with every pair counted in both
/// orientations, so that it does not depend on which completion is called the first:
///     (1 - t) (1 - h(agree / (agree + disagree))),   t the share of ties.
/// One degree of freedom (agree = disagree says nothing).
double pair_information_bits(double agree, double tie, double disagree, bool corrected = true);

}  // namespace ballot
