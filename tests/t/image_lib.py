#!/usr/bin/env python3
"""What the tests of the image tools share: streams of small samples, and looking into streams.

    image_lib.py make FILE N X,Y,Z [KEY=VALUE...]   N samples s0 ...: image t1, image t2 (channels=C, dtype=T), label
    image_lib.py values FILE K                      the K-th record's values, one line
    image_lib.py get FILE K KEY...                  its header values, one line each
    image_lib.py count FILE
    image_lib.py config [LINE...]                   a configuration, patches of 16, seed 5; lines are added
    image_lib.py predict FILE OUT [KEY=VALUE...]    patches of samples to predictions of three maps
"""
import struct
import sys

import gnt


def voxels(size, f, channels=1):
    x, y, z = size
    return [f(i, j, k, c) for c in range(channels) for k in range(z) for j in range(y)
            for i in range(x)]


def ramp(i, j, k, c):
    return (7 * i + 5 * j + 3 * k + 31 * c) % 11 + 20 * c


def blobs(i, j, k, c):
    return 1 if 2 <= i < 5 and 1 <= j < 4 else 2 if i >= 6 and j >= 4 else 0


def pack(dtype, values):
    return struct.pack('<%d%s' % (len(values), gnt.TYPES[dtype]), *values)


def sample(name, size, channels=1, dtype='float32', affine='1 0 0 0 0 1 0 0 0 0 1 0', extra=()):
    x, y, z = size
    common = [('axes', 'c z y x'), ('sample', name), ('affine', affine), ('source', name + '.nii'),
              ('source.shape', '%d %d %d' % size), ('source.affine', affine),
              ('acme.note', 'kept')] + list(extra)
    for n, image in enumerate(('t1', 't2')):
        v = voxels(size, lambda i, j, k, c: (ramp(i, j, k, c) + 3 * n), channels)
        yield [('dtype', dtype), ('shape', '%d %d %d %d' % (channels, z, y, x)), ('role', 'image'),
               ('name', image)] + common, pack(dtype, v)
    yield [('dtype', 'uint8'), ('shape', '1 %d %d %d' % (z, y, x)), ('role', 'label'),
           ('name', 'Label')] + common, pack('uint8', voxels(size, blobs))


def write(path, records):
    n = 0
    with open(path, 'wb') as f:
        for head, data in records:
            gnt.emit(f, head, data)
            n += 1
        gnt.end(f, n)


def read(path):
    with (sys.stdin.buffer if path == '-' else open(path, 'rb')) as f:
        return [(dict(h), h, d) for h, d in gnt.read(f)]


def numbers(m, data):
    return list(struct.unpack('<%d%s' % (len(data) // struct.calcsize(gnt.TYPES[m['dtype']]),
                                         gnt.TYPES[m['dtype']]), data))


def cut(m, data, origin, size):
    """Values of a part of a record, as numbers."""
    c, z, y, x = (int(s) for s in m['shape'].split())
    v = numbers(m, data)
    return [v[((n * z + k + origin[2]) * y + j + origin[1]) * x + i + origin[0]]
            for n in range(c) for k in range(size[2]) for j in range(size[1])
            for i in range(size[0])]


CONFIG = """\
version: {minimum: 0.1.0, maximum: 0.1.6}
modality: rad
nested_training: {testing: -2, validation: -2}
model: {dimension: 3, base_filters: 8, architecture: unet, class_list: [0, 1, 2],
        final_layer: softmax, num_channels: 2}
loss_function: dc
metrics: [dice]
num_epochs: 2
patch_size: [16, 16, 16]
patch_sampler: label
q_samples_per_volume: 3
inference_mechanism: {grid_aggregator_overlap: average, patch_overlap: 2}
seed: 5
"""


def predict(path, out, extra):
    """The first image of each patch to maps a, b, c: its values / 10, their rest to 1, and a / 2."""
    done = []
    for m, head, data in read(path):
        if m.get('name') != 't1':
            continue
        a = [v / 10 for v in numbers(m, data)]
        maps = a + [1 - v for v in a] + [v / 2 for v in a]
        z, y, x = m['shape'].split()[1:]
        drop = {'role', 'dtype', 'shape', 'name'} | {k for k, _ in extra}
        done.append(([('dtype', 'float32'), ('shape', '3 %s %s %s' % (z, y, x)),
                      ('role', 'prediction'), ('name', 'model')] +
                     [(k, v) for k, v in head if k not in drop] + extra, pack('float32', maps)))
    write(out, done)


def ints(text):
    return tuple(int(s) for s in text.replace(',', ' ').split())


def main(argv):
    if argv[1] == 'make':
        opts = dict(a.split('=', 1) for a in argv[5:])
        extra = [(k, v) for k, v in opts.items() if '.' in k or k == 'epoch']
        records = []
        for i in range(int(argv[3])):
            records += sample('s%d' % i, ints(argv[4]), int(opts.get('channels', 1)),
                              opts.get('dtype', 'float32'),
                              opts.get('affine', '1 0 0 0 0 1 0 0 0 0 1 0'), extra)
        write(argv[2], records)
    elif argv[1] == 'values':
        m, _, data = read(argv[2])[int(argv[3])]
        print(' '.join('%g' % v for v in numbers(m, data)))
    elif argv[1] == 'get':
        m = read(argv[2])[int(argv[3])][0]
        for key in argv[4:]:
            print(m.get(key, '-'))
    elif argv[1] == 'config':
        print(CONFIG + '\n'.join(argv[2:]))
    elif argv[1] == 'predict':
        extra = [('class_list', '1 2 4'), ('stitch', 'crop')]
        given = [tuple(a.split('=', 1)) for a in argv[4:]]
        predict(argv[2], argv[3], [(k, v) for k, v in extra if k not in dict(given)] + given)
    elif argv[1] == 'count':
        print(len(read(argv[2])))


if __name__ == '__main__':
    main(sys.argv)
