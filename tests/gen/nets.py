"""nets.py - golden numbers for tests/unit/nets.c, computed with PyTorch in float64.

    python3 tests/gen/nets.py 2 > tests/data/nets_2d.tsv
    python3 tests/gen/nets.py 3 > tests/data/nets_3d.tsv
    python3 tests/gen/nets.py ops > tests/data/nets_ops.tsv

The U-Net family is written here once more, with torch.nn modules, from its published description; parameters and inputs are
filled by formulas that the test repeats. A line is: kind, name, then max |v|, sum, sum of squares, first, middle and last element.
"""
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Net(nn.Module):
    """unet (lists=False) or *_multilayer (lists=True), light or not; fcn."""

    def __init__(self, dim, chans, classes, b, norm, residual=False, lists=False, light=False, fcn=False, depth=4):
        super().__init__()
        self.dim, self.residual, self.lists, self.fcn, self.depth = dim, residual, lists, fcn, depth
        conv = nn.Conv3d if dim == 3 else nn.Conv2d
        if norm == 'batch':
            n = nn.BatchNorm3d if dim == 3 else nn.BatchNorm2d
            norm_of = lambda c: n(c)
        else:
            n = nn.InstanceNorm3d if dim == 3 else nn.InstanceNorm2d
            norm_of = lambda c: n(c, affine=True, track_running_stats=True)

        def block(**kw):
            m = nn.Module()
            for k, v in kw.items():
                m.add_module(k, v)
            return m

        c3 = lambda i, o, s=1: conv(i, o, 3, s, 1)
        c1 = lambda i, o: conv(i, o, 1)
        w = [b if light else b << i for i in range(depth + 1)]
        last = b if lists else 2 * b
        name = lambda kind, i: '%s/%d' % (kind, i) if lists else '%s_%d' % (kind, i)
        self.blocks = {}

        def put(key, m):
            self.blocks[key] = m
            self.add_module(key, m)  # '/' stands for '.', which add_module does not take

        put('ins', block(conv0=c3(chans, b), conv1=c3(b, b), conv2=c3(b, b), in_0=norm_of(b), in_1=norm_of(b)))
        ds = lambda i: put(name('ds', i), block(in_0=norm_of(w[i]), conv0=c3(w[i], w[i + 1], 2)))
        en = lambda i, k: put(name('en', k), block(in_0=norm_of(w[i + 1]), in_1=norm_of(w[i + 1]), conv0=c3(w[i + 1], w[i + 1]),
                                                   conv1=c3(w[i + 1], w[i + 1])))
        us = lambda i: put(name('us', i), block(conv0=c1(w[i + 1], w[i])))

        def de(i):
            a, o = 2 * w[i], last if i == 0 else w[i]
            put(name('de', i), block(conv0=c3(a, o), conv1=c3(o, o), conv2=c3(o, o), in_0=norm_of(a), in_1=norm_of(o), in_2=norm_of(o)))

        if lists:
            for i in range(depth):
                ds(i)
            for i in range(depth):
                en(i, i)
            for i in range(depth):
                us(i)
            for i in range(depth):
                de(i)
        else:
            for i in range(depth):
                ds(i)
                en(i, i + 1)
            if fcn:
                for i in range(4, -1, -1):
                    put('us_%d' % i, block(conv0=c1(w[i], 1)))
            else:
                for i in range(depth - 1, -1, -1):
                    us(i)
                    de(i)
        if fcn:
            self.add_module('conv_0', c1(5, classes))
        else:
            put('out', block(conv0=c3(last, classes), in_0=norm_of(last)))

    def up(self, x, factor):
        if factor == 1:
            return x
        return F.interpolate(x, scale_factor=factor, mode='trilinear' if self.dim == 3 else 'bilinear', align_corners=True)

    def forward(self, x):
        act = lambda t: F.leaky_relu(t, 0.01)
        key = lambda kind, i: self.blocks['%s/%d' % (kind, i) if self.lists else '%s_%d' % (kind, i)]
        m = self.blocks['ins']
        t = s = m.conv0(x)
        t = m.conv2(act(m.in_1(m.conv1(act(m.in_0(t))))))
        levels = [t + s if self.residual else t]
        for i in range(self.depth):
            m = key('ds', i)
            t = s = m.conv0(act(m.in_0(levels[-1])))
            m = key('en', i if self.lists else i + 1)
            t = m.conv1(act(m.in_1(m.conv0(act(m.in_0(t))))))
            levels.append(t + s if self.residual else t)
        if self.fcn:
            return self.conv_0(torch.cat([self.up(key('us', i).conv0(levels[i]), 1 << i) for i in range(4, -1, -1)], 1))
        t = levels[-1]
        for i in range(self.depth - 1, -1, -1):
            t = torch.cat([key('us', i).conv0(self.up(t, 2)), levels[i]], 1)
            m = key('de', i)
            t = s = m.conv0(act(m.in_0(t)))
            t = m.conv2(act(m.in_2(m.conv1(act(m.in_1(t))))))
            t = t + s if self.residual else t
        m = self.blocks['out']
        return m.conv0(act(m.in_0(t)))

    def named(self):
        return [(k.replace('/', '.'), p) for k, p in self.named_parameters()]


