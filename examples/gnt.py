#!/usr/bin/env python3
"""Read and write GNT1 tensor streams: gn-stream(5).  Needs nothing but Python; uses numpy if there.

    python3 gnt.py FILE|-     one line a record; exit status 1 if the stream is damaged or was cut

    import gnt
    for head, data in gnt.read(open('x.gnt', 'rb')):   # head: list of (key, value); data: bytes
        image = gnt.array(head, data)                  # numpy, else a flat list of numbers
    with open('y.gnt', 'wb') as f:
        gnt.emit(f, [('dtype', 'uint8'), ('shape', '2 3'), ('axes', 'y x')], bytes(6))
        gnt.end(f, 1)
"""
import struct
import sys
import zlib

TYPES = {'uint8': 'B', 'int8': 'b', 'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i',
         'uint64': 'Q', 'int64': 'q', 'float16': 'e', 'float32': 'f', 'float64': 'd'}


class Damaged(ValueError):
    """The stream is not what its writer wrote, or not all of it."""


def preamble(kind, head, data):
    p = b'GNT1 %s %10d %20d ' % (kind, len(head), len(data))
    return p + b'%08x %08x       \n' % (zlib.crc32(head, zlib.crc32(p[:38])), zlib.crc32(data))


def fields(head):
    """Header bytes as a list of (key, value), unescaped."""
    text = head.decode('utf-8')
    lines = text[:-1].split('\n')
    if text[-1:] != '\n' or len(lines[-1]) > 63 or lines.pop().strip(' '):
        raise Damaged('header is not padded as it must be')
    pairs = []
    for line in lines:
        key, colon, value = line.partition(': ')
        if not colon or not value or not key:
            raise Damaged('header line is not "key: value": ' + line)
        pairs.append((key, '\\'.join(part.replace('\\n', '\n') for part in value.split('\\\\'))))
    keys = [k for k, _ in pairs if k != 'history']
    if len(set(keys)) != len(keys):
        raise Damaged('a key is given twice')
    return pairs


def sizes(head):
    m = dict(head)
    try:
        shape = [int(s) for s in m['shape'].split(' ')]
        size = struct.calcsize(TYPES[m['dtype']])
    except (KeyError, ValueError):
        raise Damaged('dtype or shape is missing or wrong') from None
    if len(shape) > 8 or min(shape) < 1 or len(m.get('axes', '').split(' ')) != len(shape):
        raise Damaged('shape and axes do not fit')
    return shape, size


def read(f):
    """Yield (fields, payload) of each record; raise Damaged if the stream is damaged or was cut."""
    count, ended = 0, False
    while True:
        p = f.read(64)
        if not p:
            break
        try:
            kind, h, n = p[5:6], int(p[7:17]), int(p[18:38])
        except ValueError:
            raise Damaged('not a tensor stream') from None
        if p[:4] != b'GNT1' or not 64 <= h <= 1 << 20 or h % 64 or not 0 <= n <= 1 << 46:
            raise Damaged('not a tensor stream')
        head, data = f.read(h), f.read(n + -n % 64)
        if len(head) != h or len(data) != n + -n % 64:
            raise Damaged('truncated: no end record')
        pad, data = data[n:], data[:n]
        if p != preamble(kind, head, data) or any(pad):
            raise Damaged('checksum differs')
        head = fields(head)
        ended = kind == b'E'
        if ended:
            if data or dict(head).get('records') != str(count):
                raise Damaged('records are missing')
            count = 0
        elif kind == b'T':
            count += 1
            shape, size = sizes(head)
            for s in shape:
                size *= s
            if size != n:
                raise Damaged('shape and dtype do not fit the payload')
            yield head, data
        else:
            raise Damaged('unknown kind of record')
    if not ended:
        raise Damaged('truncated: no end record')


def array(head, data):
    """The payload as a numpy array of its shape, or without numpy as a flat list of numbers."""
    m = dict(head)
    try:
        import numpy
    except ImportError:
        code = TYPES[m['dtype']]
        return list(struct.unpack('<%d%s' % (len(data) // struct.calcsize(code), code), data))
    return numpy.frombuffer(data, numpy.dtype(m['dtype']).newbyteorder('<')).reshape(sizes(head)[0])


def write(f, kind, head, data):
    lines = ['%s: %s\n' % (k, v.replace('\\', '\\\\').replace('\n', '\\n')) for k, v in head]
    text = ''.join(lines).encode('utf-8')
    text += b' ' * (-(len(text) + 1) % 64) + b'\n'
    f.write(preamble(kind, text, data) + text + data + bytes(-len(data) % 64))


def emit(f, head, data):
    """Write one record; head: list of (key, value), with dtype, shape, axes; data: bytes."""
    write(f, b'T', head, data)


def end(f, records, failed=0):
    """Write the end record, only when all went well: a reader fails without it."""
    write(f, b'E', [('records', str(records))] + ([('failed', str(failed))] if failed else []), b'')


def main(path):
    with sys.stdin.buffer if path == '-' else open(path, 'rb') as f:
        for number, (head, data) in enumerate(read(f), 1):
            m = dict(head)
            values = array(head, data)
            flat = values if isinstance(values, list) else values.reshape(-1).tolist()
            print(number, m['dtype'], 'x'.join(m['shape'].split(' ')), m.get('sample', '-'),
                  m.get('role', '-'), '%.6g' % min(flat), '%.6g' % max(flat))


if __name__ == '__main__':
    try:
        main(sys.argv[1] if len(sys.argv) == 2 else '-')
    except (Damaged, OSError, UnicodeDecodeError) as e:
        sys.exit('gnt.py: %s' % e)
