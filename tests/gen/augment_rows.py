#!/usr/bin/env python3
"""augment_rows.py - golden data of every augmentation, with given parameters, on the images of pre_images.py: TorchIO 0.19.6
(affine, elastic, flip, anisotropic, blur, noise's shift, gamma, bias, swap, motion, ghosting, spike, and lists of them), NumPy (turns; spikes
in images with negative voxels; the splice of a moved plane), ITK's maps read by SciPy (slices that lie askew), torchvision
(colorjitter) and NumPy (hed_transform) on a stained slide.

Writes tests/data/rows_{map,turn,intensity,kspace,colour}.txt. Arrays of a case ROW.IMAGE: .ops (places in OPS, in the order of the
list), .n (how many parameters each has), .v (the parameters), .image (four channels; see
Golden.some) and, where a label moves, .label (whole). Asserted here: one channel alone gives what it gives beside others; no label
is read half-way between two voxels.
"""
import sys
import warnings

import numpy as np
import SimpleITK as sitk
import torch
import torchio as tio
from scipy.ndimage import map_coordinates
from torchio.data.io import nib_to_sitk
from torchio.transforms.augmentation.intensity.random_ghosting import Ghosting
from torchio.transforms.augmentation.intensity.random_motion import Motion
from torchio.transforms.augmentation.intensity.random_spike import Spike
from torchio.transforms.augmentation.intensity.random_swap import Swap

sys.dont_write_bytecode = True
from pre_images import Golden, images
from real import read

warnings.simplefilter('ignore')
OPS = ('affine', 'elastic', 'flip', 'rotate_90', 'rotate_180', 'anisotropic', 'blur', 'noise', 'gamma', 'bias', 'motion', 'ghosting',
       'spike', 'swap', 'colorjitter', 'hed_transform')
POINTS = (5, 6, 7)
MOST = (3.0, 2.0, 4.0)
AFFINES = [(1.1, 0.9, 1.05, 10, -20, 30, 0.3, -0.2, 0.4), (0.8, 1.3, 1.2, -35, 15, -70, 2.1, 1.3, -0.7)]


def subject(image, label, affine):
    def tensor(v):
        return torch.from_numpy(np.ascontiguousarray(v.transpose(0, 3, 2, 1)))
    return tio.Subject(a=tio.ScalarImage(tensor=tensor(image), affine=affine),
                       b=tio.LabelMap(tensor=tensor(label), affine=affine))


def zyx(image):
    return image.numpy().transpose(0, 3, 2, 1)


def case(g, name, im, ops, image, label=None):
    """ops: (name, parameters) of each."""
    name = '%s.%s' % (name, im.name)
    g.put(name + '.ops', [OPS.index(op) for op, _ in ops], '%d')
    g.put(name + '.n', [len(v) for _, v in ops], '%d')
    g.put(name + '.v', np.concatenate([np.asarray(v, float).ravel() for _, v in ops]), '%.9g')
    g.some(name + '.image', image, 150)
    if label is not None:
        g.put(name + '.label', label, '%d')


def lies_askew(im):
    """A slice that does not lie across the world's third axis."""
    return im.flat and np.abs(im.affine[2, :2]).max() + np.abs(im.affine[:2, 2]).max() > 1e-6


def own_axes(im):
    """Such a slice is turned along its own axes."""
    return np.diag([*im.spacing, 1.0]) if lies_askew(im) else im.affine


def flat_affine(im, v):
    return (v[0], v[1], 1, 0, 0, v[5], v[6], v[7], 0) if im.flat else v


def points_of(im, random, most=MOST):
    p = np.round(random.uniform(-1, 1, POINTS + (3,)) * most, 3).astype(np.float32)
    if im.flat:
        p[..., 2] = 0
    return p


def flatten(points):
    """Component slowest, then k, j, i: the library's own order."""
    return points.flatten(order='F')


def by_torchio(g, name, im, ops, transforms, affine=None, label=True):
    """The transforms one after the other, on four channels and on one."""
    affine = im.affine if affine is None else affine
    out = []
    for c in (4, 1):
        s = subject(im.channels(c), im.label[np.newaxis], affine)
        for t in transforms(c):
            s = t(s)
        out.append(s)
    assert np.array_equal(zyx(out[0].a)[0], zyx(out[1].a)[0])
    assert label or np.array_equal(zyx(out[0].b)[0], im.label)
    case(g, name, im, ops, zyx(out[0].a), zyx(out[0].b) if label else None)


def sitk_grid(im, affine):
    return nib_to_sitk(np.zeros((1,) + tuple(im.size), np.float32), affine, force_3d=True)


