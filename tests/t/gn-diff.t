# gn-diff.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
cat >"$base/make.py" <<'P'
# make.py FILE DTYPE SHAPE VALUES [KEY=VALUE...]: a stream of one image
import struct, sys, gnt
path, dtype, shape, values = sys.argv[1:5]
v = [float(x) if 'float' in dtype else int(x) for x in values.split(',')]
with open(path, 'wb') as f:
    gnt.emit(f, [('dtype', dtype), ('shape', shape), ('axes', 'c z y x'), ('sample', 's'), ('role', 'image')] +
             [tuple(a.split('=', 1)) for a in sys.argv[5:]], struct.pack('<%d%s' % (len(v), gnt.TYPES[dtype]), *v))
    gnt.end(f, 1)
P
export make="$base/make.py"

t 'equal streams are equal' '
    python3 "$make" a.gnt float32 "1 1 2 3" 0,1,2,3,4,5
    gn-diff a.gnt a.gnt >out
    [ "$(cat out)" = "1 record, none differs: max 0, rms 0" ]
    cat a.gnt | gn-diff - a.gnt'

t 'a line for each record that differs, for all with -v; then one that sums up' '
    python3 "$make" a.gnt uint8 "1 1 1 4" 0,1,2,3
    python3 "$make" b.gnt uint8 "1 1 1 4" 0,1,2,5
    for i in 1 2 3 4 5; do cat a.gnt; done >many.gnt
    cat a.gnt a.gnt b.gnt a.gnt a.gnt >other.gnt
    gn-diff many.gnt many.gnt >out
    [ "$(cat out)" = "5 records, none differs: max 0, rms 0, agreement 1" ]
    fails 1 gn-diff many.gnt other.gnt
    cat >want <<W
record 3 (s image): max 2, rms 1, agreement 0.75, 1 of 4 differ, first at x y z c = 3 0 0 0: 3 and 5
5 records, 1 differs: max 2, rms 0.447213595, agreement 0.95
W
    diff want out
    gn-diff --atol 2 many.gnt other.gnt >out
    [ "$(cat out)" = "5 records, none differs: max 2, rms 0.447213595, agreement 0.95" ]
    gn-diff -v --atol 2 many.gnt other.gnt >out
    [ "$(grep -c "^record" out)" = 5 ]
    [ "$(wc -l <out)" = 6 ]'

t 'the sum of streams without records, or of nothing that could be compared' '
    python3 "$make" a.gnt float32 "1 1 2 2" 0,1,2,3
    python3 "$make" b.gnt float32 "1 1 1 4" 0,1,2,3
    fails 1 gn-diff a.gnt b.gnt
    [ "$(tail -n 1 out)" = "1 record, 1 differs" ]
    python3 -c "import gnt, sys; gnt.end(sys.stdout.buffer, 0)" >e.gnt
    gn-diff e.gnt e.gnt >out
    [ "$(cat out)" = "0 records" ]'

t 'prints the largest difference, the RMS and the first place' '
    python3 "$make" a.gnt float32 "2 1 2 3" 0,1,2,3,4,5,0,1,2,3,4,5
    python3 "$make" b.gnt float32 "2 1 2 3" 0,1,2,3,4,5,0,1,2,3,1,6
    fails 1 gn-diff a.gnt b.gnt
    grep -qx "record 1 (s image): max 3, rms 0.912870929, 2 of 12 differ, first at x y z c = 1 1 0 1: 4 and 1" out
    grep -qx "gn-diff: a.gnt and b.gnt: 1 of 1 records differ" err'

t 'tolerances are absolute plus relative to the second' '
    python3 "$make" a.gnt float64 "1 1 1 2" 100,1
    python3 "$make" b.gnt float64 "1 1 1 2" 101,1
    fails 1 gn-diff a.gnt b.gnt
    gn-diff --atol 1 a.gnt b.gnt
    fails 1 gn-diff --atol 0.99 a.gnt b.gnt
    gn-diff --rtol 0.0100 a.gnt b.gnt
    fails 1 gn-diff --rtol 0.0099 a.gnt b.gnt
    gn-diff --rtol 0.005 --atol 0.5 a.gnt b.gnt'

