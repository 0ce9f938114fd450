#!/usr/bin/env python3
"""intensity.py - golden data for tests/unit/augment_intensity.c: TorchIO 0.19.6 (blur, anisotropic, gamma, bias, swap),
torchvision (colorjitter), numpy (hed_transform), on small images with given parameters. Writes tests/data/intensity.txt.

Voxel n (c z y x, x fastest) of an image holds ((7919 n + 13) mod 1009) scale + shift as float32. Arrays of a case: size = x y z
components scale shift white stride; affine; par = the operation's parameters; patch; out = every stride-th voxel of the result.
"""
import os
import warnings

import numpy as np
import torch
import torchio as tio
import torchvision.transforms.functional as F

warnings.simplefilter('ignore')
HERE = os.path.dirname(os.path.abspath(__file__))
lines = []


def put(name, values):
    values = np.asarray(values, np.float64).ravel()
    lines.append('%s %d\n%s\n' % (name, len(values), ' '.join('%.9g' % v for v in values)))


def turned(spacing, degrees, origin):
    """An oblique affine: turned about z, then about x."""
    a, b = np.radians(degrees)
    rz = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    m = np.eye(4)
    m[:3, :3] = rx @ rz @ np.diag(spacing)
    m[:3, 3] = origin
    return m


SOLID = {
    'isotropic': ((13, 11, 9), np.diag([1.0, 1, 1, 1])),
    'anisotropic': ((12, 9, 7), np.diag([-0.8, -1, 2.5, 1])),
    'oblique': ((11, 10, 8), turned((0.9, 1.1, 1.7), (20, -15), (-30, 12, 7))),
    'flat': ((17, 12, 1), np.diag([-1.0, -1, 1, 1])),
}
count = {}


def image(size, components, scale, shift):
    n = np.arange(components * size[0] * size[1] * size[2], dtype=np.int64)
    v = ((7919 * n + 13) % 1009 * scale + shift).astype(np.float32)
    return v.reshape(components, size[2], size[1], size[0])


def case(op, size, components, affine, par, out, scale=0.25, shift=-20.0, white=1.0, patch=(0, 0, 0)):
    """out: c z y x"""
    name = '%s.%d' % (op, count.get(op, 0))
    count[op] = count.get(op, 0) + 1
    out = np.asarray(out, np.float64)
    stride = 5 if out.size < 1500 else 23
    put(name + '.size', [*size, components, scale, shift, white, stride])
    put(name + '.affine', affine[:3])
    put(name + '.par', par)
    put(name + '.patch', patch)
    put(name + '.out', out.ravel()[::stride])


def subject(v, affine):
    return tio.Subject(im=tio.ScalarImage(tensor=torch.from_numpy(v.transpose(0, 3, 2, 1).copy()), affine=affine))


def after(transform, v, affine):
    return transform(subject(v, affine)).im.numpy().transpose(0, 3, 2, 1)


def radiology():
    for n, (size, affine) in enumerate(SOLID.values()):
        flat = size[2] == 1
        for components in (1, 4):
            v = image(size, components, 0.25, -20.0)
            for std in ((1.3, 0.7, 2.1), (0.4, 3.0, 0.0)) + (((40.0, 9.0, 25.0),) if components == 1 else ()):
                case('blur', size, components, affine, std, after(tio.Blur(std), v, affine))
            for axis, m in ((0, 2.3), (1, 1.37), (2, 1.9), (0, 1.53), (1, 3.1)):
                if flat and axis == 2:
                    continue
                t = tio.RandomAnisotropy(axes=axis, downsampling=(m, m))
                case('anisotropic', size, components, affine, (axis, np.float32(m)), after(t, v, affine)) # it draws float32
            log_gamma = [0.3, -0.25, 0.11, -0.3][:components]
            for shift in (-20.0, 3.0):
                w = image(size, components, 0.25, shift)
                t = tio.Gamma([float(np.exp(b)) for b in log_gamma])
                case('gamma', size, components, affine, log_gamma, after(t, w, affine), shift=shift)
            c = [((7 * k + 3 * n) % 20 - 10) / 20 for k in range(20)]
            case('bias', size, components, affine, c, after(tio.BiasField(coefficients=c, order=3), v, affine))
            box = (3, 2, 1 if flat else 2)
            places = [max(1, a - b) for a, b in zip(size, box)]
            total = places[0] * places[1] * places[2]
            # boxes that do not overlap: where they do, the library reads what it has just written
            corners, par = [], []
            for k in range(6):
                a = (k % 2, 2 * (k % 3), 0)
                b = (places[0] - 1 - k % 3, places[1] - 1 - k % 2, (k % places[2]))
                corners.append((np.array(a), np.array(b)))
                flat_a, flat_b = ((p[2] * places[1] + p[1]) * places[0] + p[0] for p in (a, b))
                par += [(flat_a + 0.5) / total, (flat_b - (flat_b > flat_a) + 0.5) / (total - 1)]
            t = tio.transforms.augmentation.intensity.random_swap.Swap(patch_size=box, locations=corners)
            case('swap', size, components, affine, par, after(t, v, affine), patch=[10 * b for b in box])


def colours():
    size, affine = (19, 14, 1), np.diag([-1.0, -1, 1, 1])
    adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    for components in (3, 1):
        for factors, order in (((.6, .8, .3, .21), '0123'), ((1.4, .2, 1.7, -.4), '3210'), ((.9, 1.5, 0, .5), '2031'),
                               ((1, 1, 1, -.13), '1302')):
            v = image(size, components, 1 / 1009, 0.0)
            x = torch.from_numpy(v[:, 0].copy())
            for k in order:
                x = adjust[int(k)](x, factors[int(k)])
            out = x.numpy()[:, None]
            case('colorjitter', size, components, affine, (*factors, int(order)), out, scale=1 / 1009, shift=0)
            case('colorjitter', size, components, affine, (*factors, int(order)), 255.0 * out, scale=255 / 1009, shift=0, white=255)
    m = np.array([[.65, .70, .29], [.07, .99, .11], [.27, .57, .78]])
    for sigma, bias in (((.1, -.07, .03), (.02, -.01, .03)), ((-.1, .1, 0), (-.1, .05, .1))):
        for white in (1.0, 255.0):
            v = image(size, 3, white / 1009, 0.0).astype(np.float64) / white
            x = np.maximum(v.reshape(3, -1).T, 1e-6)
            stain = np.maximum(np.log(x) / np.log(1e-6) @ np.linalg.inv(m), 0)
            stain = stain * (1 + np.array(sigma)) + np.array(bias)
            back = np.clip(np.exp(-(stain * -np.log(1e-6)) @ m), 0, 1) * white
            case('hed_transform', size, 3, affine, (*sigma, *bias), back.T, scale=white / 1009, shift=0, white=white)


radiology()
colours()
with open(os.path.join(HERE, '..', 'data', 'intensity.txt'), 'w') as f:
    f.writelines(lines)
