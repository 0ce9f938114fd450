#!/usr/bin/env python3
"""metrics.py - pairs of small label maps and their scores, for tests/unit/overlap.c and distance.c.

Overlap by SimpleITK's LabelOverlapMeasuresImageFilter, surfaces by scipy's erosion and exact distance transform, percentiles by
numpy. Writes tests/data/metrics.txt: a case is a line "case NAME x y z sx sy sz tolerance", two lines of one digit a voxel (x
fastest; truth, then prediction), then a line "REGION dice jaccard fn_error fp_error hd95 hd100 nsd assd" a region.
"""
import os

import numpy as np
import SimpleITK as sitk
from scipy import ndimage


def blobs(rng, shape, labels, sigma):
    """A label map of smooth shapes: the largest of several smoothed noises, background favoured."""
    fields = [ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="nearest") for _ in range(labels + 1)]
    fields = [f / f.std() for f in fields]
    fields[0] += 0.6
    return np.argmax(fields, axis=0).astype(np.uint8)


def perturb(rng, truth, sigma):
    """Truth seen through a displaced grid, with a few voxels changed."""
    shape = truth.shape
    grid = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    moved = [g + 2.0 * (f := ndimage.gaussian_filter(rng.standard_normal(shape), sigma)) / (f.std() + 1e-9) * (n > 1)
             for g, n in zip(grid, shape)]
    out = ndimage.map_coordinates(truth, moved, order=0, mode="nearest")
    out[rng.random(shape) < 0.003] = 1
    return out


def overlap(ref, pred):
    f = sitk.LabelOverlapMeasuresImageFilter()
    f.Execute(sitk.GetImageFromArray(pred.astype(np.uint8)), sitk.GetImageFromArray(ref.astype(np.uint8)))
    # The filter's source is the prediction: its false negatives are the truth's voxels that the prediction lacks.
    return f.GetDiceCoefficient(1), f.GetJaccardCoefficient(1), f.GetFalseNegativeError(1), f.GetFalsePositiveError(1)


def border(mask):
    planes = mask.squeeze(0) if mask.shape[0] == 1 else mask
    edge = planes ^ ndimage.binary_erosion(planes)
    return edge.reshape(mask.shape)


def surfaces(ref, pred, spacing, tolerance):
    edges = [border(ref), border(pred)]
    sampling = spacing[::-1]
    far = [ndimage.distance_transform_edt(~e, sampling=sampling) for e in edges]
    d = [far[1][edges[0]], far[0][edges[1]]]
    both = np.concatenate(d)
    nsd = np.mean([(x <= tolerance * (1 + 1e-6)).mean() for x in d])
    return np.percentile(both, 95), both.max(), nsd, both.mean()


CASES = [
    ("isotropic", (11, 17, 23), (1, 1, 1), 1, 3, 2.0),
    ("anisotropic", (9, 21, 19), (0.5, 0.8, 3), 1.5, 3, 2.0),
    ("odd spacing", (14, 13, 18), (0.7300000190734863, 1.1, 0.9), 2, 4, 1.6),
    ("plane", (1, 41, 53), (0.4, 0.6, 5), 0.8, 3, 3.0),
    ("thin", (3, 2, 64), (1.25, 2, 0.3), 1, 2, 1.5),
]


def main():
    rng = np.random.default_rng(20220131)
    lines = []
    for name, shape, spacing, tolerance, labels, sigma in CASES:
        truth = blobs(rng, shape, labels, sigma)
        pred = perturb(rng, truth, sigma)
        size = shape[::-1]
        lines.append("case %s %d %d %d %.17g %.17g %.17g %.17g" % (name.replace(" ", "-"), *size, *spacing, tolerance))
        lines.append("".join(map(str, truth.ravel())))
        lines.append("".join(map(str, pred.ravel())))
        for region in [str(k) for k in range(1, labels + 1)] + ["1||2"]:
            values = [int(v) for v in region.split("||")]
            ref, guess = np.isin(truth, values), np.isin(pred, values)
            assert ref.any() and guess.any(), (name, region)
            numbers = overlap(ref, guess) + surfaces(ref, guess, spacing, tolerance)
            lines.append(region + "".join(" %.17g" % v for v in numbers))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "metrics.txt")
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
