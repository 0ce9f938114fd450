#!/usr/bin/env python3
"""How far PyTorch's float32 is from its float64 on the nets of tests/unit/cpu_net.c: prints the
bounds used there.

Nets, parameters, inputs and labels are built by the same recipe in both programs; the loss is the
softmax cross-entropy. For every case: error of the output in training mode, of the gradients, and of
the parameters after three steps of SGD, each max|a - b| / max|b|.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# The phase of the input is one for which no leaky ReLU sits on its kink: one that rounds to the other
# side moves the gradients by 1e-3 or more, in PyTorch as in anything else, and hides other errors.
CASES = [  # arch, dim, channels, classes, base, norm, batch, size (D H W), phase
    ("unet", 2, 3, 2, 8, "instance", 1, (64, 48), 14),
    ("resunet", 2, 1, 3, 8, "batch", 3, (32, 32), 0),
    ("resunet", 3, 2, 3, 4, "instance", 1, (32, 32, 32), 2),
    ("unet", 3, 1, 2, 4, "batch", 1, (32, 32, 32), 4),
]


class Net(nn.Module):
    """unet / resunet; modules are declared in the order of the reference's state."""

    def __init__(self, dim, channels, classes, b, norm, residual):
        super().__init__()
        conv = nn.Conv2d if dim == 2 else nn.Conv3d
        kind = {"instance": (nn.InstanceNorm2d, nn.InstanceNorm3d),
                "batch": (nn.BatchNorm2d, nn.BatchNorm3d)}[norm][dim - 2]
        n = lambda c: kind(c, affine=True, track_running_stats=True)
        c3 = lambda i, o, s=1: conv(i, o, 3, s, 1)
        self.residual, self.mode = residual, "bilinear" if dim == 2 else "trilinear"
        self.ins = nn.ModuleDict({"conv0": c3(channels, b), "conv1": c3(b, b), "conv2": c3(b, b),
                                  "in_0": n(b), "in_1": n(b)})
        down = lambda i, o: nn.ModuleDict({"in_0": n(i), "conv0": c3(i, o, 2)})
        enc = lambda c: nn.ModuleDict({"in_0": n(c), "conv0": c3(c, c),
                                       "in_1": n(c), "conv1": c3(c, c)})
        dec = lambda i, o: nn.ModuleDict({"in_0": n(i), "conv0": c3(i, o), "in_1": n(o),
                                          "conv1": c3(o, o), "in_2": n(o), "conv2": c3(o, o)})
        for i in range(4):
            self.add_module(f"ds_{i}", down(b << i, b << i + 1))
            self.add_module(f"en_{i + 1}", enc(b << i + 1))
        for i in (3, 2, 1, 0):
            self.add_module(f"us_{i}", nn.ModuleDict({"conv0": conv(b << i + 1, b << i, 1)}))
            self.add_module(f"de_{i}", dec(b << i + 1, b << i if i else 2 * b))
        self.out = nn.ModuleDict({"in_0": n(2 * b), "conv0": c3(2 * b, classes)})

    def forward(self, x):
        act = lambda m, t: F.leaky_relu(m(t), 0.01)
        m = self.ins
        s = t = m["conv0"](x)
        t = m["conv2"](act(m["in_1"], m["conv1"](act(m["in_0"], t))))
        skips = [t + s if self.residual else t]
        for i in range(4):
            d, e = getattr(self, f"ds_{i}"), getattr(self, f"en_{i + 1}")
            s = d["conv0"](act(d["in_0"], skips[-1]))
            t = e["conv1"](act(e["in_1"], e["conv0"](act(e["in_0"], s))))
            skips.append(t + s if self.residual else t)
        t = skips[4]
        for i in (3, 2, 1, 0):
            u, d = getattr(self, f"us_{i}"), getattr(self, f"de_{i}")
            t = u["conv0"](F.interpolate(t, scale_factor=2, mode=self.mode, align_corners=True))
            s = t = d["conv0"](act(d["in_0"], torch.cat([t, skips[i]], 1)))
            t = d["conv2"](act(d["in_2"], d["conv1"](act(d["in_1"], t))))
            t = t + s if self.residual else t
        return self.out["conv0"](act(self.out["in_0"], t))


def fill(net):
    for t, (name, p) in enumerate(net.named_parameters()):
        j = np.arange(p.numel(), dtype=np.float64)
        if name.endswith("bias"):
            v = 0.05 * np.sin(0.7 * j + t)
        elif p.dim() == 1:
            v = 1 + 0.1 * np.cos(0.3 * j + t)
        else:
            phase = np.mod((0.11 * j) * j, 6.28318)
            v = np.sqrt(3 / (p.numel() / p.shape[0])) * np.sin(1.3 * j + phase + t)
        p.data = torch.from_numpy(v.astype(np.float32).reshape(p.shape)).to(p.dtype)


def run(case, dtype):
    arch, dim, channels, classes, b, norm, batch, size, phase = case
    net = Net(dim, channels, classes, b, norm, arch == "resunet").to(dtype)
    fill(net)
    voxels = int(np.prod(size))
    j = np.arange(batch * channels * voxels, dtype=np.float64)
    x = np.sin(0.013 * j + phase) + 0.5 * np.cos(0.37 * j) + 0.1 * np.sin(j % 7919)
    x = torch.from_numpy(x.astype(np.float32)).to(dtype).reshape(batch, channels, *size)
    label = torch.from_numpy((np.arange(batch * voxels) // 5 % classes).reshape(batch, *size))
    step = torch.optim.SGD(net.parameters(), lr=0.001)
    for s in range(3):
        step.zero_grad()
        y = net(x)
        F.cross_entropy(y, label).backward()
        if s == 0:
            first = y.detach().double().flatten()
            grad = torch.cat([p.grad.double().flatten() for p in net.parameters()])
        step.step()
    return first, grad, torch.cat([p.data.double().flatten() for p in net.parameters()])


for case in CASES:
    wide, narrow = run(case, torch.float64), run(case, torch.float32)
    error = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(narrow, wide)]
    print(case, "{" + ", ".join(f"{e:.1e}" for e in error) + "}")
