#!/usr/bin/env python3
"""histogram.py - golden data for tests/unit/histogram.c from SimpleITK: HistogramMatching (thresholded at the mean) to another
image and to a ramp, AdaptiveHistogramEqualization (alpha 0.3, beta 0.3, radius 5). Writes tests/data/histogram.txt.

Voxel n (z y x, x fastest) of an image of kind K holds k = (7919 n + 13) mod M: 0: M = 1009, k / 4 - 20; 1: M = 1009,
(k / 1009)^3 900; 2: M = 7, k; as float32. Arrays of a case: size = x y z kind levels points, of a target kind and voxels, of all
the stride of the values kept; out = every stride-th voxel.
"""
import os

import numpy as np
import SimpleITK as sitk

HERE = os.path.dirname(os.path.abspath(__file__))
lines = []


def put(name, values):
    values = np.asarray(values, np.float64).ravel()
    lines.append('%s %d\n%s\n' % (name, len(values), ' '.join('%.9g' % v for v in values)))


def image(size, kind):
    n = np.arange(size[0] * size[1] * size[2], dtype=np.int64)
    k = ((7919 * n + 13) % (7 if kind == 2 else 1009)).astype(np.float64)
    v = k / 4 - 20 if kind == 0 else (k / 1009) * (k / 1009) * (k / 1009) * 900 if kind == 1 else k
    return v.astype(np.float32).reshape(size[::-1])


def match(source, target, levels, points):
    f = sitk.HistogramMatchingImageFilter()
    f.SetNumberOfHistogramLevels(levels)
    f.SetNumberOfMatchPoints(points)
    f.ThresholdAtMeanIntensityOn()
    return sitk.GetArrayFromImage(f.Execute(sitk.GetImageFromArray(source), sitk.GetImageFromArray(target)))


def main():
    sizes = ((13, 11, 9), (17, 12, 1), (12, 9, 14))
    n = 0
    for size in sizes:
        for kind in (0, 1, 2):
            stride = 7 if size[2] > 1 else 2
            source = image(size, kind)
            for levels, points, other in ((1024, 16, (kind + 1) % 3), (32, 4, (kind + 2) % 3), (256, 7, kind)):
                target = image((15, 10, 8), other)
                put('match.%d.size' % n, [*size, kind, levels, points, other, target.size, stride])
                put('match.%d.out' % n, match(source, target, levels, points).ravel()[::stride])
                ramp = np.linspace(-1, 1, source.size).astype(np.float32).reshape(source.shape)
                put('ramp.%d.size' % n, [*size, kind, levels, points, 0, 0, stride])
                put('ramp.%d.out' % n, match(source, ramp, levels, points).ravel()[::stride])
                n += 1
    n = 0
    for size in sizes:
        for kind in (0, 1, 2):
            f = sitk.AdaptiveHistogramEqualizationImageFilter()
            f.SetAlpha(0.3)
            f.SetBeta(0.3)
            flat = size[2] == 1
            f.SetRadius([5, 5] if flat else [5, 5, 5])
            v = image(size, kind)
            out = sitk.GetArrayFromImage(f.Execute(sitk.GetImageFromArray(v[0] if flat else v)))
            stride = 2 if flat else 5
            put('adapt.%d.size' % n, [*size, kind, 0, 0, 0, 0, stride])
            put('adapt.%d.out' % n, out.ravel()[::stride])
            n += 1
    with open(os.path.join(HERE, '..', 'data', 'histogram.txt'), 'w') as f:
        f.write(''.join(lines))


main()
