#!/usr/bin/env python3
"""resample.py - golden data of the interpolations, from SimpleITK's ResampleImageFilter.

Writes tests/data/resample.txt: arrays "name count", then values. Of a case: NAME.from and NAME.to (size x y z, then 12 numbers of the RAS
affine), NAME.label (nearest), and NAME.linear, NAME.bspline, NAME.lanczos (channel, z, y, x). The images are made by the formula in source().
oblique.smooth_linear and smooth_bspline: a Gaussian of SciPy comes first (gn-resample --antialias).
"""
import os

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

LPS = np.diag([-1.0, -1.0, 1.0])
INTERP = {'linear': sitk.sitkLinear, 'bspline': sitk.sitkBSpline, 'lanczos': sitk.sitkLanczosWindowedSinc}


def source(size, channels):
    i, j, k = np.meshgrid(*[np.arange(n) for n in size], indexing='ij')
    image = [(7 * i + 5 * j + 3 * k + 2 * i * j + j * k + 11 * c) % 23 - 4 for c in range(channels)]
    return np.array(image, np.float32), ((i // 2 + j // 3 + k) % 4).astype(np.uint8)


def rotation(x, y, z):
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def grid(size, m, origin):
    return size, np.asarray(m, float), np.asarray(origin, float)


def finer(g, spacing):
    """The grid of another spacing whose outer corner is the same."""
    size, m, origin = g
    old = np.linalg.norm(m, axis=0)
    ratio = np.array([r / s if n > 1 else 1 for r, s, n in zip(spacing, old, size)])
    n = [int(np.ceil(k / q - 1e-3)) for k, q in zip(size, ratio)]
    return grid(n, m * ratio, origin + m @ (0.5 * (ratio - 1)))


def turned(g, angles, size, scale):
    """A grid that lies askew about the middle of another."""
    n, m, origin = g
    middle = origin + m @ ((np.array(n) - 1) / 2)
    turn = rotation(*angles) @ m * scale
    return grid(size, turn, middle - turn @ ((np.array(size) - 1) / 2 + (0.13, -0.21, 0.07 if n[2] > 1 else 0)))


def itk_geometry(g):
    size, m, origin = g
    spacing = np.linalg.norm(m, axis=0)
    return spacing, LPS @ origin, LPS @ m / spacing


def resample(array, g, to, interp):
    """array x y z; a flat image is a 2-D image."""
    flat = g[0][2] == 1
    spacing, origin, direction = itk_geometry(g)
    new_spacing, new_origin, new_direction = itk_geometry(to)
    d = 2 if flat else 3
    image = sitk.GetImageFromArray(array.T[0] if flat else array.T)
    image.SetSpacing(spacing[:d].tolist())
    image.SetOrigin(origin[:d].tolist())
    image.SetDirection(direction[:d, :d].ravel().tolist())
    out = sitk.Resample(image, [int(n) for n in to[0][:d]], sitk.Transform(), interp, new_origin[:d].tolist(),
                        new_spacing[:d].tolist(), new_direction[:d, :d].ravel().tolist(), 0.0, image.GetPixelID())
    return sitk.GetArrayFromImage(out).ravel()


def main():
    iso = grid((9, 8, 6), np.eye(3), (5, -3, 2))
    aniso = grid((8, 7, 5), [[0, 1.2, 0], [-0.8, 0, 0], [0, 0, 3.0]], (-20, 14, 3))
    oblique = grid((8, 7, 6), rotation(0.4, -0.3, 0.7) @ np.diag([1, 1.5, 2.0]), (10, 20, -30))
    sheared = grid((7, 8, 5), [[1, 0.2, 0], [0, 1.1, -0.3], [0.1, 0, 1.5]], (1, 2, 3))
    flat = grid((12, 9, 1), np.diag([-0.7, -0.9, 1.0]), (3, 4, 0))
    line = grid((2, 3, 7), np.diag([1.0, 1.0, 1.0]), (0, 0, 0))
    long = grid((70, 3, 4), np.diag([1.0, 1.0, 1.0]), (0, 0, 0))
    cases = {
        'iso': (iso, finer(iso, (1.3, 0.9, 0.7)), 4),
        'iso_turned': (iso, turned(iso, (0.2, -0.4, 0.6), (7, 6, 5), 1.05), 1),
        'aniso': (aniso, finer(aniso, (1.7, 1.1, 1.3)), 1),
        'aniso_turned': (aniso, turned(aniso, (-0.3, 0.1, 0.2), (7, 7, 5), 0.95), 4),
        'oblique': (oblique, finer(oblique, (0.7, 2.3, 1.9)), 1),
        'oblique_turned': (oblique, turned(oblique, (0.1, 0.3, -0.5), (6, 7, 7), 1.1), 1),
        'sheared': (sheared, finer(sheared, (1.3, 0.9, 1.1)), 1),
        'sheared_to_iso': (sheared, grid((7, 8, 6), np.eye(3) * 1.1, (0.7, 1.9, 2.6)), 1),
        'flat': (flat, finer(flat, (1.1, 0.5, 1)), 4),
        'flat_turned': (flat, turned(flat, (0, 0, 0.3), (11, 10, 1), 1.1), 1),
        'short': (line, finer(line, (0.9, 0.7, 0.3)), 1),
        'long': (long, finer(long, (1.37, 0.7, 2.9)), 1),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'resample.txt')
    with open(path, 'w') as f:
        def put(name, values):
            values = np.asarray(values).ravel()
            f.write('%s %d\n%s\n' % (name, len(values), ' '.join('%.8g' % v for v in values)))

        def put_grid(name, g):
            values = list(g[0]) + list(np.column_stack([g[1], g[2]]).ravel())
            f.write('%s %d\n%s\n' % (name, len(values), ' '.join('%.17g' % v for v in values)))
        g, to, _ = cases['oblique']
        k = np.linalg.norm(to[1], axis=0) / np.linalg.norm(g[1], axis=0)
        sigma = np.sqrt(np.maximum(k * k - 1, 0) / (8 * np.log(2)))
        smooth = gaussian_filter(source(g[0], 1)[0][0].astype(float), sigma, mode='reflect', truncate=4)
        for how in 'linear', 'bspline':
            put('oblique.smooth_' + how, resample(smooth.astype(np.float32), g, to, INTERP[how]))
        for name, (g, to, channels) in cases.items():
            image, label = source(g[0], channels)
            put_grid(name + '.from', g)
            put_grid(name + '.to', to)
            put(name + '.label', resample(label, g, to, sitk.sitkNearestNeighbor))
            for how, interp in INTERP.items():
                put('%s.%s' % (name, how), np.concatenate([resample(image[c], g, to, interp) for c in range(channels)]))


main()
