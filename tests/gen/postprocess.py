#!/usr/bin/env python3
"""postprocess.py - golden data of post-processing, from SciPy's ndimage and PyTorch's max_pool3d.

Writes tests/data/postprocess.txt: arrays "name count", then values. Of a case: NAME.size (x y z) and, in order z, y, x with
x fastest, NAME.mask, NAME.labelC (components by C neighbours, numbered: the
number of each run along x), NAME.largestC, NAME.closed (binary_closing),
NAME.filled (binary_fill_holes), NAME.HOWK (HOW dilation, erosion, closing, opening; kernel K). Masks are packed, 50 voxels to
a number, the first in its lowest bit. Of a label map: NAME.size, NAME.map and NAME.CHAIN, packed 16 voxels to a number, the
first in its lowest three bits.
"""
import os

import numpy as np
import torch
from scipy import ndimage

SIZES = {'cube': (12, 10, 8), 'word': (64, 7, 5), 'long': (131, 5, 3), 'flat': (21, 17, 1), 'wide': (140, 9, 1),
         'side': (1, 15, 12), 'thin': (16, 1, 11), 'line': (40, 1, 1), 'column': (1, 1, 23), 'tiny': (2, 2, 2),
         'voxel': (1, 1, 1), 'deep': (5, 7, 60)}
JOINS = {6: 1, 18: 2, 26: 3}


def blobs(rng, size, share, sigma):
    """Noise smoothed and cut so that about this share is left."""
    v = ndimage.gaussian_filter(rng.normal(size=size[::-1]), [sigma if n > 1 else 0 for n in size[::-1]])
    return v > np.quantile(v, 1 - share)


def squeezed(f, mask):
    """f on the mask without its axes of size 1."""
    flat = np.squeeze(mask)
    return (f(flat) if flat.ndim else flat).reshape(mask.shape)


def largest(mask, join):
    label, n = ndimage.label(mask, ndimage.generate_binary_structure(3, JOINS[join]))
    return label == 1 + np.argmax(np.bincount(label.ravel())[1:]) if n else mask


def pool(v, k):
    return torch.nn.functional.max_pool3d(v, k, 1, k // 2)


def morphology(mask, how, k):
    v = torch.from_numpy(mask.astype(np.float32))[None, None]
    dilate, erode = lambda t: pool(t, k), lambda t: -pool(-t, k)
    steps = {'dilation': [dilate], 'erosion': [erode], 'closing': [dilate, erode], 'opening': [erode, dilate]}
    for step in steps[how]:
        v = step(v)
    return v[0, 0].numpy() > 0


def close(mask):
    return squeezed(ndimage.binary_closing, mask)


def fill(mask):
    return squeezed(ndimage.binary_fill_holes, mask)


CHAINS = {
    'holes': [close, fill], 'bare': [fill], 'cca': [lambda m: largest(m, 26)], 'cca6': [lambda m: largest(m, 6)],
    'grow': [lambda m: morphology(m, 'dilation', 3)], 'open': [lambda m: morphology(m, 'opening', 3)],
    'erode': [lambda m: morphology(m, 'erosion', 3)],
    'chain': [lambda m: morphology(m, 'closing', 5), fill, lambda m: largest(m, 18), lambda m: morphology(m, 'dilation', 3)],
    'back': [lambda m: morphology(m, 'dilation', 5), close, fill, lambda m: morphology(m, 'erosion', 5)],
}


def chained(labels, steps, order):
    """Each label's mask by itself, then as class maps are decoded: later ones over earlier ones."""
    out = np.zeros_like(labels)
    for v in order:
        mask = labels == v
        for step in steps:
            mask = step(mask)
        out[mask] = v
    return out


def pack(values, bits, n):
    values = [int(v) for v in np.asarray(values).ravel()]
    return [sum(v << bits * i for i, v in enumerate(values[at:at + n])) for at in range(0, len(values), n)]


def main():
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')
    rng = np.random.default_rng(7)
    with open(os.path.join(top, 'postprocess.txt'), 'w') as f:
        def put(name, values):
            f.write('%s %d\n%s\n' % (name, len(values), ' '.join('%d' % v for v in values)))

        for name, size in SIZES.items():
            for share, sigma in ((0.3, 0), (0.45, 0.6), (0.85, 0.6)):
                case = '%s%d' % (name, 100 * share)
                mask = blobs(rng, size, share, sigma)
                put(case + '.size', size)
                put(case + '.mask', pack(mask, 1, 50))
                starts = mask & ~np.pad(mask, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
                for join in JOINS:
                    label, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, JOINS[join]))
                    put('%s.label%d' % (case, join), label[starts])
                    put('%s.largest%d' % (case, join), pack(largest(mask, join), 1, 50))
                put(case + '.closed', pack(close(mask), 1, 50))
                put(case + '.filled', pack(fill(mask), 1, 50))
                for how in ('dilation', 'erosion', 'closing', 'opening'):
                    for k in (3, 7):
                        put('%s.%s%d' % (case, how, k), pack(morphology(mask, how, k), 1, 50))
        for name in ('cube', 'long', 'flat', 'wide', 'side', 'thin', 'deep'):
            labels = np.zeros(SIZES[name][::-1], int)
            for v in (1, 2, 3, 4, 6):
                labels[blobs(rng, SIZES[name], 0.2, 0.8)] = v
            put(name + '.size', SIZES[name])
            put(name + '.map', pack(labels, 3, 16))
            for chain, steps in CHAINS.items():
                put('%s.%s' % (name, chain), pack(chained(labels, steps, (1, 2, 3, 4, 6)), 3, 16))
            put(name + '.order', pack(chained(labels, CHAINS['grow'], (4, 2, 1, 3, 6)), 3, 16))


main()
