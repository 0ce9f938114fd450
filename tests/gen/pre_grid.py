#!/usr/bin/env python3
"""pre_grid.py - golden data of every change of grid, on the images of pre_images.py: TorchIO 0.19.6 (Resample, Resize, ToCanonical,
Crop, CropOrPad, Pad), SimpleITK (every interpolation, first centres kept), SciPy (the Gaussian before an image shrinks), NumPy
(zero planes, by GaNDLF's rule). Writes tests/data/pre_grid.txt, pre_interp.txt and pre_pad.txt.

Arrays of a case ROW.IMAGE: .v (the parameters, as tests/unit/pre_grid.c reads them), .size and .affine (of the result), .image
(four channels) and .label (see
Golden.some). Asserted here: one channel alone gives what it gives beside others; no nearest point lies half-way between two voxels.
"""
import warnings

import numpy as np
import SimpleITK as sitk
import torch
import torchio as tio
from scipy.ndimage import gaussian_filter

from pre_images import Golden, affine_of, images, itk_resample, rotation

warnings.simplefilter('ignore')


def subject(im, channels=4):
    def tensor(v):
        return torch.from_numpy(np.ascontiguousarray(v.transpose(0, 3, 2, 1)))
    return tio.Subject(a=tio.ScalarImage(tensor=tensor(im.channels(channels)), affine=im.affine),
                       b=tio.LabelMap(tensor=tensor(im.label[np.newaxis]), affine=im.affine))


def zyx(image):
    return image.numpy().transpose(0, 3, 2, 1)


def put(g, name, v, affine, image, label=None):
    g.put(name + '.v', v, '%.17g')
    g.put(name + '.size', image.shape[:0:-1], '%d')
    g.put(name + '.affine', np.asarray(affine)[:3], '%.17g')
    g.some(name + '.image', image)
    if label is not None:
        g.some(name + '.label', label, 350)


def by_torchio(g, name, im, v, transform, label=True):
    out, one = transform(subject(im)), transform(subject(im, 1))
    assert np.array_equal(zyx(out.a)[0], zyx(one.a)[0], equal_nan=True)
    put(g, '%s.%s' % (name, im.name), v, out.a.affine, zyx(out.a), zyx(out.b) if label else None)


def off_ties(im, size, to):
    """No output voxel lies half-way between two voxels of the image."""
    m = np.linalg.inv(im.affine) @ to
    p = np.array(np.meshgrid(*[np.arange(n) for n in size], indexing='ij'), float).reshape(3, -1)
    c = (m[:3, :3] @ p).T + m[:3, 3]
    for a in range(3):
        if im.size[a] > 1:
            assert np.abs(c[:, a] + 0.5 - np.round(c[:, a] + 0.5)).min() > 1e-6, (im.name, size)


def finer(im, spacing):
    """The grid of another spacing with the same outer corner; an axis of one voxel stays."""
    old = im.spacing
    ratio = np.array([r / s if n > 1 else 1 for r, s, n in zip(spacing, old, im.size)])
    size = [int(np.ceil(n / q)) for n, q in zip(im.size, ratio)]
    to = im.affine.copy()
    to[:3, :3] = im.affine[:3, :3] * ratio
    to[:3, 3] = im.affine[:3] @ np.append(0.5 * (ratio - 1), 1)
    return size, to


def turned(im):
    """A grid askew about the middle of the image, in its plane if it is flat."""
    angles = (0, 0, 0.3) if im.flat else (0.2, -0.4, 0.3)
    size = (11, 9, 1) if im.flat else (9, 11, 7)
    own = im.affine[:3, :3] / im.spacing
    m = own @ rotation(*angles) @ np.diag(im.spacing * (1.07, 0.93, 1 if im.flat else 1.1))
    middle = im.affine[:3] @ np.append((np.array(im.size) - 1) / 2, 1)
    shift = (np.array(size) - 1) / 2 + (0.13, -0.21, 0 if im.flat else 0.07)
    return size, affine_of(m, middle - m @ shift)


