# gn-normalize.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib

cat >"$base/row.py" <<'P'
# row.py FILE VALUES [MASK]: a sample of one uint8 or int16 image along x, and a mask
import sys, image_lib as l
v = [int(x) for x in sys.argv[2].split(',')]
common = [('axes', 'c z y x'), ('sample', 's'), ('affine', '1 0 0 0 0 1 0 0 0 0 1 0')]
def rec(role, dtype, v):
    return [('dtype', dtype), ('shape', '1 1 1 %d' % len(v)), ('role', role), ('name', role)] + common, l.pack(dtype, v)
records = [rec('image', 'int16', v), rec('label', 'int16', v)]
if len(sys.argv) > 3:
    records += [rec('mask', 'uint8', [int(x) for x in sys.argv[3].split(',')])]
l.write(sys.argv[1], records)
P
export row="$base/row.py"

t 'every z-score, as TorchIO' '
    python3 "$row" x.gnt 0,0,1,2,3,6 0,1,1,0,0,1
    check() { test "$(gn-normalize --zscore $1 x.gnt | python3 "$lib" values - 0)" = "$2"; }
    check full "-0.877058 -0.877058 -0.438529 0 0.438529 1.75412"
    check positive "-1.38873 -1.38873 -0.92582 -0.46291 0 1.38873"
    check nonzero "-1.38873 -1.38873 -0.92582 -0.46291 0 1.38873"
    check nonzero_masked "0 0 -0.92582 -0.46291 0 1.38873"
    check mask "0 -0.725866 -0.414781 2 3 1.14065"'

t 'labels and masks are not touched, images become float32' '
    python3 "$row" x.gnt 0,0,1,2,3,6 0,1,1,0,0,1
    gn-normalize --zscore full x.gnt >y.gnt
    test "$(python3 "$lib" values y.gnt 1)" = "0 0 1 2 3 6"
    python3 "$lib" get y.gnt 0 dtype >o; python3 "$lib" get y.gnt 1 dtype >>o
    printf "float32\nint16\n" | cmp - o'

t 'pointwise steps' '
    python3 "$row" x.gnt -5,0,1,2,4,9
    check() { want=$1; shift; test "$(gn-normalize "$@" x.gnt | python3 "$lib" values - 0)" = "$want"; }
    check "-5 0 1 2 3 3" --clip ,3
    check "0 0 1 2 4 0" --threshold 1,4
    check "-1 0 1 2 3 3" --window 1,4
    check "-2.5 0 0.5 1 2 4.5" --divide 2
    check "-6 -1 0 1 3 8" --mean 1 --std 1
    check "0 5 6 7 9 14" --rescale 0,14
    check "-10 0 2 4 8 18" --rescale 0,2 --in 0,1
    check "0 0 0.25 0.5 1 1" --rescale 0,1 --percentiles 20,80'

t 'mean and std, a value for each channel' '
    python3 "$lib" make x.gnt 1 2,1,1 channels=3
    test "$(gn-normalize --mean 0,10,20 --std 1,2,4 x.gnt | python3 "$lib" values - 0)" = "0 7 9.5 7.5 6.75 5.75"
    fails 1 gn-normalize --mean 1,2 --std 1,2 x.gnt
    grep -q "t1: 3 channels, but 2 values" err'

t 'a constant image: no z-score, and rescale leaves it with a warning' '
    python3 "$row" x.gnt 3,3,3
    fails 1 gn-normalize --zscore full x.gnt
    grep -q "subject s: image: the standard deviation is 0: every value is 3" err
    test "$(gn-normalize --rescale 0,1 x.gnt 2>err | python3 "$lib" values - 0)" = "3 3 3"
    grep -q "one value only" err'

t '--zscore mask without a mask is an error' '
    python3 "$row" x.gnt 1,2,3
    fails 1 gn-normalize --zscore mask x.gnt
    grep -q "no mask" err'

t 'a bad subject is left out under --keep-going, and the exit is 1' '
    python3 "$row" x.gnt 3,3,3
    python3 "$lib" make y.gnt 1 4,4,4
    got=0; cat x.gnt y.gnt | gn-normalize --zscore full --keep-going >z.gnt 2>err || got=$?
    test $got = 1
    python3 "$lib" count z.gnt | grep -qx 3'

t 'one thread and four give the same bytes' '
    python3 "$lib" make x.gnt 2 70,60,50
    for s in "--zscore nonzero" "--rescale 0,1 --percentiles 1,99"; do
        gn-normalize $s -j 1 x.gnt >a.gnt
        cat x.gnt | gn-normalize $s -j 4 >b.gnt
        same a.gnt b.gnt
    done'

t 'the input file is not written to' '
    python3 "$lib" make x.gnt 1 8,8,8
    cp x.gnt copy.gnt
    gn-normalize --zscore full x.gnt >y.gnt
    same x.gnt copy.gnt'

t 'exactly one step; wrong values are usage errors' '
    python3 "$row" x.gnt 1,2,3
    fails 2 gn-normalize x.gnt
    fails 2 gn-normalize --zscore full --divide 2 x.gnt
    fails 2 gn-normalize --zscore some x.gnt
    fails 2 gn-normalize --divide 0 x.gnt
    fails 2 gn-normalize --clip 3,1 x.gnt
    fails 2 gn-normalize --mean 1 x.gnt
    fails 2 gn-normalize --mean 1 --std 0 x.gnt
    fails 2 gn-normalize --window 5 x.gnt
    fails 2 gn-normalize --zscore full --in 0,1 x.gnt
    fails 2 gn-normalize --rescale 0,1 --percentiles -1,99 x.gnt'

t 'too few values for a z-score: which are wanted, and how many there are' '
    say() { python3 "$row" x.gnt $2 $3; fails 1 gn-normalize --zscore $1 x.gnt; grep -qx "gn-normalize: subject s: image: a z-score needs at least 2 $4" err; }
    say nonzero 0,0,0 "" "non-zero values: the image has none"
    say nonzero_masked 0,7,0 "" "non-zero values: the image has one"
    say positive -1,0,-3 "" "positive values: the image has none"
    say mask 1,2,3 0,1,0 "values in the mask: the image has one"
    say full 5 "" "values: the image has one"'
