"""Putting annotators together, and the logistic regression of the report card, by independent implementations.

Writes combine.json. The logistic regression is statsmodels' GLM; Plackett-Luce with weights and a prior, and the joint
latent-utility model, are written here as plain log-likelihoods and maximised by Newton's method with torch's automatic
derivatives; Dawid-Skene in both orientations is a loop over numpy arrays."""
import itertools

import numpy as np
import statsmodels.api as sm
import torch

import common

torch.set_default_dtype(torch.float64)


def newton(negative, x, steps=200):
    for _ in range(steps):
        x = x.detach().requires_grad_(True)
        value = negative(x)
        gradient = torch.autograd.grad(value, x)[0]
        hessian = torch.autograd.functional.hessian(negative, x.detach())
        eigenvalues, vectors = torch.linalg.eigh(hessian)
        step = vectors @ ((vectors.T @ gradient) / eigenvalues.abs().clamp(min=1e-8))
        scale = 1.0
        with torch.no_grad():
            while scale > 1e-12:
                after = negative(x - scale * step)
                if torch.isfinite(after) and after <= value: break
                scale /= 2
            moved = (scale * step).abs().max()
            x = x - scale * step
        if moved < 1e-13: break
    return x.detach(), negative(x).item()


def logistic():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2))
    p = 1 / (1 + np.exp(-(0.8 * x[:, 0] - 0.5 * x[:, 1])))
    y = np.where(rng.random(60) < 0.15, 0.5, (rng.random(60) < p).astype(float))
    fit = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=200)
    return {"rows": x.round(12).flatten().tolist(), "outcomes": y.tolist(), "coefficients": fit.params.tolist(), "standard_errors": fit.bse.tolist()}


def plackett_luce():
    rankings = [[0, 1, 2, 3], [2, 0], [1, 3, 2], [3, 0, 1], [0, 2, 3, 1], [0, 1]]
    weights, prior = [1, 0.5, 2, 0.25, 1, 3], 0.1
    everything = list(zip(rankings, weights)) + [([i, j], prior) for i, j in itertools.permutations(range(4), 2)]

    def negative(u):
        total = 0
        for ranking, weight in everything:
            for stage in range(len(ranking) - 1):
                total = total - weight * (u[ranking[stage]] - torch.logsumexp(u[torch.tensor(ranking[stage:])], 0))
        return total + 0.5 * u.sum() ** 2  # the mean is free; this fixes it at 0 and costs nothing there
    u, value = newton(negative, torch.zeros(4))
    return {"rankings": rankings, "weights": weights, "prior": prior, "log_strength": (u - u.mean()).tolist(), "log_likelihood": -value}


def dawid_skene():
    """Labels -1, 0, 1 of 25 pairs by four annotators, some missing; every pair in both orientations."""
    rng = np.random.default_rng(7)
    truth = rng.choice([-1, 1], 25)
    labels = []
    for t in truth:
        row = []
        for accuracy, tie in ((0.9, 0.05), (0.7, 0.2), (0.8, 0.0), (0.6, 0.1)):
            x = rng.random()
            row.append(None if x < 0.12 else 0 if rng.random() < tie else int(t if rng.random() < accuracy else -t))
        labels.append(row)
    both = [[None if l is None else l + 1 for l in row] for row in labels] + [[None if l is None else 1 - l for l in row] for row in labels]
    units, raters, smoothing = len(both), 4, 0.01
    T = np.zeros((units, 3))
    for u, row in enumerate(both):
        votes = [l for l in row if l is not None]
        for l in votes: T[u, l] += 1 / len(votes)
        if not votes: T[u] = 1 / 3
    previous = None
    for _ in range(100000):
        pi = T.mean(0)
        theta = np.full((raters, 3, 3), smoothing)
        for u, row in enumerate(both):
            for r, l in enumerate(row):
                if l is not None: theta[r, :, l] += T[u]
        theta /= theta.sum(2, keepdims=True)
        likelihood = 0
        for u, row in enumerate(both):
            log_joint = np.log(pi).copy()
            for r, l in enumerate(row):
                if l is not None: log_joint += np.log(theta[r, :, l])
            top = log_joint.max()
            sums = np.exp(log_joint - top)
            T[u] = sums / sums.sum()
            likelihood += top + np.log(sums.sum())
        if previous is not None and abs(likelihood - previous) <= 1e-13 * (1 + abs(likelihood)): break
        previous = likelihood
    return {"labels": labels, "smoothing": smoothing, "first_better": (T[:25, 2] + T[:25, 1] / 2).tolist(), "log_likelihood": likelihood}