def reordered(im):
    """Axes y, z, -x (flat: -y, x) with other spacings."""
    order, sign = ((1, 0, 2), (-1, 1, 1)) if im.flat else ((1, 2, 0), (1, 1, -1))
    scale = (0.77, 1.31, 1) if im.flat else (0.83, 0.71, 1.23)
    m = im.affine[:3, :3][:, order] * sign * scale
    first = [n - 1.2 if s < 0 else 0.3 for n, s in zip(np.array(im.size)[list(order)], sign)]
    at = np.zeros(3)
    for k in range(3):
        at[order[k]] = 0 if im.size[order[k]] == 1 else first[k]
    size = (11, 9, 1) if im.flat else (10, 9, 9)
    return size, affine_of(m, im.affine[:3] @ np.append(at, 1))


def sizes_without_ties(im, want, corner):
    """Sizes from want on whose nearest points are not half-way."""
    out = []
    for n, w in zip(im.size, want):
        while n > 1:
            c = np.arange(w) * n / w + (0.5 * (n / w - 1) if corner else 0)
            if np.abs(c + 0.5 - np.round(c + 0.5)).min() > 1e-6:
                break
            w += 1
        out.append(w if n > 1 else 1)
    return out


def grids(g):
    for im in images():
        # TorchIO moves an axis of one voxel: there the image's own spacing is asked for
        def asked(*ratio):
            return [float(s * (1 if n == 1 else r)) for s, n, r in zip(im.spacing, im.size, ratio)]
        for n, spacing in enumerate((asked(1.37, 0.71, 0.83), asked(0.59, 1.91, 2.3), asked(2.9, 1, 1.21))):
            off_ties(im, *finer(im, spacing))
            by_torchio(g, 'spacing%d' % n, im, spacing, tio.Resample(spacing))
        if not im.flat:
            by_torchio(g, 'isotropic', im, [1.17], tio.Resample(1.17))
        least = asked(0.73, 1.5, 0.87)
        refined = [min(a, float(b)) for a, b in zip(least, im.spacing)]
        by_torchio(g, 'minimum', im, least, tio.Resample(refined))
        size = sizes_without_ties(im, (7, 14, 13), True)
        by_torchio(g, 'size', im, size, tio.Resize(size))
        size = sizes_without_ties(im, (17, 6, 11), False)
        to = im.affine.copy()
        to[:3, :3] = im.affine[:3, :3] * (np.array(im.size) / size)
        image = np.array([itk_resample(v, im.affine, size, to, sitk.sitkLinear) for v in im.channels()])
        put(g, 'resize_image.' + im.name, size, to, image, itk_resample(im.label, im.affine, size, to, sitk.sitkNearestNeighbor))
        for name, (size, to) in (('like_turned', turned(im)), ('like_reordered', reordered(im))):
            off_ties(im, size, to)
            by_torchio(g, name, im, [*size, *to[:3].ravel()], tio.Resample((size, to)))
        # the last so much askew that it matters which axis chooses first
        askew, more = im.affine.copy(), im.affine.copy()
        askew[:3, :3] = rotation(0.2, -0.15, 0.1) @ np.eye(3)[:, (1, 2, 0)] * (1, -1, -1) * im.spacing
        more[:3, :3] = rotation(0.4, -0.3, 0.7) @ np.eye(3)[:, (1, 2, 0)] * (1, 1, -1) * im.spacing
        for n, affine in enumerate((im.affine, askew, more)):
            other = images()[[i.name for i in images()].index(im.name)]
            other.affine = affine
            by_torchio(g, 'canonical%d' % n, other, affine[:3].ravel(), tio.ToCanonical())
        flat = 0 if im.flat else 1
        by_torchio(g, 'crop', im, [1, 2, flat], tio.Crop((1, 1, 2, 2, flat, flat)))
        for n, size in enumerate(((8, 13, 1 if im.flat else 4), (15, 6, 1 if im.flat else 12), (5, 5, 1 if im.flat else 5))):
            by_torchio(g, 'center%d' % n, im, size, tio.CropOrPad(size))


