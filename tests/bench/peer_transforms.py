"""peer_transforms.py THREADS NX NY NZ - Python's libraries in the place of bench_transforms: the same lines, answered by
"SECONDS LABEL".

The first call of a case tries every way there is (TorchIO, SciPy, SimpleITK, torch) and keeps the fastest; the label names it,
and says TorchIO's time where that is another. A case with several settings runs each, an answer is for one. TorchIO's random
transforms start from the same seed in each run. With one thread the seconds are of processor time.
"""
import os
import sys
import time
import warnings

threads = int(sys.argv[1])
size = tuple(map(int, sys.argv[2:5]))
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[name] = str(threads)
warnings.filterwarnings('ignore')
import numpy as np
import scipy
import scipy.ndimage as ndi
import SimpleITK as sitk
import torch
import torch.nn.functional as F
import torchio as tio

torch.set_num_threads(threads)
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
TORCHIO, SCIPY, SITK, TORCH = ['%s %s' % (n, v.split('+')[0]) for n, v in (
    ('torchio', tio.__version__), ('scipy', scipy.__version__), ('SimpleITK', sitk.Version_VersionString()),
    ('torch', torch.__version__))]

x, y, z = np.meshgrid(*map(np.arange, size), indexing='ij')
grey = ((2 * x + y + z) % 200 + 4 * np.random.default_rng(1).random(size)).astype(np.float32)
classes = ((x // 8 + y // 8 + z // 8) % 4).astype(np.uint8)
del x, y, z
subject = tio.Subject(image=tio.ScalarImage(tensor=torch.from_numpy(grey)[None], affine=np.eye(4)),
                      label=tio.LabelMap(tensor=torch.from_numpy(classes)[None], affine=np.eye(4)))
image, label = subject.image.data, subject.label.data
grey_itk, classes_itk = sitk.GetImageFromArray(grey), sitk.GetImageFromArray(classes)
tenth = [round(n / 10) for n in size]
points = [min(max(n, 5), 64) for n in tenth]
ANGLE, SCALE, SHIFT = 10, 1.05, 2


def quarter(axis):
    a, b = [k + 1 for k in range(3) if k != axis]

    def turn(t):
        return t.transpose(a, b).flip(b)
    return turn


class Quarter:
    """A quarter turn of a TorchIO subject, as GaNDLF does it."""
    def __call__(self, s):
        turn = quarter(np.random.randint(3))
        for i in s.get_images(intensity_only=False):
            i.set_data(turn(i.data))
        return s


def rotation():
    c, s = np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))
    rx = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    ry = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    rz = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    matrix = (rz @ rx @ ry).T / SCALE
    centre = (np.array(size) - 1) / 2
    return matrix, centre - matrix @ (centre + SHIFT)


def scipy_affine(matrix, offset, to):
    def run():
        ndi.affine_transform(grey, matrix, offset, to, order=1, mode='constant', cval=0)
        ndi.affine_transform(classes, matrix, offset, to, order=0, mode='constant', cval=0)
    return run


def itk_affine(matrix, offset, to, spacing=1.0):
    """The images in SimpleITK have their axes the other way round: any order costs the same."""
    move = sitk.AffineTransform(3)
    move.SetMatrix(np.asarray(matrix, float).ravel().tolist())
    move.SetTranslation(np.asarray(offset, float).tolist())

    def run():
        for i, how in ((grey_itk, sitk.sitkLinear), (classes_itk, sitk.sitkNearestNeighbor)):
            sitk.Resample(i, [int(n) for n in to[::-1]], move, how, i.GetOrigin(), [spacing] * 3, i.GetDirection(), 0.0)
    return run


def torch_affine(matrix, offset):
    """Coordinates from -1 to 1, last axis first."""
    half, flipped = (np.array(size[::-1]) - 1) / 2, np.asarray(matrix)[::-1, ::-1]
    theta = np.hstack([flipped * half / half[:, None],
                       ((np.asarray(offset)[::-1] + flipped @ half) / half - 1)[:, None]])
    theta = torch.tensor(theta, dtype=torch.float32)[None]

    def run():
        where = F.affine_grid(theta, (1, 1) + size, align_corners=True)
        F.grid_sample(image[None], where, 'bilinear', align_corners=True)
        F.grid_sample(label[None].float(), where, 'nearest', align_corners=True).to(torch.uint8)
    return run


def torch_resample():
    to = [int(np.ceil(n / 1.2 - 1e-3)) for n in size]
    F.interpolate(image[None], to, mode='trilinear')
    F.interpolate(label[None], to, mode='nearest')


def scipy_blur():
    ndi.gaussian_filter(grey, 1.0, mode='reflect', truncate=4)
    classes.copy()


def torch_zscore():
    std, mean = torch.std_mean(image)
    torch.sub(image, mean).div_(std)


