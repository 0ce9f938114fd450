#!/usr/bin/env python3
"""kspace.py - golden cases of k-space masks, ghosting, spikes and motion, for tests/unit/kspace.c.

Masks and spikes on images with negative values: numpy.fft. Ghosting, spikes, motion: TorchIO 0.19.6 (motion: images whose
centre is the origin of the world, about which it turns; of one plane its moved images, spliced along y by numpy). Writes
tests/data/kspace.txt: for each case its numbers (NAME.in: kind, x y z components, offset, affine, then what the kind needs) and
every few values of the result (NAME.out: step, then values).
"""
import os
import warnings

import numpy as np
import SimpleITK as sitk
import torch
from torchio.data.io import nib_to_sitk
from torchio.transforms.augmentation.intensity.random_ghosting import Ghosting
from torchio.transforms.augmentation.intensity.random_motion import Motion
from torchio.transforms.augmentation.intensity.random_spike import Spike
import torchio as tio

warnings.filterwarnings('ignore')
MASK, GHOST, SPIKE, MOTION = range(4)
EYE = np.eye(4)[:3]


def image(size, c, offset):
    """c x y z: a scrambled image of 0..100 + offset; voxels are numbered with x fastest, then y, z, components."""
    n = int(np.prod(size)) * c
    h = (np.arange(n, dtype=np.uint64) * 2654435761 % 2**32) // 2**16
    v = (h.astype(np.float64) / 65536 * 100 + offset).astype(np.float32)
    return np.ascontiguousarray(v.reshape(c, size[2], size[1], size[0]).transpose(0, 3, 2, 1))


def affine(spacing, degrees=(0, 0, 0), size=None):
    a, b, c = np.radians(degrees)
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    m = np.eye(4)
    m[:3, :3] = rz @ ry @ rx @ np.diag(spacing)
    if size is not None:
        m[:3, 3] = -m[:3, :3] @ ((np.array(size) - 1) / 2)
    return m


def fft(x):
    return np.fft.fftshift(np.fft.fftn(x.astype(np.float64)))


def back(f):
    return np.fft.ifftn(np.fft.ifftshift(f)).real


def spike(x, places, ratio):
    f = fft(x)
    for p in places:
        at = tuple(np.floor(np.array(p) * f.shape).astype(int))
        f[at] += ratio * f.max()  # NumPy orders complex numbers by real part, then imaginary part
    return back(f)


def splice_y(moved, times, n):
    f = [fft(m) for m in moved]
    k = int(np.where(times > 0.5)[0].min()) if np.any(times > 0.5) else len(f) - 1
    f[0], f[k] = f[k], f[0]
    out, at = np.empty_like(f[0]), 0
    for s, to in zip(f, list((n * times).astype(int)) + [n]):
        out[:, at:to] = s[:, at:to]
        at = to
    return back(out)


class Out:
    def __init__(self, path):
        self.f, self.n = open(path, 'w'), 0

    def array(self, name, values, form):
        self.f.write('%s %d\n%s\n' % (name, len(values), ' '.join(form % v for v in values)))

    def case(self, name, kind, x, offset, a, numbers, result):
        c, *size = x.shape
        flat = np.asarray(result).reshape(x.shape).transpose(0, 3, 2, 1).ravel()
        step = max(1, len(flat) // 180) | 1
        self.array(name + '.in', [kind, *size, c, offset, *np.asarray(a)[:3].ravel(), *numbers], '%.12g')
        self.array(name + '.out', [step, *flat[::step]], '%.6g')


def apply(transform, x, a):
    s = tio.Subject(im=tio.ScalarImage(tensor=torch.from_numpy(x.copy()), affine=a))
    return transform(s).im.data.numpy()


def main():
    rng = np.random.default_rng(7)
    out = Out(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'kspace.txt'))
    sizes = [(8, 7, 5), (13, 6, 4), (12, 17, 1), (2, 1, 3), (34, 3, 37), (5, 64, 2), (19, 33, 10)]
    for i, size in enumerate(sizes):
        x = image(size, 1, -40)
        for axis in range(3):
            mask = np.round(rng.uniform(-1, 2, size[axis]), 3)
            shape = [1, 1, 1]
            shape[axis] = -1
            out.case('mask%d%s' % (i, 'xyz'[axis]), MASK, x, -40, EYE, [axis, *mask], back(fft(x[0]) * mask.reshape(shape)))

    images = [('iso', (16, 14, 12), affine((1, 1, 1), size=(16, 14, 12))),
              ('aniso', (17, 13, 7), affine((0.9, 0.8, 3), size=(17, 13, 7))),
              ('oblique', (15, 18, 11), affine((1.1, 0.7, 1.6), (12, -25, 33), size=(15, 18, 11))),
              ('plane', (21, 26, 1), affine((0.7, 0.9, 1), size=(21, 26, 1))),
              ('turned', (20, 15, 1), affine((1.2, 0.8, 1), (0, 0, 40), size=(20, 15, 1)))]
    for name, size, a in images:
        for c in (1, 4):
            for axis in range(3 if size[2] > 1 else 2):
                g, s = int(rng.integers(2, 11)), round(float(rng.uniform(0.5, 1)), 3)
                x = image(size, c, -20)
                out.case('ghost_%s%d%d' % (name, c, axis), GHOST, x, -20, a, [axis, g, s],
                         apply(Ghosting(g, axis, s, 0.02), x, a))
            places = np.round(rng.uniform(0, 1, (2, 3)), 3)
            x = image(size, c, 3)
            out.case('spike_%s%d' % (name, c), SPIKE, x, 3, a, [1.7, *places[0]], apply(Spike(places[:1], 1.7), x, a))
            x = image(size, c, -50)
            for n in (1, 2):
                out.case('negative_%s%d%d' % (name, c, n), SPIKE, x, -50, a, [0.8, *places[:n].ravel()],
                         [spike(v, places[:n], 0.8) for v in x])
            n = 2 if c == 1 else 3
            times = np.array([(j + 1) / (n + 1) + rng.uniform(-0.3, 0.3) / (n + 1) for j in range(n)]).round(3)
            degrees, mm = rng.uniform(-15, 15, (n, 3)).round(3), rng.uniform(-2, 2, (n, 3)).round(3)
            x = image(size, c, 0)
            if size[2] == 1:
                degrees[:, :2] = 0
                mm[:, 2] = 0
                t, result = Motion(degrees, mm, times, 'linear'), []
                for v in x:
                    im = nib_to_sitk(v[None], a, force_3d=True)
                    moved = t.resample_images(im, t.get_rigid_transforms(degrees, mm, im), 'linear')
                    result.append(splice_y([sitk.GetArrayFromImage(m).transpose() for m in moved], times, size[1]))
            else:
                result = apply(Motion(degrees, mm, times, 'linear'), x, a)
            out.case('motion_%s%d' % (name, c), MOTION, x, 0, a, [n, *times, *degrees.ravel(), *mm.ravel()], result)
    out.f.close()


main()