def zero_planes(g):
    """GaNDLF's rule on images that are not negative: where the sum of all channels and the label is above 0, not smaller than
    a patch, the first side giving way first."""
    for im in images():
        image, label = np.abs(im.channels()), im.label.copy()
        inside = np.zeros(im.label.shape, bool)
        inside[(slice(None) if im.flat else slice(2, -3)), 3:-1, 4:-2] = True
        image, label = image * inside, label * inside
        filled = image.sum(axis=0) + label > 0
        where = [np.flatnonzero(filled.any(axis=tuple(k for k in range(3) if k != a)))[[0, -1]] for a in (2, 1, 0)]
        for n, patch in enumerate(((1, 1, 1), (8, 9, 1 if im.flat else 6))):
            lo, hi = [], []
            for (first, last), p, size in zip(where, patch, im.size):
                a, b = int(first), int(last) + 1
                a = b - p if b - a < p else a
                a, b = (0, min(p, size)) if a < 0 else (a, b)
                lo.append(a)
                hi.append(b)
            cut = tuple(slice(a, b) for a, b in zip(lo[::-1], hi[::-1]))
            affine = im.affine.copy()
            affine[:3, 3] = im.affine[:3] @ np.append(lo, 1)
            put(g, 'crop_zero%d.%s' % (n, im.name), patch, affine, image[(slice(None),) + cut], label[cut])


INTERP = {'nearest': sitk.sitkNearestNeighbor, 'linear': sitk.sitkLinear, 'bspline': sitk.sitkBSpline,
          'lanczos': sitk.sitkLanczosWindowedSinc, 'hamming': sitk.sitkHammingWindowedSinc, 'cosine': sitk.sitkCosineWindowedSinc,
          'welch': sitk.sitkWelchWindowedSinc, 'blackman': sitk.sitkBlackmanWindowedSinc, 'gaussian': sitk.sitkGaussian}


def interpolations(g):
    for im in images():
        for where, (size, to) in (('straight', finer(im, im.spacing * (1.37, 0.71, 0.83))), ('turned', turned(im))):
            for name, interp in INTERP.items():
                image = np.array([itk_resample(v, im.affine, size, to, interp) for v in im.channels()])
                g.some('%s.%s.%s' % (name, where, im.name), image)
            label = itk_resample(im.label, im.affine, size, to, sitk.sitkLabelGaussian)
            put(g, 'label_gaussian.%s.%s' % (where, im.name), [], to, label[np.newaxis], label)


def antialias(g):
    for im in images():
        for where, (size, to) in (('straight', finer(im, im.spacing * (1.91, 0.87, 2.7))), ('turned', turned(im))):
            m = np.linalg.inv(im.affine) @ to
            k = np.maximum(np.linalg.norm(m[:3, :3], axis=1), 1)
            sigma = tio.Resample.get_sigma(k, np.ones(3))[::-1] # z y x
            sigma = [0 if n == 1 else s for s, n in zip(sigma, im.image.shape)]
            smooth = [gaussian_filter(v.astype(float), sigma, mode='reflect', truncate=4).astype(np.float32) for v in im.channels()]
            image = np.array([itk_resample(v, im.affine, size, to, sitk.sitkLinear) for v in smooth])
            put(g, 'antialias.%s.%s' % (where, im.name), [*size, *to[:3].ravel()], to, image)


PAD = ('constant', 'edge', 'reflect', 'symmetric', 'wrap', 'mean', 'median', 'minimum', 'maximum', 'linear_ramp')


def padding(g):
    for im in images():
        for mode in PAD:
            v = (5, 2, 0) if im.flat else (3, 4, 2)
            t = tio.Pad((v[0], v[0], v[1], v[1], v[2], v[2]), padding_mode=0 if mode == 'constant' else mode)
            by_torchio(g, 'pad_' + mode, im, v, t, mode not in ('mean', 'median', 'linear_ramp'))


if __name__ == '__main__':
    grid, interp, pad = Golden('pre_grid'), Golden('pre_interp'), Golden('pre_pad')
    grids(grid)
    zero_planes(grid)
    interpolations(interp)
    antialias(interp)
    padding(pad)