def fill(net):
    for t, (k, p) in enumerate(net.named()):
        j = torch.arange(p.numel(), dtype=torch.float64)
        if k.endswith('bias'):
            v = 0.05 * torch.sin(0.7 * j + t)
        elif p.dim() == 1:
            v = 1 + 0.1 * torch.cos(0.3 * j + t)
        else:
            fan = p.numel() / p.shape[0]
            v = math.sqrt(3 / fan) * torch.sin(1.3 * j + torch.fmod((0.11 * j) * j, 6.28318) + t)
        p.data.copy_(v.view_as(p))
    for k, p in net.named_buffers():
        j = torch.arange(p.numel(), dtype=torch.float64)
        if k.endswith('running_mean'):
            p.copy_(0.1 * torch.sin(j))
        if k.endswith('running_var'):
            p.copy_(1 + 0.5 * torch.cos(j))


def line(kind, name, v):
    v = v.detach().reshape(-1)
    row = [v.abs().max(), v.sum(), (v * v).sum(), v[0], v[v.numel() // 2], v[-1]]
    print('\t'.join([kind, name] + ['%.13g' % float(x) for x in row]))


def wave(n):
    j = torch.arange(n, dtype=torch.float64)
    return torch.sin(0.013 * j) + 0.5 * torch.cos(0.37 * j)


def dice(p, t, log, w):
    total = 0
    for k in range(p.shape[1]):
        s = 2 * (p[:, k] * t[:, k]).sum() / (p[:, k].sum() + t[:, k].sum())
        v = -torch.log(s + 1.1920928955078125e-07) if log else 1 - s
        total = total + (v * w[k] if w else v / p.shape[1])
    return total


def loss_of(name, p, t, w):
    if name == 'dc':
        return dice(p, t, False, w)
    if name == 'dc_log':
        return dice(p, t, True, w)
    if name == 'dcce':
        weights = w or [1 / p.shape[1]] * p.shape[1]
        return dice(p, t, False, w) + sum(weights[k] * F.binary_cross_entropy(p[:, k], t[:, k]) for k in range(p.shape[1]))
    if name == 'cel':
        return F.cross_entropy(p, t.argmax(1), weight=torch.tensor(w) if w else None)
    raise SystemExit(name)


W3 = [0.2, 0.3, 0.5]
CASES = [  # name, dim, sides (D H W), batch, net, final, sigmoid multiplier, loss, weights, optimiser, clip
    ('unet2i', 2, (32, 48), 2, dict(norm='instance'), 'softmax', 1, 'dc', None, ('sgd', dict(lr=.1, momentum=.99, nesterov=True, weight_decay=3e-5)), 0),
    ('resunet2b', 2, (32, 32), 2, dict(norm='batch', residual=True), 'softmax', 1, 'dcce', W3, ('adam', dict(lr=1e-3, weight_decay=5e-5)), 0),
    ('resunet3i', 3, (32, 16, 48), 1, dict(norm='instance', residual=True), 'softmax', 1, 'dc_log', None, ('adam', dict(lr=1e-3, weight_decay=5e-5, amsgrad=True)), 0),
    ('unet3b', 3, (16, 32, 16), 2, dict(norm='batch'), 'sigmoid', 2, 'dc', W3, ('sgd', dict(lr=.05, momentum=.9)), .5),
    ('light3i', 3, (16, 16, 32), 2, dict(norm='instance', light=True), 'softmax', 1, 'dcce', None, ('adamw', dict(lr=1e-3, weight_decay=1e-2)), 0),
    ('multi2i', 2, (16, 24), 2, dict(norm='instance', lists=True, depth=2, residual=True), 'none', 1, 'cel', W3, ('sgd', dict(lr=.1)), 0),
    ('fcn2b', 2, (48, 32), 2, dict(norm='batch', fcn=True), 'sigmoid', 1, 'dcce', None, ('adam', dict(lr=1e-3)), 0),
]


def case(name, dim, sides, batch, kw, final, mult, loss, weights, optim, clip):
    chans, classes, base = 2, 3, 4 if dim == 2 else 2
    net = Net(dim, chans, classes, base, **kw)
    fill(net)
    x = wave(batch * chans * math.prod(sides)).view(batch, chans, *sides)
    j = torch.arange(batch * math.prod(sides))
    label = ((j * j + j // 3) // 5 % 3).view(batch, *sides)
    t = torch.stack([(label == k).double() for k in range(classes)], 1)
    end = {'softmax': lambda z: torch.softmax(z, 1), 'sigmoid': lambda z: torch.sigmoid(mult * z), 'none': lambda z: z}[final]
    net.eval()
    line('eval', name, end(net(x)))
    if kw['norm'] == 'instance':  # the same without running statistics
        saved = [(m, m.track_running_stats) for m in net.modules() if hasattr(m, 'track_running_stats')]
        for m, _ in saved:
            m.track_running_stats = False
            m.training = True
        buffers = [b.clone() for b in net.buffers()]
        line('instance', name, end(net(x)))
        for b, v in zip(net.buffers(), buffers):
            b.copy_(v)
        for m, v in saved:
            m.track_running_stats = v
    net.train()
    kind, args = optim
    o = {'sgd': torch.optim.SGD, 'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}[kind](net.parameters(), foreach=False, **args)
    for step in range(3):
        o.zero_grad()
        y = end(net(x))
        value = loss_of(loss, y, t, weights)
        value.backward()
        if step == 0:
            line('train', name, y)
            for k, p in net.named():
                line('grad', name + ' ' + k, p.grad)
        line('loss', '%s %d' % (name, step), value)
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        o.step()
    for k, p in net.named():
        line('param', name + ' ' + k, p)
    for k, b in net.named_buffers():
        if 'running' in k:
            line('state', name + ' ' + k.replace('/', '.'), b)


CONVS = [  # kernel, stride, padding, dilation (D H W), groups, channels in, out
    ((3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1, 2, 3), ((3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1), 1, 2, 3),
    ((1, 3, 5), (1, 2, 1), (0, 1, 2), (1, 1, 1), 1, 3, 2), ((3, 3, 3), (1, 1, 1), (2, 2, 2), (2, 2, 2), 1, 2, 2),
    ((3, 3, 3), (2, 1, 2), (1, 0, 1), (1, 1, 1), 2, 4, 6), ((1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1), 3, 3, 3),
]


def ops():
    for i, (k, s, p, d, g, ci, co) in enumerate(CONVS):
        x = wave(2 * ci * 5 * 6 * 7).view(2, ci, 5, 6, 7).requires_grad_()
        w = torch.cos(0.31 * torch.arange(co * ci // g * math.prod(k), dtype=torch.float64)).view(co, ci // g, *k).requires_grad_()
        b = torch.arange(co, dtype=torch.float64).requires_grad_()
        y = F.conv3d(x, w, b, s, p, d, g)
        dy = torch.sin(0.7 * torch.arange(y.numel(), dtype=torch.float64)).view_as(y)
        y.backward(dy)
        for name, v in (('y', y), ('dx', x.grad), ('dw', w.grad), ('db', b.grad)):
            line('conv', '%d %s' % (i, name), v)
    for i, (f, sides) in enumerate([(2, (3, 4, 5)), (4, (2, 3, 1)), (16, (2, 1, 2)), (2, (1, 1, 1))]):
        x = wave(2 * 2 * math.prod(sides)).view(2, 2, *sides).requires_grad_()
        y = F.interpolate(x, scale_factor=f, mode='trilinear', align_corners=True)
        dy = torch.sin(0.7 * torch.arange(y.numel(), dtype=torch.float64)).view_as(y)
        y.backward(dy)
        line('upsample', '%d y' % i, y)
        line('upsample', '%d dx' % i, x.grad)


if __name__ == '__main__':
    if sys.argv[1] == 'ops':
        ops()
    for c in CASES:
        if str(c[1]) == sys.argv[1]:
            case(*c)