def through(transform, im, affine):
    """Input index coordinates (3, n) of all voxels, i slowest. A slice is moved in its plane. Beyond a grid of control points ITK
    moves nothing; there the displacement of its nearest point (4e-6 voxels inside: ITK is not sure of its border) counts here."""
    grid, top = sitk_grid(im, affine), np.array(im.size)[:, None]
    p = np.array(np.meshgrid(*[np.arange(n) for n in im.size], indexing='ij'), float).reshape(3, -1)
    q = np.clip(p, -0.625 + 4e-6, top - 0.375 - 4e-6) if transform.GetName() == 'BSplineTransform' else p
    moved = np.array([grid.TransformPhysicalPointToContinuousIndex(
        transform.TransformPoint(grid.TransformContinuousIndexToPhysicalPoint(v.tolist()))) for v in q.T]).T + (p - q)
    if im.flat:
        moved[2] = 0
    return moved


def off_ties(im, p):
    assert all(np.abs(c - np.floor(c) - 0.5).min() > 1e-6 for c, n in zip(p, im.size) if n > 1), im.name


def by_scipy(g, name, im, ops, p):
    """Read at p: linear, of the label nearest; outside lies the channel's least value, of the label 0."""
    top = np.array(im.size)[:, None]
    inside = ((p >= -0.5) & (p < top - 0.5)).all(axis=0)
    out = []
    for v in im.channels():
        x = map_coordinates(v.T.astype(float), p, order=1, mode='nearest', output=float)
        out.append(np.where(inside, x, v.min()).reshape(im.size).T)
    q = np.clip(np.floor(p + 0.5), 0, top - 1).astype(int)
    label = np.where(inside, im.label.T[q[0], q[1], q[2]], 0).reshape(im.size).T
    case(g, name, im, ops, np.array(out), label)


def affine_transform(im, v, affine):
    t = tio.Affine(v[:3], v[3:6], v[6:])
    return t.get_affine_transform(tio.ScalarImage(tensor=torch.zeros((1,) + tuple(im.size)), affine=affine))


def elastic_transform(im, points, affine):
    return tio.ElasticDeformation(points, MOST).get_bspline_transform(sitk_grid(im, affine))


def maps(g, random):
    for im in images():
        for n, v in enumerate(AFFINES):
            v = flat_affine(im, v)
            off_ties(im, through(affine_transform(im, v, own_axes(im)), im, own_axes(im)))
            by_torchio(g, 'affine%d' % n, im, [('affine', v)], lambda c: [tio.Affine(v[:3], v[3:6], v[6:])], own_axes(im))
        points = points_of(im, random)
        p = through(elastic_transform(im, points, im.affine), im, im.affine)
        off_ties(im, p)
        ops = [('elastic', flatten(points))]
        if lies_askew(im):
            by_scipy(g, 'elastic', im, ops, p)
        else:
            by_torchio(g, 'elastic', im, ops, lambda c: [tio.ElasticDeformation(points, MOST)])
        # one map, one reading: an elastic deformation of a turned and scaled image
        points, v = points_of(im, random), flat_affine(im, AFFINES[0])
        first = through(affine_transform(im, v, own_axes(im)), im, own_axes(im))
        t = elastic_transform(im, points, im.affine)
        p = through(t, im, im.affine)
        grid, world = sitk_grid(im, own_axes(im)), affine_transform(im, v, own_axes(im))
        p = np.array([grid.TransformPhysicalPointToContinuousIndex(
            world.TransformPoint(grid.TransformContinuousIndexToPhysicalPoint(q.tolist()))) for q in p.T]).T
        if im.flat:
            p[2] = 0
        assert np.abs(p - first).max() > 0.1
        off_ties(im, p)
        by_scipy(g, 'affine_elastic', im, [('affine', v), ('elastic', flatten(points))], p)


def turns(g):
    for im in images():
        for axes in ((0,), (1,), (0, 1)) if im.flat else ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
            by_torchio(g, 'flip' + ''.join('xyz'[a] for a in axes), im, [('flip', [float(a in axes) for a in range(3)])],
                       lambda c: [tio.Flip(axes)])
        for axis in (2,) if im.flat else (0, 1, 2):
            a, b = [3 - k for k in range(3) if k != axis]  # axes of c z y x
            for op, k in (('rotate_90', -1), ('rotate_180', 2)):
                case(g, '%s%s' % (op, 'xyz'[axis]), im, [(op, [axis])], np.rot90(im.channels(), k, (a, b)),
                     np.rot90(im.label[np.newaxis], k, (a, b)))


def swaps(im, box):
    """Places of the six exchanges. Boxes that do not overlap: where they do, the library reads what it has just written."""
    places = [max(1, a - b) for a, b in zip(im.size, box)]
    corners, par = [], []
    for k in range(6):
        a = (k % 2, 2 * (k % 3), 0)
        b = (places[0] - 1 - k % 3, places[1] - 1 - k % 2, k % places[2])
        corners.append((np.array(a), np.array(b)))
        flat_a, flat_b = ((p[2] * places[1] + p[1]) * places[0] + p[0] for p in (a, b))
        total = places[0] * places[1] * places[2]
        par += [(flat_a + 0.5) / total, (flat_b - (flat_b > flat_a) + 0.5) / (total - 1)]
    return corners, par


