"""peer_torch.py THREADS - PyTorch in the place of bench_net and bench_ops: the same lines, answered by "SECONDS LABEL".

    train ARCH DIM CHANNELS CLASSES BASE SIDE BATCH NORM
    infer ...
    conv DIRECTION IN OUT D H W KERNEL STRIDE

The first call of a case tries every way there is and keeps the fastest: eager, channels last, and torch.compile, which needs a
C++ compiler and is given up after GN_BENCH_COMPILE seconds (0: not tried). Unless that is set, it is for inference only (frozen,
90 seconds), where it gains most.
"""
import os
import shutil
import signal
import sys
import time
import warnings

warnings.filterwarnings('ignore')
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'gen'))
import torch
import torch.nn.functional as F

import nets

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
COMPILE = os.environ.get('GN_BENCH_COMPILE')
COMPILE = {'infer': 90} if COMPILE is None else {'infer': int(COMPILE), 'train': int(COMPILE)}
torch.set_default_dtype(torch.float32)
torch.set_num_threads(THREADS)
torch.manual_seed(1)
NAME = 'torch ' + torch.__version__.split('+')[0]


class TooLong(BaseException):
    pass


def give_up(number, frame):
    raise TooLong


def timed(run):
    t = time.perf_counter()
    run()
    return time.perf_counter() - t


def dcce(p, t):
    """Mean over classes of 1 - Dice over the batch, and the mean binary cross-entropy."""
    over = [0] + list(range(2, p.dim()))
    dice = 2 * (p * t).sum(over) / (p.sum(over) + t.sum(over))
    return (1 - dice).mean() + F.binary_cross_entropy(p, t)


def net_way(words, last, compiled):
    """A function that does one step or one forward pass, laid out and compiled as asked."""
    train, arch = words[0] == 'train', words[1]
    dim, channels, classes, base, side, batch = map(int, words[2:8])
    net = nets.Net(dim, channels, classes, base, norm=words[8], residual=arch == 'resunet')
    x = torch.rand(batch, channels, *[side] * dim) * 2 - 1
    label = torch.randint(classes, (batch,) + (side,) * dim)
    t = torch.movedim(F.one_hot(label, classes), -1, 1).float().contiguous()
    if last:
        layout = torch.channels_last_3d if dim == 3 else torch.channels_last
        net, x, t = net.to(memory_format=layout), x.to(memory_format=layout), t.to(memory_format=layout)
    if not train:
        net.eval()
        call = torch.compile(net) if compiled else net

        def infer():
            with torch.no_grad():
                return torch.softmax(call(x), 1)
        return infer
    net.train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def forward(x, t):
        return dcce(torch.softmax(net(x), 1), t)
    call = torch.compile(forward) if compiled else forward

    def step():
        optimiser.zero_grad()
        call(x, t).backward()
        optimiser.step()
    return step


def conv_way(words, last):
    direction, ci, co, *size, kernel, stride = words[1], *map(int, words[2:9])
    flat = [n == 1 for n in size]
    kernel, stride = ([1 if f else n for f in flat] for n in (kernel, stride))
    pad = [k // 2 for k in kernel]
    x, w, b = torch.rand(1, ci, *size), torch.rand(co, ci, *kernel) - 0.5, torch.rand(co)
    if last:
        x, w = (v.to(memory_format=torch.channels_last_3d) for v in (x, w))
    if direction == 'forward':
        return lambda: F.conv3d(x, w, b, stride, pad)
    dy = torch.rand_like(F.conv3d(x, w, b, stride, pad))
    want = [direction == 'data', direction == 'weights', direction == 'weights']
    return lambda: torch.ops.aten.convolution_backward(dy, x, w, [co], stride, pad, [1, 1, 1], False, [0, 0, 0], 1, want)


def prepare(words):
    """The fastest way, its name, and its seconds."""
    best, name, run = 1e9, '', None
    for last, compiled, label in ((False, False, 'eager'), (True, False, 'channels last'), (False, True, 'compiled')):
        limit = COMPILE.get(words[0], 0)
        if compiled and (limit <= 0 or not (shutil.which('g++') or shutil.which('c++'))):
            continue
        try:
            if compiled:
                torch._dynamo.reset()
                from torch._inductor import config
                config.freezing = words[0] == 'infer'
                signal.alarm(limit)
            way = conv_way(words, last) if words[0] == 'conv' else net_way(words, last, compiled)
            first = timed(way)
            signal.alarm(0)
            t = min(timed(way) for _ in range(2 if first < 3 else 1))
        except (TooLong, Exception) as problem:
            print('peer_torch: %s: %s: %s' % (' '.join(words), label, repr(problem)[:300]), file=sys.stderr)
            continue
        finally:
            signal.alarm(0)
        if t < best:
            best, name, run = t, label, way
    return run, NAME + ' ' + name, best


def main():
    signal.signal(signal.SIGALRM, give_up)
    now, run, label = None, None, ''
    for line in sys.stdin:
        if line != now:
            run = None  # its memory first
            run, label, seconds = prepare(line.split())
            now = line
        elif run:
            seconds = timed(run)
        print('%.9f %s' % (seconds, label) if run else '-', flush=True)


main()