def to(*transforms):
    """Ways of TorchIO: a transform for each setting."""
    def each(t):
        def run():
            torch.manual_seed(1)
            np.random.seed(1)
            t(subject)
        return run
    return TORCHIO, [each(t) for t in transforms]


def all_axes(make):
    return to(*[make((k,)) for k in range(3)])


def just_image(t):
    return tio.Compose([t], include=['image'])


def chain():
    twelve = [tio.RandomAffine(0.1, 15, 2, default_pad_value='minimum'),
              tio.RandomElasticDeformation(points, [n / 10 for n in points], 2), None,
              tio.RandomMotion(15, 2, 2), tio.RandomBiasField(0.5, 3),
              tio.RandomBlur((0, 0.015 * float(image.std()))), tio.RandomNoise(0, (0, 1)), tio.RandomGamma(0.3),
              tio.RandomSwap([max(n, 1) for n in tenth], 100), tio.RandomFlip((0, 1, 2), 0.5), Quarter(),
              tio.RandomAnisotropy((0, 1, 2), 1.5)]
    sets, chains, spikes = (0x555, 0xaaa, 0x333, 0xccc), [], 0
    for chosen in sets:  # of bench_transforms.c
        steps = [t for k, t in enumerate(twelve) if chosen >> k & 1]
        if chosen >> 2 & 1:
            steps[steps.index(None)] = tio.RandomSpike() if spikes % 2 else tio.RandomGhosting()
            spikes += 1
        chains.append(sequence(steps))
    return to(*chains)


def sequence(steps):
    def run(s):
        for t in steps:
            s = t(s)
    return run


to_size = [int(np.ceil(n / 1.2 - 1e-3)) for n in size]
wider, first = np.eye(3) * 1.2, np.full(3, 0.1)
CASES = {
    'affine': lambda: [to(tio.Affine((SCALE,) * 3, (ANGLE,) * 3, (SHIFT,) * 3)),
                       (SCIPY, [scipy_affine(*rotation(), size)]), (SITK, [itk_affine(*rotation(), size)]),
                       (TORCH, [torch_affine(*rotation())])],
    'elastic': lambda: [to(tio.RandomElasticDeformation(points, [n / 10 for n in points], 2))],
    'flip': lambda: [to(tio.Flip((0, 1, 2))), (TORCH, [lambda: (image.flip(1, 2, 3), label.flip(1, 2, 3))])],
    'rotate_90': lambda: [(TORCH, [lambda turn=quarter(k): (turn(image).contiguous(), turn(label).contiguous())
                                   for k in range(3)])],
    'anisotropic': lambda: [all_axes(lambda a: tio.RandomAnisotropy(a, 1.5))],
    'blur': lambda: [to(tio.Blur(1.0)), (SCIPY, [scipy_blur])],
    'noise': lambda: [to(tio.RandomNoise(0, (1, 1))), (TORCH, [lambda: (torch.randn_like(image) + image, label.clone())])],
    'gamma': lambda: [to(tio.RandomGamma((0.2, 0.2))), (TORCH, [lambda: (image.pow(1.2214), label.clone())])],
    'bias': lambda: [to(tio.RandomBiasField(0.5, 3))],
    'motion': lambda: [to(tio.RandomMotion(15, 2, 2))],
    'ghosting': lambda: [all_axes(lambda a: tio.RandomGhosting(axes=a))],
    'spike': lambda: [to(tio.RandomSpike())],
    'swap': lambda: [to(tio.RandomSwap([max(n, 1) for n in tenth], 100))],
    'resample': lambda: [to(tio.Resample(1.2)), (SCIPY, [scipy_affine(np.diag(wider), first, to_size)]),
                         (SITK, [itk_affine(np.eye(3), first, to_size, 1.2)]), (TORCH, [torch_resample])],
    'zscore': lambda: [to(just_image(tio.ZNormalization())), (TORCH, [torch_zscore])],
    'gandlf': lambda: [chain()],
}


def timed(runs):
    clock = time.process_time if threads == 1 else time.perf_counter
    t = clock()
    for run in runs:
        run()
    return (clock() - t) / len(runs)


kept = {}
for line in sys.stdin:
    case = line.strip()
    if case not in CASES:
        print('-', flush=True)
        continue
    if case not in kept:
        ways = CASES[case]()
        if len(ways) == 1:
            best, name = ways[0][1], ways[0][0]
        else:
            for _, runs in ways:
                timed(runs)
            times = [min(timed(runs), timed(runs)) for _, runs in ways]
            k = int(np.argmin(times))
            best, name = ways[k][1], ways[k][0]
            if k:
                name += ' (%s: %.4g ms)' % (TORCHIO, times[0] * 1e3)
        kept[case] = best, name
    print('%.9f %s' % (timed(kept[case][0]), kept[case][1]), flush=True)
