#!/usr/bin/env python3
"""stain.py - golden data for tests/unit/stain.c: numpy's linear algebra (least squares, covariance, eigenvectors, percentiles) for
Ruifrok's and Macenko's stains, scipy's Nelder-Mead over the directions for Vahadane's. Writes tests/data/stain.txt.

Two pictures are made from known stains (colour.size = x y; source, target: r g b by component). Arrays: METHOD.source and
METHOD.target = the matrix and the two 99th percentiles; METHOD.out = the source in the target's stains, not rounded.
"""
import os

import numpy as np
from scipy.optimize import minimize

HERE = os.path.dirname(os.path.abspath(__file__))
W, H = 34, 27
RUIFROK = np.array([[.65, .70, .29], [.07, .99, .11]])
lines = []


def put(name, values, fmt='%.9g'):
    values = np.asarray(values, np.float64).ravel()
    lines.append('%s %d\n%s\n' % (name, len(values), ' '.join(fmt % v for v in values)))


def unit(m):
    return m / np.linalg.norm(m, axis=1, keepdims=True)


def picture(seed, matrix):
    rng = np.random.default_rng(seed)
    c = rng.gamma(1.2, 0.7, (W * H, 2))
    c[rng.random(W * H) < 0.25, 0] = 0
    c[rng.random(W * H) < 0.15] *= 0.02
    v = 255 * np.exp(-np.minimum(c, 2.5) @ unit(matrix)) + rng.normal(0, 1.5, (W * H, 3))
    return np.clip(np.rint(v), 0, 255).astype(int)


def density(v):
    return np.maximum(-np.log(np.where(v == 0, 1, v) / 255), 1e-6)


def tissue(v):
    lo, hi = np.percentile(v, (2, 98))
    s = np.floor((np.clip(v, lo, hi) - lo) / (hi - lo) * 255).astype(int) / 255
    light = np.where(s > 0.04045, ((s + 0.055) / 1.055) ** 2.4, s / 12.92)
    y = light @ np.array([.212671, .715160, .072169])
    lightness = np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)
    return np.rint(lightness * 2.55) / 255 < 0.8


def ordered(m):
    return unit(m if m[0, 0] >= m[1, 0] else m[::-1])


def macenko(v):
    d = density(v)[tissue(v)]
    values, vectors = np.linalg.eigh(np.cov(d, rowvar=False))
    axes = vectors[:, np.argsort(values)[::-1][:2]].T
    axes = np.where(axes[:, :1] < 0, -axes, axes)
    p = d @ axes.T
    phi = np.percentile(np.arctan2(p[:, 1], p[:, 0]), (1, 99))
    return ordered(np.stack([np.cos(f) * axes[0] + np.sin(f) * axes[1] for f in phi]))


def best_objective(d, m):
    """Amounts not below 0, by trying every set of those that are not 0."""
    best = 0.5 * (d ** 2).sum(1)
    for rows in ([0], [1], [0, 1]):
        s = m[rows]
        c = (d @ s.T - 0.1) @ np.linalg.pinv(s @ s.T)
        value = 0.5 * ((d - c @ s) ** 2).sum(1) + 0.1 * c.sum(1)
        best = np.where((c >= 0).all(1) & (value < best), value, best)
    return best.sum()


def vahadane(v):
    d = density(v)[tissue(v)]

    def matrix(a):
        return unit(np.exp(a.reshape(2, 3)))

    starts = (RUIFROK, macenko(v).clip(1e-3), np.array([[.5, .5, .5], [.1, .9, .2]]))
    found = [minimize(lambda a: best_objective(d, matrix(a)), np.log(unit(s)).ravel(), method='Nelder-Mead',
                      options={'maxiter': 20000, 'maxfev': 20000, 'xatol': 1e-8, 'fatol': 1e-11, 'adaptive': True}) for s in starts]
    best = min(found, key=lambda r: r.fun)
    return d, ordered(matrix(best.x)), best.fun


def amounts(v, m):
    return density(v) @ np.linalg.pinv(m)


def main():
    source = picture(1, np.array([[.60, .72, .34], [.12, .90, .30]]))
    target = picture(2, np.array([[.55, .78, .28], [.20, .88, .42]]))
    put('colour.size', [W, H])
    put('source', source.T, '%d')
    put('target', target.T, '%d')
    put('tissue', [tissue(source).sum(), tissue(target).sum()], '%d')
    for name, fit in (('ruifrok', lambda v: RUIFROK), ('macenko', macenko)):
        a, b = fit(source), fit(target)
        ca, cb = amounts(source, a), amounts(target, b)
        ta, tb = np.percentile(ca, 99, axis=0), np.percentile(cb, 99, axis=0)
        put(name + '.source', [*a.ravel(), *ta])
        put(name + '.target', [*b.ravel(), *tb])
        put(name + '.out', np.clip(255 * np.exp(-(ca * tb / ta) @ b), 0, 255).T, '%.5g')
    for name, v in (('source', source), ('target', target)):
        d, m, objective = vahadane(v)
        put('vahadane.' + name, [*m.ravel(), objective])
    with open(os.path.join(HERE, '..', 'data', 'stain.txt'), 'w') as f:
        f.write(''.join(lines))


main()