def intensity(g):
    c20 = [((7 * k + 3) % 20 - 10) / 20 for k in range(20)]
    betas = (0.3, -0.25, 0.11, -0.3)

    def gamma(c):
        return tio.Gamma([float(np.exp(b)) for b in betas[:c]])

    for im in images():
        def row(name, ops, transforms, label=False):
            by_torchio(g, name, im, ops, transforms, label=label)
        for n, std in enumerate(((1.3, 0.7, 2.1), (0.4, 3.0, 0.0), (40.0, 9.0, 25.0))):
            row('blur%d' % n, [('blur', std)], lambda c: [tio.Blur(std)])
        for axis, m in ((0, 2.3), (1, 1.37), (2, 1.9), (0, 1.53), (1, 3.1)):
            if not im.flat or axis < 2:
                row('anisotropic%s%d' % ('xyz'[axis], m > 2), [('anisotropic', (axis, np.float32(m)))],  # it draws float32
                    lambda c: [tio.RandomAnisotropy(axes=axis, downsampling=(m, m))])
        row('noise', [('noise', (3.7, 0))], lambda c: [tio.Noise(3.7, 0.0, 1)])
        row('gamma', [('gamma', betas)], lambda c: [gamma(c)])
        row('bias', [('bias', c20)], lambda c: [tio.BiasField(coefficients=c20, order=3)])
        box = (3, 2, 1 if im.flat else 2)
        corners, par = swaps(im, box)
        row('swap', [('swap', par)], lambda c: [Swap(patch_size=box, locations=corners)])
        # lists: each change sees what the one before made
        std = (1.1, 0.8, 0.9)
        flip = [1.0, 0.0, 0.0 if im.flat else 1.0]
        axes = [a for a in range(3) if flip[a]]
        row('list0', [('flip', flip), ('blur', std), ('gamma', betas), ('bias', c20)],
            lambda c: [tio.Flip(axes), tio.Blur(std), gamma(c), tio.BiasField(coefficients=c20, order=3)], True)
        row('list1', [('bias', c20), ('anisotropic', (1, np.float32(1.37))), ('flip', flip), ('noise', (-2.5, 0))],
            lambda c: [tio.BiasField(coefficients=c20, order=3), tio.RandomAnisotropy(axes=1, downsampling=(1.37, 1.37)),
                       tio.Flip(axes), tio.Noise(-2.5, 0.0, 1)], True)
        if not lies_askew(im):
            v = flat_affine(im, AFFINES[0])
            row('list2', [('affine', v), ('gamma', betas), ('ghosting', (4, 1, 0.7))],
                lambda c: [tio.Affine(v[:3], v[3:6], v[6:]), gamma(c), Ghosting(4, 1, 0.7, 0.02)], True)


def fft(x):
    return np.fft.fftshift(np.fft.fftn(x.astype(np.float64)))


def back(f):
    return np.fft.ifftn(np.fft.ifftshift(f)).real


def spiked(x, places, ratio):
    """NumPy's maximum orders complex numbers by real part, then by imaginary part, as the specification does; so a coefficient and its
    conjugate must have the same real part to the last bit."""
    f = np.fft.fftn(x.astype(np.float64))
    other = np.conj(f[np.ix_(*[-np.arange(n) % n for n in f.shape])])
    f = np.fft.fftshift((f + other) / 2)
    for p in places:
        f[tuple(np.floor(np.array(p) * f.shape).astype(int))] += ratio * f.max()
    return back(f)


def splice(moved, times, axis):
    """k-space filled along an axis."""
    f, n = [fft(m) for m in moved], moved[0].shape[axis]
    k = int(np.where(times > 0.5)[0].min()) if np.any(times > 0.5) else len(f) - 1
    f[0], f[k] = f[k], f[0]
    out, at = np.empty_like(f[0]), 0
    for s, to in zip(f, list((n * times).astype(int)) + [n]):
        np.moveaxis(out, axis, 0)[at:to] = np.moveaxis(s, axis, 0)[at:to]
        at = to
    return back(out)


def move(im, degrees, mm, times, affine, axis):
    """TorchIO's moved images, spliced along an axis of all four channels."""
    t, out = Motion(degrees, mm, times, 'linear'), []
    for v in im.channels():
        image = nib_to_sitk(v.T[np.newaxis], affine, force_3d=True)
        moved = t.resample_images(image, t.get_rigid_transforms(degrees, mm, image), 'linear')
        out.append(splice([sitk.GetArrayFromImage(m).T for m in moved], times, axis).T)
    return np.array(out)


