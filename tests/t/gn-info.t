# gn-info.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
cat >"$base/make.py" <<'P'
import json, math, struct, sys, gnt
def record(f, sample, role, code, dtype, values, **more):
    head = [('dtype', dtype), ('shape', '1 1 1 %d' % len(values)), ('axes', 'c z y x'), ('sample', sample), ('role', role)]
    gnt.emit(f, head + [(k.replace('_', '.'), v) for k, v in more.items()], struct.pack('<%d%s' % (len(values), code), *values))
with open('x.gnt', 'wb') as f:
    record(f, 'a', 'image', 'f', 'float32', [1, 2, math.nan, 3, 4], affine='2 0 0 0 0 2 0 0 0 0 2 0')
    record(f, 'a', 'label', 'B', 'uint8', [0, 0, 0, 1, 4])
    record(f, 'b', 'image', 'h', 'int16', [-5, 5, -5, 5, 0])
    record(f, 'b', 'label', 'h', 'int16', [0, 0, 1, 1, -2])
    record(f, 'b_v1', 'label', 'f', 'float32', [1, 1, 1, 1, 1], subject='b')
    gnt.end(f, 5)
with open('p.gnt', 'wb') as f:
    record(f, 'a', 'prediction', 'B', 'uint8', [0, 7])
    record(f, 'a', 'prediction', 'f', 'float32', [0.5, 7])
    gnt.end(f, 2)
n = struct.pack('<i10s18sihcB8h3f4h8f3fhBB4f2i80s24shh6f4f4f4f16s4s', 348, b'', b'', 0, 0, b'r', 0, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0,
    0, 2, 8, 0, 1, 2, 3, 4, 1, 1, 1, 1, 352, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, b'', b'', 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 10, 0, 3, 0, 20,
    0, 0, 4, 30, b'', b'n+1\0')
open('n.nii', 'wb').write(n + bytes(4) + bytes([0, 1, 1, 3]))
meta = {'__metadata__': {'format': 'gn', 'config': 'model:\n  dimension: 3\n'},
        'conv.weight': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]}}
head = json.dumps(meta).encode()
head += b' ' * (-len(head) % 8)
open('m.safetensors', 'wb').write(struct.pack('<Q', len(head)) + head + struct.pack('<6f', *range(6)))
P
export make="$base/make.py"

t 'shows every header and the totals' '
    python3 "$make"
    gn-info x.gnt >out
    grep -qx "x.gnt: record 1, 20 bytes" out
    test "$(grep -c "^  sample: " out)" = 5
    grep -qx "  affine: 2 0 0 0 0 2 0 0 0 0 2 0" out
    tail -n 1 out | grep -qx "x.gnt: 5 records, 3 samples, 65 bytes"
    gn-info <x.gnt | sed s/stdin:/x.gnt:/ | cmp - out
    cat x.gnt | gn-info | sed s/stdin:/x.gnt:/ | cmp - out
    cat x.gnt | gn-info - | sed s/stdin:/x.gnt:/ | cmp - out'

t '--stats leaves NaN out and counts them' '
    python3 "$make"
    gn-info --stats x.gnt >out
    head -n 1 out | tr "\t" " " | grep -qx "file record sample role name dtype shape min max mean std nan"
    sed -n 2p out | tr "\t" " " | grep -qx "x.gnt 1 a image  float32 1 1 1 5 1 4 2.5 1.11803399 1"
    sed -n 4p out | tr "\t" " " | grep -qx "x.gnt 3 b image  int16 1 1 1 5 -5 5 0 4.47213595 0"'

t '--labels counts voxels and subjects of labels' '
    python3 "$make"
    gn-info --labels x.gnt >out
    printf "label\tvoxels\tshare\tsubjects\n-2\t1\t0.0666666667\t1\n0\t5\t0.333333333\t2\n1\t8\t0.533333333\t2\n4\t1\t0.0666666667\t1\n" |
        cmp - out'

t '--labels takes whole-numbered predictions where there are no labels, and image files' '
    python3 "$make"
    test "$(gn-info --labels p.gnt | cut -f 1,2 | tr "\n\t" "  ")" = "label voxels 0 1 7 1 "
    test "$(gn-info --labels n.nii | cut -f 1,2 | tr "\n\t" "  ")" = "label voxels 0 1 1 2 3 1 "'

t '--labels refuses what is not whole' '
    python3 "$make"
    python3 -c "