t 'whole numbers show the share that agrees' '
    python3 "$make" a.gnt uint8 "1 1 1 4" 0,1,2,3
    python3 "$make" b.gnt int16 "1 1 1 4" 0,1,2,7
    fails 1 gn-diff a.gnt b.gnt
    grep -q "max 4, rms 2, agreement 0.75, 1 of 4 differ, first at x y z c = 3 0 0 0: 3 and 7" out'

t 'NaN equals NaN and nothing else, infinities themselves' '
    python3 "$make" a.gnt float32 "1 1 1 3" nan,inf,-inf
    python3 "$make" b.gnt float32 "1 1 1 3" nan,inf,0
    python3 "$make" c.gnt float32 "1 1 1 3" 0,inf,-inf
    gn-diff a.gnt a.gnt
    fails 1 gn-diff --atol 1e30 a.gnt b.gnt
    fails 1 gn-diff --atol 1e30 a.gnt c.gnt
    grep -q "max nan" out'

t 'long integers are compared beyond the precision of double' '
    python3 "$make" a.gnt int64 "1 1 1 1" 9007199254740993
    python3 "$make" b.gnt int64 "1 1 1 1" 9007199254740992
    fails 1 gn-diff a.gnt b.gnt
    grep -q "max 1," out'

t 'another shape or another place differ' '
    python3 "$make" a.gnt float32 "1 1 2 2" 0,1,2,3 "affine=1 0 0 0 0 1 0 0 0 0 1 0"
    python3 "$make" b.gnt float32 "1 1 1 4" 0,1,2,3 "affine=1 0 0 0 0 1 0 0 0 0 1 0"
    python3 "$make" c.gnt float32 "1 1 2 2" 0,1,2,3 "affine=1 0 0 0 0 1 0 0 0 0 2 0"
    python3 "$make" d.gnt float32 "1 1 2 2" 0,1,2,3 "affine=1.00000000001 0 0 0 0 1 0 0 0 0 1 0"
    fails 1 gn-diff a.gnt b.gnt
    grep -q "shapes differ: 1 1 2 2 and 1 1 1 4" out
    fails 1 gn-diff a.gnt c.gnt
    grep -q "max 0, rms 0; affines differ" out
    gn-diff a.gnt d.gnt'

t 'names, history and types may differ' '
    python3 "$make" a.gnt float32 "1 1 1 2" 3,4 "history=x 1" "name=a"
    python3 "$make" b.gnt uint8 "1 1 1 2" 3,4
    gn-diff a.gnt b.gnt'

t 'a missing record differs' '
    python3 "$make" a.gnt float32 "1 1 1 2" 3,4
    cat a.gnt a.gnt >aa.gnt
    fails 1 gn-diff aa.gnt a.gnt
    grep -q "aa.gnt has more than the 1 record of a.gnt" err
    fails 1 gn-diff a.gnt aa.gnt'

t 'a damaged stream is a failure, not a difference' '
    python3 "$make" a.gnt float32 "1 1 1 2" 3,4
    head -c 200 a.gnt >cut.gnt
    fails 1 gn-diff a.gnt cut.gnt
    grep -q "truncated" err'

t 'a pipe as second operand is refused' '
    python3 "$make" a.gnt float32 "1 1 1 2" 3,4
    fails 2 sh -c "cat a.gnt | gn-diff a.gnt -"
    gn-diff a.gnt - <a.gnt
    fails 2 gn-diff a.gnt
    fails 2 gn-diff --rtol -1 a.gnt a.gnt'

t 'an infinity equals only itself, whatever the tolerance, as numpy.isclose' '
    python3 "$make" a.gnt float32 "1 1 1 4" 1,-inf,inf,5
    python3 "$make" b.gnt float32 "1 1 1 4" inf,inf,inf,5
    fails 1 gn-diff --rtol 1e-5 a.gnt b.gnt
    grep -q "2 of 4 differ, first at x y z c = 0 0 0 0: 1 and inf" out
    fails 1 gn-diff --rtol 1 --atol 1 b.gnt a.gnt
    grep -q "2 of 4 differ" out
    gn-diff --rtol 1e-5 a.gnt a.gnt'
