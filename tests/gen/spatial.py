#!/usr/bin/env python3
"""spatial.py - golden data of the spatial augmentations, from TorchIO 0.19.6 (SimpleITK), NumPy and SciPy.

Writes tests/data/spatial_{affine,elastic,composed}.txt: arrays "name count", then values. Of a case: NAME.grid (size x y
z, then 12 numbers of the RAS affine), NAME.ops (numbers of operations, in the order of the list: 0 affine, 1 elastic, 2 flip, 3 rotate_90,
4 rotate_180), NAME.value
(their parameters, one operation after the other, as gn draws them), NAME.points (control points of all elastic ones),
NAME.image (channel, z, y, x) and NAME.label. The images are made by the formula in source().
"""
import os
import warnings

import numpy as np
import SimpleITK as sitk
import torch
import torchio as tio
from scipy.ndimage import map_coordinates

warnings.simplefilter('ignore')
POINTS = (5, 6, 7)


def source(size, channels):
    i, j, k = np.meshgrid(*[np.arange(n) for n in size], indexing='ij')
    image = np.stack([(7 * i + 5 * j + 3 * k + 2 * i * j + j * k + 11 * c) % 23 - 4 for c in range(channels)])
    return image.astype(np.float32), ((i // 2 + j // 3 + k) % 4)[np.newaxis].astype(np.uint8)


def rotation(x, y, z):
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def affine_of(m, origin):
    a = np.eye(4)
    a[:3, :3], a[:3, 3] = m, origin
    return a


GRIDS = {
    'iso': ((9, 8, 6), affine_of(np.eye(3), (5, -3, 2))),
    'aniso': ((8, 10, 5), affine_of(np.array([[0, 1.2, 0], [-0.8, 0, 0], [0, 0, 3.0]]), (-20, 14, 3))),
    'swapped': ((7, 6, 8), affine_of(np.array([[0, 0, -1.5], [0, 2.0, 0], [0.7, 0, 0]]), (1, 2, 3))),
    'oblique': ((8, 7, 6), affine_of(rotation(0.4, -0.3, 0.7) @ np.diag([1, 1.5, 2.0]), (10, 20, -30))),
    'flat': ((12, 9, 1), affine_of(np.diag([-1.0, -1.0, 1.0]), (0, 0, 0))),
    'flatmm': ((9, 11, 1), affine_of(np.diag([0.7, -0.9, 4.0]), (3, 4, 5))),
}
AFFINES = [(1.1, 0.9, 1.05, 10, -20, 30, 0.3, -0.2, 0.4), (0.8, 1.3, 1.2, -35, 15, -70, 2.1, 1.3, -0.7)]


def flat_affine(v):
    return (v[0], v[1], 1, 0, 0, v[5], v[6], v[7], 0)


def flatten(points):
    """Component slowest, then k, j, i: the library's own order."""
    return points.flatten(order='F')


def subject(grid, channels):
    size, affine = grid
    image, label = source(size, channels)
    return tio.Subject(a=tio.ScalarImage(tensor=torch.from_numpy(image), affine=affine),
                       b=tio.LabelMap(tensor=torch.from_numpy(label), affine=affine))


def zyx(t):
    return np.asarray(t).transpose(0, 3, 2, 1).ravel()


class Out:
    def __init__(self, path):
        self.file = open(path, 'w')

    def put(self, name, values):
        values = np.asarray(values).ravel()
        self.file.write('%s %d\n%s\n' % (name, len(values), ' '.join('%.8g' % v for v in values)))

    def case(self, name, grid, ops, value, points, image, label):
        self.put(name + '.grid', list(grid[0]) + list(np.asarray(grid[1])[:3].ravel()))
        self.put(name + '.ops', ops)
        self.put(name + '.value', value)
        self.put(name + '.points', points)
        self.put(name + '.image', image)
        self.put(name + '.label', label)


def affines(out):
    for name, grid in GRIDS.items():
        channels = 4 if name in ('oblique', 'flatmm') else 1
        for n, v in enumerate(AFFINES):
            v = flat_affine(v) if grid[0][2] == 1 else v
            s = tio.Affine(v[:3], v[3:6], v[6:])(subject(grid, channels))
            out.case('affine.%s.%d' % (name, n), grid, [0], v, [], zyx(s.a.data), zyx(s.b.data))


def elastics(out, random):
    for name, grid in GRIDS.items():
        channels = 4 if name in ('oblique', 'flatmm') else 1
        points = np.round(random.uniform(-1, 1, POINTS + (3,)) * (3.0, 2.0, 4.0), 3).astype(np.float32)
        s = tio.ElasticDeformation(points, (3.0, 2.0, 4.0))(subject(grid, channels))
        out.case('elastic.%s' % name, grid, [1], flatten(points), POINTS, zyx(s.a.data), zyx(s.b.data))


def turns(out):
    grid = GRIDS['aniso']
    image, label = source(grid[0], 1)
    for axis in range(3):
        a, b = [k for k in range(3) if k != axis]
        quarter, half = np.rot90(image, -1, (a + 1, b + 1)), np.rot90(image, 2, (a + 1, b + 1))
        out.case('rotate_90.%d' % axis, grid, [3], [axis], [], zyx(quarter), zyx(np.rot90(label, -1, (a + 1, b + 1))))
        out.case('rotate_180.%d' % axis, grid, [4], [axis], [], zyx(half), zyx(np.rot90(label, 2, (a + 1, b + 1))))


def sitk_grid(size, affine):
    return tio.data.io.nib_to_sitk(np.zeros((1,) + tuple(size), np.float32), affine, force_3d=True)


def through(transform, size, affine, p):
    """Index coordinates (3, n) of the output to those of the input, by a transform of the world. Beyond a grid of control
    points ITK moves nothing; there the displacement of the nearest point of the grid (4e-6 voxels inside: ITK is not sure of its
    border) counts here."""
    g, top = sitk_grid(size, affine), np.array(size)[:, None]
    q = np.clip(p, -0.625 + 4e-6, top - 0.375 - 4e-6) if transform.GetName() == 'BSplineTransform' else p
    moved = np.array([g.TransformPhysicalPointToContinuousIndex(
        transform.TransformPoint(g.TransformContinuousIndexToPhysicalPoint(v.tolist()))) for v in q.T]).T
    return moved + (p - q)


def composed(out, random):
    lists = {'affine_elastic': [0, 1], 'elastic_affine': [1, 0], 'all': [2, 1, 3, 0], 'two_elastics': [1, 1],
             'turned': [1, 3], 'flipped': [3, 1, 2]}
    for name in ('aniso', 'oblique', 'flatmm'):
        for title, ops in lists.items():
            size, affine = GRIDS[name]
            value, steps, many = [], [], []
            for op in ops:
                if op == 0:
                    v = flat_affine(AFFINES[0]) if size[2] == 1 else AFFINES[0]
                    t = tio.Affine(v[:3], v[3:6], v[6:])
                    image = tio.ScalarImage(tensor=torch.zeros((1,) + tuple(size)), affine=affine)
                    steps.append((t.get_affine_transform(image), size, affine))
                    value += list(v)
                elif op == 1:
                    points = np.round(random.uniform(-1, 1, POINTS + (3,)) * (2.5, 2.0, 3.0), 3).astype(np.float32)
                    t = tio.ElasticDeformation(points, (2.5, 2.0, 3.0))
                    steps.append((t.get_bspline_transform(sitk_grid(size, affine)), size, affine))
                    value += list(flatten(points))
                    many += POINTS
                elif op == 2:
                    steps.append(('flip', size, affine))
                    value += [1, 0, 1]
                else: # a quarter turn about z, x to y; sizes and spacings change places
                    steps.append(('turn', size, affine))
                    value += [2]
                    s = np.linalg.norm(affine[:3, :3], axis=0)
                    affine = affine.copy()
                    affine[:3, 0] *= s[1] / s[0]
                    affine[:3, 1] *= s[0] / s[1]
                    size = (size[1], size[0], size[2])
            p = np.array(np.meshgrid(*[np.arange(n) for n in size], indexing='ij'), float).reshape(3, -1)
            for step, n, a in reversed(steps):
                if step == 'flip':
                    p = np.array([n[0] - 1 - p[0], p[1], n[2] - 1 - p[2]])
                elif step == 'turn':
                    p = np.array([n[0] - 1 - p[1], p[0], p[2]])
                else:
                    p = through(step, n, a, p)
            grid = GRIDS[name]
            image, label = source(grid[0], 1)
            top = np.array(grid[0])[:, None]
            inside = ((p >= -0.5) & (p < top - 0.5)).all(axis=0)
            v = map_coordinates(image[0].astype(float), p, order=1, mode='nearest', output=float)
            v = np.where(inside, v, image.min()).reshape(size)
            q = np.clip(np.floor(p + 0.5), 0, top - 1).astype(int)
            m = np.where(inside, label[0][q[0], q[1], q[2]], 0).reshape(size)
            out.case('composed.%s.%s' % (title, name), grid, ops, value, many, zyx(v[np.newaxis]), zyx(m[np.newaxis]))


def main():
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'spatial_%s.txt')
    random = np.random.default_rng(12)
    out = Out(data % 'affine')
    affines(out)
    turns(out)
    elastics(Out(data % 'elastic'), random)
    composed(Out(data % 'composed'), random)


main()