import gnt, struct
with open(\"h.gnt\", \"wb\") as f:
    gnt.emit(f, [(\"dtype\", \"float32\"), (\"shape\", \"1 1 1 1\"), (\"axes\", \"c z y x\"), (\"role\", \"label\")], struct.pack(\"<f\", 0.5))
    gnt.end(f, 1)"
    fails 1 gn-info --labels h.gnt
    grep -q "h.gnt: record 1: 0.5 is not a label" err'

t '--header prints one value a record, empty where there is none' '
    python3 "$make"
    gn-info --header subject x.gnt >out
    printf "\n\n\n\nb\n" | cmp - out
    test "$(gn-info --header sample x.gnt | tr "\n" " ")" = "a a b b b_v1 "'

t '--verify names every damaged file' '
    python3 "$make"
    for i in 1 2; do (head -c 200 x.gnt; printf "\377"; tail -c +202 x.gnt) >bad$i.gnt; done
    if gn-info --verify x.gnt bad1.gnt bad2.gnt x.gnt >out 2>err; then false; fi
    test "$(wc -l <err)" = 2
    grep -q "bad1.gnt: record 1: payload is damaged" err
    grep -q "bad2.gnt: record 1: payload is damaged" err
    test "$(grep -c "x.gnt: ok: 5 records, 65 bytes" out)" = 2'

t 'headers alone do not read payloads of a file' '
    python3 "$make"
    (head -c 200 x.gnt; printf "\377"; tail -c +202 x.gnt) >bad.gnt
    gn-info bad.gnt >out
    fails 1 gn-info --stats bad.gnt
    fails 1 sh -c "cat bad.gnt | gn-info >/dev/null"'

t 'shows an image file as the record it becomes' '
    python3 "$make"
    gn-info n.nii >out
    grep -qx "  shape: 1 1 2 2" out
    grep -qx "  dtype: uint8" out
    grep -qx "  affine: 2 0 0 10 0 3 0 20 0 0 4 30" out
    grep -qx "  sample: n" out'

t 'shows a model: its configuration and its tensors' '
    python3 "$make"
    gn-info m.safetensors >out
    grep -qx "m.safetensors: format: gn" out
    grep -qx "    dimension: 3" out
    grep -qx "  name: conv.weight" out
    grep -qx "  shape: 2 3" out
    tail -n 1 out | grep -qx "m.safetensors: 1 tensor, 24 bytes"
    gn-info --header config m.safetensors | head -n 1 | grep -qx "model:"
    gn-info --stats m.safetensors | grep -q "conv.weight"'

t '--system tells threads and memory' '
    gn-info --system >out
    grep -qx "available: [1-9][0-9]*" out
    grep -q "^threads: [1-9]" out
    grep -q "^memory: [1-9]" out'

t '-o writes a file' '
    python3 "$make"
    gn-info -o out --header sample x.gnt
    test "$(wc -l <out)" = 5'

t 'a reader that leaves early is no failure' '
    python3 "$make"
    for i in 1 2 3 4 5 6 7 8 9 10; do cat x.gnt x.gnt x.gnt x.gnt x.gnt x.gnt; done >many.gnt
    cat many.gnt many.gnt many.gnt many.gnt many.gnt many.gnt many.gnt many.gnt >more.gnt
    (gn-info more.gnt; echo $? >rc) | head -n 1 >/dev/null
    test "$(cat rc)" = 0'

t 'subjects left out before are a failure here too' '
    python3 -c "import gnt; gnt.end(open(\"f.gnt\", \"wb\"), 0, 2)"
    fails 1 gn-info f.gnt
    grep -q "2 subjects were left out" err'

t 'wrong usage ends with 2' '
    fails 2 gn-info --stats --labels x.gnt
    fails 2 gn-info --nonsense
    fails 1 gn-info missing.gnt'

t '--stats of values with infinities prints inf and nan, without a sign that means nothing' '
    for v in "1 inf" "1 -inf" "inf -inf"; do
        PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - $v <<P
import gnt, struct, sys
with open("i.gnt", "wb") as f:
    gnt.emit(f, [("dtype", "float32"), ("shape", "1 1 1 2"), ("axes", "c z y x"), ("sample", "s"), ("role", "image")],
             struct.pack("<2f", *map(float, sys.argv[1:])))
    gnt.end(f, 1)
P
        gn-info --stats i.gnt | sed -n 2p | cut -f 8-12 | tr "\t" " "
    done >out
    printf "%s\n" "1 inf inf nan 0" "-inf 1 -inf nan 0" "-inf inf nan nan 0" | diff - out >&2'