def utilities():
    """Six prompts of four completions: choices by the anchor, degrees, scores and rankings by others."""
    rng = np.random.default_rng(3)
    kinds, answers = ["choice", "degree", "score", "ranking"], []
    for group in range(6):
        u = rng.normal(0, 1.5, 4)
        for i, j in itertools.combinations(range(4), 2):
            d = u[i] - u[j]
            x = rng.random()
            answers.append([group, 0, [i, j], 0.5 if x < 0.1 else float(rng.random() < 1 / (1 + np.exp(-d))), 1.0])
            e = d + rng.logistic()
            answers.append([group, 1, [i, j], float(np.sign(e) * (2 if abs(e) > 2.5 else 1 if abs(e) > 0.6 else 0)), 1.0])
        for i in range(4):
            answers.append([group, 2, [i], float(np.clip(np.round(3 + 0.7 * u[i] + 0.6 * rng.normal()), 1, 5)), 1.0])
        order = np.argsort(-(0.8 * u + rng.gumbel(size=4)))
        answers.append([group, 3, order.tolist(), 0.0, 0.5 if group == 2 else 1.0])
    levels = {1: sorted({abs(a[3]) for a in answers if a[1] == 1}), 2: sorted({a[3] for a in answers if a[1] == 2})}
    assert levels[1] == [0, 1, 2]
    groups, deviation = 6, 2.0
    degrees, scores = len(levels[1]) - 1, len(levels[2]) - 1
    infinity = torch.tensor(float("inf"))

    def between(low, high, eta):
        return torch.log(torch.sigmoid(high - eta) - torch.sigmoid(low - eta))

    def negative(x):
        u = x[:groups * 4].reshape(groups, 4)
        b = torch.cat([torch.ones(1), x[groups * 4:groups * 4 + 3]])
        t = x[groups * 4 + 3:groups * 4 + 3 + degrees]
        c = x[groups * 4 + 3 + degrees:]
        if bool((t[1:] <= t[:-1]).any()) or bool(t[0] <= 0) or bool((c[1:] <= c[:-1]).any()): return infinity
        value = -(u ** 2).sum() / (2 * deviation ** 2) - ((b[1:] - 1) ** 2).sum() / 2 - (t ** 2).sum() / 50 - (c ** 2).sum() / 50
        T = torch.cat([-infinity.reshape(1), -t.flip(0), t, infinity.reshape(1)])  # borders of -M..M
        C = torch.cat([-infinity.reshape(1), c, infinity.reshape(1)])
        for group, r, items, answer, weight in answers:
            v = u[group]
            if r == 0:
                d = v[items[0]] - v[items[1]]
                value = value + weight * (answer * torch.nn.functional.logsigmoid(d) + (1 - answer) * torch.nn.functional.logsigmoid(-d))
            elif r == 1:
                k = int(np.sign(answer)) * levels[1].index(abs(answer)) + degrees
                value = value + weight * between(T[k], T[k + 1], b[1] * (v[items[0]] - v[items[1]]))
            elif r == 2:
                k = levels[2].index(answer)
                value = value + weight * between(C[k], C[k + 1], b[2] * v[items[0]])
            else:
                for stage in range(3):
                    left = b[3] * v[torch.tensor(items[stage:])]
                    value = value + weight * (left[0] - torch.logsumexp(left, 0))
        return -value

    start = torch.cat([torch.zeros(groups * 4), torch.ones(3), torch.arange(1.0, degrees + 1), torch.arange(scores) - (scores - 1) / 2])
    x, value = newton(negative, start)
    return {"kinds": kinds, "answers": answers, "prior_deviation": deviation, "utilities": x[:groups * 4].reshape(groups, 4).tolist(),
            "discriminations": [1.0] + x[groups * 4:groups * 4 + 3].tolist(), "degree_thresholds": x[groups * 4 + 3:groups * 4 + 3 + degrees].tolist(),
            "score_levels": levels[2], "score_thresholds": x[groups * 4 + 3 + degrees:].tolist(), "objective": -value}


common.write_golden(common.GOLDEN / "combine.json",
                    common.provenance(__file__, ["numpy", "statsmodels", "torch"], 1e-7, "both sides stop where nothing moves by more than 1e-9 or so"),
                    {"logistic": logistic(), "plackett_luce": plackett_luce(), "dawid_skene": dawid_skene(), "utilities": utilities()})
