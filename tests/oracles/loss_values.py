"""Loss formulas one by one in fp64: value and derivatives for a dozen pairs (and a few rankings), by torch autograd.

The losses that TRL 1.16 knows are checked end to end in trl_dpo_losses.json; here stand their single-pair values, written down from the
papers, and the ones TRL keeps elsewhere: cpo, simpo and orpo come from trl.experimental's own functions."""
import os
import types

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
import torch
import torch.nn.functional as F
from trl.experimental.cpo.cpo_trainer import CPOTrainer
from trl.experimental.orpo import orpo_trainer

import common

BETA = 0.22
# policy chosen, policy rejected, reference chosen, reference rejected, tokens chosen, tokens rejected, margin, target
PAIRS = [(-20.5, -31.25, -22.0, -30.0, 12, 15, 1.0, 1.0), (-60.0, -18.0, -55.5, -19.5, 40, 9, 4.0, 1.0), (-5.0, -5.0, -5.0, -5.0, 3, 3, 0.0, 0.5), (-140.0, -90.0, -120.0, -101.0, 77, 64, 2.0, 0.8),
         (-33.0, -40.0, -32.0, -60.0, 20, 30, 3.0, 0.25), (-0.75, -2.5, -1.25, -1.5, 1, 2, 0.5, 1.0), (-300.0, -280.0, -150.0, -400.0, 120, 130, 1.0, 0.0), (-301.0, -700.0, -500.0, -350.0, 128, 200, 0.0, 1.0)]


def dpo_losses():
    ls, s = F.logsigmoid, torch.sigmoid

    def of(name, **o):
        beta, eps = o.get("beta", BETA), o.get("label_smoothing", 0.0)

        def f(x):
            w, l = x.pw - x.rw, x.pl - x.rl
            d = w - l
            if name == "sigmoid": return -(1 - eps) * ls(beta * d) - eps * ls(-beta * d)
            if name == "robust": return (-(1 - eps) * ls(beta * d) + eps * ls(-beta * d)) / (1 - 2 * eps)
            if name == "hinge": return torch.relu(1 - beta * d)
            if name == "ipo": return (w / x.nw - l / x.nl - 1 / (2 * beta)) ** 2
            if name == "sigmoid_norm": return -ls(beta * (w / x.nw - l / x.nl))
            if name == "exo_pair":
                q = s(beta * d)
                return q * (ls(beta * d) - torch.log1p(torch.tensor(-eps, dtype=torch.float64))) + s(-beta * d) * (ls(-beta * d) - torch.log(torch.tensor(eps, dtype=torch.float64)))
            if name == "apo_zero": return (1 - s(beta * w)) + s(beta * l)
            if name == "apo_down": return s(beta * w) + (1 - s(beta * d))
            if name == "bco_pair": return -ls(beta * w) - ls(-beta * l)
            if name == "nca_pair": return -ls(beta * w) - 0.5 * ls(-beta * w) - 0.5 * ls(-beta * l)
            if name == "sppo_hard": return (w - 1 / (2 * beta)) ** 2 + (l + 1 / (2 * beta)) ** 2
            if name == "discopop":
                m = s(beta * d / 0.05)
                return (1 - m) * -ls(beta * d) + m * torch.exp(-beta * d)
            if name == "odpo": return -ls(beta * d - o["alpha"] * x.m)
            if name == "soft": return -x.t * ls(beta * d) - (1 - x.t) * ls(-beta * d)
            if name == "cpo": return CPOTrainer.cpo_loss(types.SimpleNamespace(alpha=0.0, accelerator=CPU, loss_type="sigmoid", beta=beta, label_smoothing=0.0), x.pw, x.pl)[0] - x.pw
            if name == "simpo":
                return CPOTrainer.cpo_loss(types.SimpleNamespace(alpha=0.0, accelerator=CPU, loss_type="simpo", beta=beta, label_smoothing=0.0, simpo_gamma=o["gamma"]), x.pw / x.nw, x.pl / x.nl)[0]
            if name == "orpo":  # beta is lambda; the function works in fp32, so it only checks the fp64 formula beside it
                a, b = x.pw / x.nw, x.pl / x.nl
                theirs = orpo_trainer.ORPOTrainer.odds_ratio_loss(types.SimpleNamespace(beta=beta, accelerator=CPU), a.detach(), b.detach())[0]
                odds = lambda v: v - torch.log1p(-torch.exp(v))
                ours = beta * ls(odds(a) - odds(b))
                assert abs(ours.item() - theirs.item()) < 1e-6
                return -x.pw / x.nw - ours
            raise KeyError(name)
        return {"name": name, **{"beta": beta, **o}}, f

    return [of("sigmoid"), of("sigmoid", label_smoothing=0.1), of("robust", label_smoothing=0.1), of("hinge"), of("ipo"), of("sigmoid_norm", beta=5.0), of("exo_pair", label_smoothing=0.1), of("apo_zero"),
            of("apo_down"), of("bco_pair"), of("nca_pair"), of("sppo_hard"), of("discopop", tau=0.05), of("odpo", alpha=0.5), of("soft"), of("cpo", beta=0.1), of("simpo", beta=2.0, gamma=1.0), of("orpo", beta=0.1)]