def centred(im, affine):
    """TorchIO turns about the origin of the world: there lies the middle of the image."""
    a = affine.copy()
    a[:3, 3] = -a[:3, :3] @ ((np.array(im.size) - 1) / 2)
    return a


def kspace(g, random):
    for im in images():
        for n, times in enumerate(((0.62,), (0.31, 0.66), (0.2, 0.41, 0.48))):
            times = np.array(times)
            degrees, mm = random.uniform(-15, 15, (len(times), 3)).round(3), random.uniform(-2, 2, (len(times), 3)).round(3)
            if im.flat:
                degrees[:, :2] = 0
                mm[:, 2] = 0
            ops = [('motion', np.hstack([times[:, None], degrees, mm]).ravel())]
            t, middle = Motion(degrees, mm, times, 'linear'), centred(im, own_axes(im))
            if im.flat:
                case(g, 'motion%d' % n, im, ops, move(im, degrees, mm, times, middle, 1))
            else:
                by_torchio(g, 'motion%d' % n, im, ops, lambda c: [t], middle, label=False)
            if n == 1:
                case(g, 'motion_x', im, ops, move(im, degrees, mm, times, middle, 0))
            if n == 2 and not im.flat:
                case(g, 'motion_y', im, ops, move(im, degrees, mm, times, middle, 1))
            if n == 1 and im.name == 'flat_iso':
                case(g, 'motion_origin', im, ops, move(im, degrees, mm, times, im.affine, 1))
            if n == 1 and im.name in ('iso', 'oblique'):
                by_torchio(g, 'motion_origin', im, ops, lambda c: [t], label=False)
        for axis in (0, 1) if im.flat else (0, 1, 2):
            many, s = int(random.integers(2, 11)), round(float(random.uniform(0.5, 1)), 3)
            by_torchio(g, 'ghosting' + 'xyz'[axis], im, [('ghosting', (many, axis, s))], lambda c: [Ghosting(many, axis, s, 0.02)],
                       label=False)
        for n in (1, 2):
            places = random.uniform(0, 1, (n, 3)).round(3)
            case(g, 'spike%d' % n, im, [('spike', (n, 1.3, *places.ravel()))],
                 np.array([spiked(v.T, places, 1.3).T for v in im.channels()]))
        # no channel below 0: there TorchIO's maximum is the one of the specification
        places = random.uniform(0, 1, (1, 3)).round(3)
        image = np.abs(im.channels())
        out = Spike(places, 1.7)(subject(image, im.label[np.newaxis], im.affine))
        case(g, 'spike_above', im, [('spike', (1, 1.7, *places.ravel()))], zyx(out.a))


class Slide:
    """A stained slide, values 0..1 times top."""

    def __init__(self, name, top):
        he = read('he')
        w, h = he['he.size'].astype(int)
        self.name, self.top = name, top
        self.rgb = (he['he.image'].reshape(3, 1, h, w) * (top / 255)).astype(np.float32)


def colour(g):
    import torchvision.transforms.functional as F
    adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    m = np.array([[.65, .70, .29], [.07, .99, .11], [.27, .57, .78]])
    for im in (Slide('unit', 1.0), Slide('bytes', 255.0)):
        unit = im.rgb / np.float32(im.top)
        for n, (factors, order) in enumerate((((.6, .8, .3, .21), '0123'), ((1.4, .2, 1.7, -.4), '3210'),
                                              ((.9, 1.5, 0, .5), '2031'), ((1, 1, 1, -.13), '1302'))):
            for components in (3, 1):
                x = torch.from_numpy(unit[:components, 0].copy())
                for k in order:
                    x = adjust[int(k)](x, factors[int(k)])
                case(g, 'colorjitter%d_%d' % (n, components), im, [('colorjitter', (*factors, int(order)))],
                     im.top * x.numpy()[:, None].astype(float))
        for n, (sigma, bias) in enumerate((((.1, -.07, .03), (.02, -.01, .03)), ((-.1, .1, 0), (-.1, .05, .1)))):
            x = np.maximum(unit.astype(float).reshape(3, -1).T, 1e-6)
            stain = np.maximum(np.log(x) / np.log(1e-6) @ np.linalg.inv(m), 0) * (1 + np.array(sigma)) + np.array(bias)
            rgb = np.clip(np.exp(-(stain * -np.log(1e-6)) @ m), 0, 1) * im.top
            case(g, 'hed_transform%d_3' % n, im, [('hed_transform', (*sigma, *bias))], rgb.T.reshape(im.rgb.shape))


if __name__ == '__main__':
    maps(Golden('rows_map'), np.random.default_rng(8))
    turns(Golden('rows_turn'))
    intensity(Golden('rows_intensity'))
    kspace(Golden('rows_kspace'), np.random.default_rng(6))
    colour(Golden('rows_colour'))
