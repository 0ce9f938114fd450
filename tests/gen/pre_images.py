#!/usr/bin/env python3
"""pre_images.py - the images that every row of the preprocessing is tested on (tests/data/pre_images.txt), and what the generators
pre_grid.py and pre_grey.py share.

iso (1 mm), real (a CT of 1.366 x 1.366 x 2.5 mm, see real.py) and oblique (an askew affine, three spacings), and a slice of each
as a 2-D image: flat_NAME. Arrays: NAME.size (x y z), NAME.affine (12 numbers, RAS), NAME.image, NAME.label (z y x). The four
channels of an image v of n voxels are v[k], v[n-1-k], |v[k]| and v[k] / 2 + 3 (k mod 5).
"""
import os
import sys

import numpy as np
import SimpleITK as sitk

sys.dont_write_bytecode = True
from real import read

HERE = os.path.dirname(os.path.abspath(__file__))
CHANNELS = 4


class Golden:
    """tests/data/NAME.txt."""

    def __init__(self, name):
        self.file = open(os.path.join(HERE, '..', 'data', name + '.txt'), 'w')

    def put(self, name, values, fmt='%.8g'):
        values = np.asarray(values, np.float64).ravel()
        self.file.write('%s %d\n%s\n' % (name, len(values), ' '.join(fmt % v for v in values)))

    def some(self, name, values, most=110):
        """NAME.every = n, the stride, number of values; NAME = every n-th value of c z y x. n has no divisor in common with a size."""
        values = np.asarray(values, np.float64)
        stride = -(-values.size // most)
        while any(np.gcd(stride, n) > 1 for n in values.shape if n > 1):
            stride += 1
        self.put(name + '.every', [stride, values.size], '%d')
        self.put(name, values.ravel()[::stride])


def rotation(x, y, z):
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def affine_of(m, origin):
    a = np.eye(4)
    a[:3, :3], a[:3, 3] = m, origin
    return a


class Image:
    """image, label: z y x; affine 4 x 4."""

    def __init__(self, name, image, label, affine):
        self.name, self.image, self.label, self.affine = name, np.float32(image), np.uint8(label), affine
        self.size = self.image.shape[::-1]
        self.flat = self.size[2] == 1
        self.spacing = np.linalg.norm(affine[:3, :3], axis=0)

    def channels(self, n=CHANNELS):
        """c z y x, float32."""
        v = self.image.ravel()
        every = [v, v[::-1], np.abs(v), v / np.float32(2) + np.float32(3) * (np.arange(v.size) % 5).astype(np.float32)]
        return np.array(every[:n], np.float32).reshape((n,) + self.image.shape)

    def slice(self):
        z = self.size[2] // 2
        affine = self.affine.copy()
        affine[:3, 3] = affine[:3] @ (0, 0, z, 1)
        return Image('flat_' + self.name, self.image[z:z + 1], self.label[z:z + 1], affine)


def made(size, seed):
    """Whole and quarter numbers of both signs, a third of them 0."""
    n = np.arange(np.prod(size), dtype=np.int64)
    k = (7919 * n + 13 * seed) % 1009
    i, j, z = np.meshgrid(*[np.arange(s) for s in size], indexing='ij')
    return np.where(k % 3 == 0, 0, k / 4 - 90).reshape(size[::-1]), ((i // 3 + j // 4 + z // 2) % 4).T


def images():
    iso = Image('iso', *made((11, 10, 8), 1), affine_of(np.eye(3), (5, -3, 2)))
    oblique = Image('oblique', *made((10, 9, 7), 2), affine_of(rotation(0.4, -0.3, 0.7) @ np.diag([0.9, 1.1, 1.7]), (10, 20, -30)))
    ct = read('ct')
    size = ct['ct.size'].astype(int)[::-1]
    real = Image('real', ct['ct.image'].reshape(size), ct['ct.label'].reshape(size),
                 np.vstack([ct['ct.affine'].reshape(3, 4), (0, 0, 0, 1)]))
    solid = [iso, real, oblique]
    return solid + [i.slice() for i in solid]


LPS = np.diag([-1.0, -1.0, 1.0])


def itk_image(array, affine):
    """array z y x; one of one slice is a 2-D image."""
    flat = array.shape[0] == 1
    d = 2 if flat else 3
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array[0] if flat else array)
    image.SetSpacing(spacing[:d].tolist())
    if not flat:
        image.SetOrigin((LPS @ affine[:3, 3]).tolist())
        image.SetDirection((LPS @ affine[:3, :3] / spacing).ravel().tolist())
    return image


def itk_resample(array, affine, size, to, interp):
    """array (z y x) on the grid size, to (4 x 4). In 2-D both grids lie in one plane: the first one's own axes are x and y."""
    flat = array.shape[0] == 1
    image = itk_image(array, affine)
    if flat:
        own = np.linalg.norm(affine[:3, :3], axis=0)
        home = affine.copy()
        home[:3, :3] = affine[:3, :3] / own
        m = np.linalg.inv(home) @ to
        spacing = np.linalg.norm(m[:3, :3], axis=0)
        origin, direction, d = m[:2, 3], (m[:3, :3] / spacing)[:2, :2], 2
    else:
        spacing = np.linalg.norm(to[:3, :3], axis=0)
        origin, direction, d = LPS @ to[:3, 3], LPS @ to[:3, :3] / spacing, 3
    out = sitk.Resample(image, [int(n) for n in size[:d]], sitk.Transform(), interp, origin.tolist(), spacing[:d].tolist(),
                        direction.ravel().tolist(), 0.0, image.GetPixelID())
    return sitk.GetArrayFromImage(out).reshape([int(n) for n in size[::-1]])


if __name__ == '__main__':
    g = Golden('pre_images')
    for im in images():
        g.put(im.name + '.size', im.size, '%d')
        g.put(im.name + '.affine', im.affine[:3], '%.17g')
        g.put(im.name + '.image', im.image)
        g.put(im.name + '.label', im.label, '%d')
