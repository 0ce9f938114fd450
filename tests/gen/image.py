#!/usr/bin/env python3
"""image.py FILE [KEY=VALUE...] - a small image for the tests, written without gn.

FILE is .nii, .nii.gz or .png. Keys: size=4,3,2 (x,y,z)  channels=1  type=int16 (numpy's names; PNG: uint8)  origin=0,0,0
spacing=1,1,1  code=1 (of the sform)  fill=ramp|N (ramp: voxel k of n holds k % 251)  seed=0 (added to the ramp)
image.py read FILE.gnt prints every record as header lines and "data: " with its values; image.py scores FILE.gnt CLASSES V...
writes a stream of one record of scores.
"""
import gzip, struct, sys, zlib

CODES = {'uint8': (2, 'B'), 'int16': (4, 'h'), 'int32': (8, 'i'), 'float32': (16, 'f'), 'float64': (64, 'd'),
         'int8': (256, 'b'), 'uint16': (512, 'H'), 'uint32': (768, 'I'), 'int64': (1024, 'q'), 'uint64': (1280, 'Q'), 'float16': (0, 'e')}


def record(kind, head, data=b''):
    head += b' ' * (-(len(head) + 1) % 64) + b'\n'
    p = b'GNT1 %s %10d %20d ' % (kind, len(head), len(data))
    p += b'%08x %08x       \n' % (zlib.crc32(head, zlib.crc32(p[:38])), zlib.crc32(data))
    return p + head + data + bytes(-len(data) % 64)


def read(path):
    d = (sys.stdin.buffer if path == '-' else open(path, 'rb')).read()
    at = 0
    while at < len(d):
        h, n = int(d[at + 7:at + 17]), int(d[at + 18:at + 38])
        head, body = d[at + 64:at + 64 + h].decode().rstrip(), d[at + 64 + h:at + 64 + h + n]
        at += 64 + h + n + -n % 64
        print(head)
        m = dict(s.split(': ', 1) for s in head.splitlines())
        if 'dtype' in m:
            code = CODES[m['dtype']][1]
            print('data:', *struct.unpack('<%d%s' % (n // struct.calcsize(code), code), body))


def main():
    if len(sys.argv) == 1: # run with the generators: it generates nothing
        return
    if sys.argv[1] == 'read':
        return read(sys.argv[2])
    if sys.argv[1] == 'scores':
        v = [float(s) for s in sys.argv[4:]]
        head = 'dtype: float32\nshape: %d\naxes: c\nsample: s1\nsubject: s1\nrole: prediction\nname: m\n' % len(v)
        head += 'class_list: %s\n' % sys.argv[3] if sys.argv[3] else ''
        with open(sys.argv[2], 'wb') as f:
            f.write(record(b'T', head.encode(), struct.pack('<%df' % len(v), *v)) + record(b'E', b'records: 1\n'))
        return
    key = dict(a.split('=', 1) for a in sys.argv[2:])
    path = sys.argv[1]
    size = [int(s) for s in key.get('size', '4,3,2').split(',')]
    c = int(key.get('channels', 1))
    x, y, z = (size + [1])[:3]
    n, seed, fill = x * y * z * c, int(key.get('seed', 0)), key.get('fill', 'ramp')
    v = [(k + seed) % (127 if key.get('type') == 'int8' else 251) if fill == 'ramp' else float(fill) for k in range(n)]
    if path.endswith('.png'):
        colour = {1: 0, 2: 4, 3: 2, 4: 6}[c]
        def chunk(t, d):
            return struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
        rows = b''.join(b'\0' + bytes(int(v[(k * y + r) * x + i]) for i in range(x) for k in range(c)) for r in range(y))
        data = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', x, y, 8, colour, 0, 0, 0))
        data += chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
    else:
        code, form = CODES[key.get('type', 'int16')]
        if form not in 'fde':
            v = [int(k) for k in v]
        o = [float(s) for s in key.get('origin', '0,0,0').split(',')]
        s = [float(t) for t in key.get('spacing', '1,1,1').split(',')]
        h = bytearray(352)
        struct.pack_into('<i', h, 0, 348)
        struct.pack_into('<8h', h, 40, 4 if c > 1 else 3, x, y, z, c, 1, 1, 1)
        struct.pack_into('<2h', h, 70, code, 8 * struct.calcsize(form))
        struct.pack_into('<8f', h, 76, 1, *s, 1, 1, 1, 1)
        struct.pack_into('<f', h, 108, 352)
        struct.pack_into('<2h', h, 252, 0, int(key.get('code', 1)))
        struct.pack_into('<12f', h, 280, s[0], 0, 0, o[0], 0, s[1], 0, o[1], 0, 0, s[2], o[2])
        h[344:348] = b'n+1\0'
        data = bytes(h) + struct.pack('<%d%s' % (n, form), *v)
        if path.endswith('.gz'):
            data = gzip.compress(data, mtime=0)
    with open(path, 'wb') as f:
        f.write(data)


main()