CPU = types.SimpleNamespace(device="cpu")


def pairs():
    out = []
    for options, f in dpo_losses():
        rows = []
        for pw, pl, rw, rl, nw, nl, m, t in PAIRS:
            a, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (pw, pl))
            loss = f(types.SimpleNamespace(pw=a, pl=b, rw=rw, rl=rl, nw=nw, nl=nl, m=m, t=t))
            loss.backward()
            rows.append([loss.item(), float(a.grad) if a.grad is not None else 0.0, float(b.grad) if b.grad is not None else 0.0])
        out.append({**options, "loss_dchosen_drejected": rows})
    return out


REWARDS = [(1.5, -0.25, 1.0, 1.0), (-2.0, 0.5, 4.0, 1.0), (0.125, 0.125, 0.0, 0.5), (9.0, -11.0, 2.0, 0.8), (-30.0, 25.0, 3.0, 0.0)]  # chosen, rejected, margin, target


def rewards():
    ls = F.logsigmoid
    kinds = {"bradley_terry": lambda c, r, m, t: -ls(c - r), "bradley_terry_margin": lambda c, r, m, t: -ls(c - r - m), "scaled": lambda c, r, m, t: -m * ls(c - r),
             "soft": lambda c, r, m, t: -t * ls(c - r) - (1 - t) * ls(r - c), "bradley_terry_centred_0.01": lambda c, r, m, t: -ls(c - r) + 0.01 * (c + r) ** 2}
    out = []
    for name, f in kinds.items():
        rows = []
        for c, r, m, t in REWARDS:
            a, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (c, r))
            loss = f(a, b, m, t)
            loss.backward()
            rows.append([loss.item(), float(a.grad), float(b.grad)])
        out.append({"name": name, "loss_dchosen_drejected": rows})
    return out


def plackett_luce(s, groups):
    loss, left = 0.0, [i for g in groups for i in g]
    for g in groups:
        if len(left) > len(g) or len(g) > 1: loss = loss - (s[g].sum() - len(g) * torch.logsumexp(s[left], 0))
        left = [i for i in left if i not in g]
    return loss


def rankings():
    scores = [[1.0, 0.5, -0.25, 2.0, -1.5], [0.0, 0.0, 0.0, 0.0, 0.0], [30.0, -20.0, 5.0, 4.5, 0.25]]
    orders = [[[3], [0], [1], [2], [4]], [[4], [2], [1], [0], [3]], [[0, 3], [1], [2, 4]], [[1, 2, 4], [0], [3]]]
    out = []
    for values in scores:
        for groups in orders:
            s = torch.tensor(values, dtype=torch.float64, requires_grad=True)
            loss = plackett_luce(s, groups)
            loss.backward()
            out.append({"scores": values, "groups": groups, "loss": loss.item(), "gradient": s.grad.tolist()})
    return out


if __name__ == "__main__":
    common.write_golden(common.GOLDEN / "loss_values.json", common.provenance(__file__, ("torch", "trl"), "relative 1e-9 (orpo, cpo and simpo too)", "closed formulas in fp64"),
                        {"pairs": {"columns": ["policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected", "tokens_chosen", "tokens_rejected", "margin", "target"], "rows": PAIRS},
                         "notes": {"cpo": "the added term is the summed negative log-likelihood of chosen (trl.experimental averages it over tokens)", "simpo": "log-probabilities are means over tokens; gamma is the target margin itself, after beta"},
                         "dpo": pairs(), "rewards": {"columns": ["chosen", "rejected", "margin", "target"], "rows": REWARDS}, "reward": rewards(),
                         "plackett_luce": {"ties": "Breslow: a group of g counts g times the log-sum-exp of itself and everything worse; the last single item counts nothing", "cases": rankings()}})
