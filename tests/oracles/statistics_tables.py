"""Agreement and association on random tables by the field's packages: krippendorff, scikit-learn, scipy, statsmodels, irrCAC, pandas.

Writes statistics.json. Tables are units x raters with null for missing. The worked examples of the literature (Krippendorff's, Fleiss's,
Shrout and Fleiss's) stand in the unit tests; these tables add missing values, ties, unused pairs, negative agreement and other levels.
Where a package answers NaN or raises, the value is null."""
import itertools
import math
import warnings

import krippendorff
import numpy as np
import pandas as pd
from irrCAC.raw import CAC
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

import common


def table(seed, units, raters, categories, noise, missing, values=None):
    """Raters copy a hidden value and slip with probability `noise`; a slip goes anywhere. All categories occur."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, categories, units)
    out = np.where(rng.random((units, raters)) < noise, rng.integers(0, categories, (units, raters)), truth[:, None]).astype(float)
    out[rng.random((units, raters)) < missing] = np.nan
    if values is not None: out = np.where(np.isnan(out), np.nan, np.take(values, np.nan_to_num(out).astype(int)))
    return out


def number(x):
    x = float(x)
    return x if math.isfinite(x) else None


def quiet(f):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return number(f())
    except Exception:
        return None


def agreement(t, levels):
    values = sorted({v for v in t.flatten() if not np.isnan(v)})
    out = {"krippendorff_alpha": {level: quiet(lambda: krippendorff.alpha(reliability_data=t.T, level_of_measurement=level, value_domain=values)) for level in levels}}
    frame = pd.DataFrame(t)
    ir = {}
    for weights in ("identity", "linear", "quadratic", "ordinal"):
        cac = CAC(frame, weights=weights, categories=values)  # left to itself, irrCAC 0.4.3 counts NaN as a category
        cac.digits = 14
        for key, method in (("fleiss", cac.fleiss), ("gwet", cac.gwet), ("conger", cac.conger), ("brennan_prediger", cac.bp), ("krippendorff", cac.krippendorff)):
            try: r = method()["est"]
            except Exception: continue
            ir.setdefault(weights, {})[key] = number(r["coefficient_value"])
            if key != "krippendorff": ir[weights].setdefault("percent_agreement", number(r["pa"]))
    out["irrcac"] = ir
    if not np.isnan(t).any():
        counts, _ = inter_rater.aggregate_raters(t)
        out["fleiss_kappa"] = number(inter_rater.fleiss_kappa(counts, method="fleiss"))
        out["randolph_kappa"] = number(inter_rater.fleiss_kappa(counts, method="randolph"))
    return out


def pairwise(t):
    values = sorted({v for v in t.flatten() if not np.isnan(v)})
    out = []
    for a, b in itertools.combinations(range(t.shape[1]), 2):
        both = ~np.isnan(t[:, a]) & ~np.isnan(t[:, b])
        x, y = t[both, a], t[both, b]
        xi, yi = (np.searchsorted(values, v) for v in (x, y))
        kappa = lambda w: quiet(lambda: cohen_kappa_score(xi, yi, weights=w, labels=list(range(len(values)))))
        out.append({"raters": [a, b], "n": int(both.sum()), "cohen": kappa(None), "cohen_linear": kappa("linear"), "cohen_quadratic": kappa("quadratic"), "percent_agreement": quiet(lambda: np.mean(x == y)),
                    "pearson": quiet(lambda: stats.pearsonr(x, y)[0]), "pearson_p": quiet(lambda: stats.pearsonr(x, y)[1]), "spearman": quiet(lambda: stats.spearmanr(x, y)[0]),
                    "spearman_p": quiet(lambda: stats.spearmanr(x, y)[1]), "kendall_tau_b": quiet(lambda: stats.kendalltau(x, y, variant="b", method="asymptotic")[0]),
                    "kendall_p": quiet(lambda: stats.kendalltau(x, y, variant="b", method="asymptotic")[1]), "kendall_tau_c": quiet(lambda: stats.kendalltau(x, y, variant="c", method="asymptotic")[0])})
    return out


def icc(t):
    """Shrout and Fleiss's six, from the mean squares of statsmodels' two-way analysis of variance."""
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm
    n, k = t.shape
    long = pd.DataFrame({"y": t.flatten(), "unit": np.repeat(np.arange(n), k), "rater": np.tile(np.arange(k), n)})
    a = anova_lm(smf.ols("y ~ C(unit) + C(rater)", long).fit())
    bms, jms, ems = (a["sum_sq"][r] / a["df"][r] for r in ("C(unit)", "C(rater)", "Residual"))
    wms = (a["sum_sq"]["C(rater)"] + a["sum_sq"]["Residual"]) / (n * (k - 1))
    return {"bms": bms, "jms": jms, "ems": ems, "wms": wms, "icc1": (bms - wms) / (bms + (k - 1) * wms), "icc2": (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n),
            "icc3": (bms - ems) / (bms + (k - 1) * ems), "icc1k": (bms - wms) / bms, "icc2k": (bms - ems) / (bms + (jms - ems) / n), "icc3k": (bms - ems) / bms}


LEVELS = ("nominal", "ordinal", "interval")
TABLES = {
    "binary_5_raters": (table(1, 40, 5, 2, 0.3, 0.0), LEVELS),
    "binary_missing": (table(2, 60, 4, 2, 0.25, 0.2), LEVELS),
    "four_categories_missing": (table(3, 50, 3, 4, 0.4, 0.15, [1, 2, 3, 4]), LEVELS + ("ratio",)),
    "five_point_two_raters": (table(4, 80, 2, 5, 0.5, 0.0, [1, 2, 3, 4, 5]), LEVELS + ("ratio",)),
    "uneven_values": (table(5, 45, 4, 4, 0.35, 0.25, [0.5, 1.0, 4.0, 10.0]), LEVELS + ("ratio",)),
    "mostly_missing": (table(6, 30, 6, 3, 0.3, 0.6), LEVELS),
    "chance": (table(7, 70, 3, 3, 1.0, 0.1), LEVELS),
    "seven_raters_wide": (table(8, 25, 7, 6, 0.45, 0.05, [1, 2, 3, 4, 5, 6]), LEVELS + ("ratio",)),
}


def associations():
    rng = np.random.default_rng(9)
    cases = {}
    x = rng.integers(0, 6, 200).astype(float); cases["heavy_ties"] = (x, np.clip(x + rng.integers(-2, 3, 200), 0, 5))
    x = rng.standard_normal(50); cases["no_ties"] = (x, 0.5 * x + rng.standard_normal(50))
    cases["reversed"] = (np.arange(12.0), -np.arange(12.0))
    x = rng.integers(0, 2, 30).astype(float); cases["binary"] = (x, rng.integers(0, 2, 30).astype(float))
    cases["one_side_tied"] = (np.repeat([1.0, 2.0], 10), rng.standard_normal(20))
    cases["constant"] = (np.ones(8), np.arange(8.0))
    cases["two_points"] = (np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    x = rng.integers(0, 50, 3000).astype(float); cases["long"] = (x, np.round(x * 0.3 + rng.standard_normal(3000) * 10))
    return [{"name": k, "x": x.tolist(), "y": y.tolist(), "pearson": quiet(lambda: stats.pearsonr(x, y)[0]), "spearman": quiet(lambda: stats.spearmanr(x, y)[0]),
             "spearman_p": quiet(lambda: stats.spearmanr(x, y)[1]), "kendall_tau_b": quiet(lambda: stats.kendalltau(x, y, method="asymptotic")[0]),
             "kendall_p": quiet(lambda: stats.kendalltau(x, y, method="asymptotic")[1])} for k, (x, y) in cases.items()]


def symmetrised():
    """Two-sided coding of preferences: every unit counts once in each orientation (values v and 2 - v), so margins cannot depend on which completion comes first."""
    t = table(10, 40, 3, 3, 0.3, 0.1)
    both = np.vstack([t, 2 - t])
    return {"table": clean(t), "alpha_nominal_both_orientations": krippendorff.alpha(reliability_data=both.T, level_of_measurement="nominal"),
            "cohen_both_orientations": [cohen_kappa_score(both[m, a].astype(int), both[m, b].astype(int)) for a, b in ((0, 1), (0, 2), (1, 2)) for m in [~np.isnan(both[:, a]) & ~np.isnan(both[:, b])]]}


def bootstrap_bca():
    """scipy's BCa and percentile intervals of a mean with many resamples: Ballot's draws differ, so only the neighbourhood is golden."""
    rng = np.random.default_rng(12)
    x = rng.gamma(1.5, 2.0, 60).round(3)
    ci = {m: stats.bootstrap((x,), np.mean, n_resamples=100000, method=m, rng=np.random.default_rng(1)).confidence_interval for m in ("BCa", "percentile")}
    return {"x": x.tolist(), **{m.lower(): [float(c.low), float(c.high)] for m, c in ci.items()}}


def clean(t): return [[None if np.isnan(v) else (int(v) if v == int(v) else float(v)) for v in row] for row in t]


def tests():
    out = {"holm": [], "mcnemar_exact": [], "normal_quantiles": [[p, float(stats.norm.ppf(p))] for p in (1e-10, 0.001, 0.025, 0.2, 0.5, 0.9, 0.975, 1 - 1e-6)]}
    from statsmodels.stats.multitest import multipletests
    for ps in ([0.01, 0.04, 0.03, 0.005, 0.2, 0.5], [0.5, 0.5], [0.02], [0.001, 0.001, 0.9, 0.04, 0.03, 0.011]):
        out["holm"].append({"p": ps, "adjusted": multipletests(ps, method="holm")[1].tolist()})
    from statsmodels.stats.contingency_tables import mcnemar
    for b, c in ((10, 3), (0, 5), (7, 7), (40, 22)):
        out["mcnemar_exact"].append({"b": b, "c": c, "p": float(mcnemar([[5, b], [c, 5]], exact=True).pvalue)})
    return out


if __name__ == "__main__":
    body = {"tables": [{"name": k, "levels": list(levels), "table": clean(t), **agreement(t, levels), "pairs": pairwise(t)} for k, (t, levels) in TABLES.items()],
            "icc": [{"table": clean(t), **{k: float(v) for k, v in icc(t).items()}} for t in (table(20, 12, 3, 5, 0.4, 0.0, [1, 2, 3, 4, 5]), table(21, 30, 5, 9, 0.5, 0.0), table(22, 8, 2, 4, 0.9, 0.0))],
            "associations": associations(), "symmetrised": symmetrised(), "bootstrap_of_a_mean": bootstrap_bca(), "tests": tests()}
    common.write_golden(common.GOLDEN / "statistics.json", common.provenance(__file__, ("krippendorff", "scikit-learn", "scipy", "statsmodels", "irrCAC", "numpy", "pandas"), {"all": "absolute 1e-12, p-values relative 1e-9",
                        "bootstrap_of_a_mean": "0.05 (other draws)"}, "closed formulas in fp64; irrCAC orders and scales its categories by the values that occur, and every table uses its whole scale"), body)
