# gn-resample.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib

t 'a finer spacing: shape, affine, interpolated images, labels as they are' '
    python3 "$lib" make x.gnt 1 4,3,2 "affine=2 0 0 10 0 2 0 20 0 0 2 30" dtype=int16
    gn-resample -s 1,1,1 x.gnt >y.gnt
    printf "%s\n" "1 4 6 8" "1 0 0 9.5 0 1 0 19.5 0 0 1 29.5" float32 | cmp - "$(python3 "$lib" get y.gnt 0 shape affine dtype >o; echo o)"
    printf "%s\n" "1 4 6 8" "1 0 0 9.5 0 1 0 19.5 0 0 1 29.5" uint8 | cmp - "$(python3 "$lib" get y.gnt 2 shape affine dtype >o; echo o)"
    test "$(python3 "$lib" values y.gnt 0 | cut -d " " -f 1-8)" = "0 1.75 5.25 6 4 4.75 8.25 10"'

t 'one number is for all axes, two leave the thickness of a slice alone' '
    python3 "$lib" make x.gnt 1 8,6,1
    test "$(gn-resample -s 0.5 x.gnt | python3 "$lib" get - 0 shape)" = "1 1 12 16"
    test "$(gn-resample -s 0.5,2 x.gnt | python3 "$lib" get - 0 shape)" = "1 1 3 16"
    test "$(gn-resample --size 4 x.gnt | python3 "$lib" get - 0 shape)" = "1 1 4 4"
    test "$(gn-resample --center-crop 4,9 x.gnt | python3 "$lib" get - 0 shape)" = "1 1 9 4"
    test "$(gn-resample --crop 1 x.gnt | python3 "$lib" get - 0 shape)" = "1 1 4 6"'

t 'a step of two numbers is recorded by the three it means' '
    python3 "$lib" make x.gnt 1 8,6,1
    for s in "-s 0.5,2" "--spacing-min 0.5,2"; do
        gn-resample $s x.gnt >a.gnt
        gn-resample $s,1 x.gnt >b.gnt
        same a.gnt b.gnt
    done
    [ "$(gn-resample -s 0.5,2 x.gnt | python3 "$lib" get - 0 history | sed "s/ [0-9.]* / /")" = "gn-resample -s 0.5,2,1" ]
    [ "$(gn-resample --crop 1,2 x.gnt | python3 "$lib" get - 0 history | sed "s/ [0-9.]* / /")" = "gn-resample --crop 1,2,0" ]'

t '--spacing-min refines and never coarsens' '
    python3 "$lib" make x.gnt 1 4,4,4 "affine=1 0 0 0 0 3 0 0 0 0 0.5 0"
    test "$(gn-resample --spacing-min 1,1,1 x.gnt | python3 "$lib" get - 0 shape)" = "1 4 12 4"'

t '--size keeps an axis at -1; --align center keeps the first centre' '
    python3 "$lib" make x.gnt 1 4,3,2
    gn-resample --size 8,-1,-1 x.gnt >y.gnt
    printf "%s\n" "1 2 3 8" "0.5 0 0 -0.25 0 1 0 0 0 0 1 0" >want
    python3 "$lib" get y.gnt 0 shape affine | cmp - want
    test "$(gn-resample --size 8,-1,-1 --align center x.gnt | python3 "$lib" get - 0 affine)" = "0.5 0 0 0 0 1 0 0 0 0 1 0"'

t 'canonical turns axes without touching values' '
    python3 "$lib" make x.gnt 1 2,1,1 "affine=-1 0 0 0 0 1 0 0 0 0 1 0" dtype=uint8
    gn-resample --canonical x.gnt >y.gnt
    test "$(python3 "$lib" values x.gnt 0)" = "0 7"
    test "$(python3 "$lib" values y.gnt 0)" = "7 0"
    printf "%s\n" "1 0 0 -1 0 1 0 0 0 0 1 0" uint8 >want
    python3 "$lib" get y.gnt 0 affine dtype | cmp - want'

t 'there and --to-source: the source grid, size and affine' '
    python3 "$lib" make x.gnt 1 9,8,5 "affine=0 -1.5 0 3 1.2 0 0 4 0 0 2 5"
    gn-resample --canonical x.gnt | gn-resample -s 1 | gn-resample --to-source >y.gnt
    printf "%s\n" "1 5 8 9" "0 -1.5 0 3 1.2 0 0 4 0 0 2 5" >want
    python3 "$lib" get y.gnt 0 shape affine | cmp - want
    python3 "$lib" get y.gnt 2 shape affine | cmp - want
    gn-resample --canonical x.gnt | gn-resample --to-source -o z.gnt
    python3 "$lib" values z.gnt 0 >a; python3 "$lib" values x.gnt 0 | cmp - a'

t '--like: the grid of an image, whatever its own spacing and orientation' '
    python3 "$lib" make x.gnt 1 9,8,5 "affine=0 -1.5 0 3 1.2 0 0 4 0 0 2 5"
    python3 "$GN_TESTS/gen/image.py" like.nii size=7,6,4 spacing=1.5,2,1 origin=-6,4,6
    gn-resample --like like.nii x.gnt >y.gnt
    printf "%s\n" "1 4 6 7" "1.5 0 0 -6 0 2 0 4 0 0 1 6" >want
    for k in 0 2; do python3 "$lib" get y.gnt $k shape affine | cmp - want; done
    fails 1 gn-resample --like missing.nii x.gnt
    grep -q "^gn-resample: missing.nii: " err'

t '--interp: a row to half its spacing by each (values of SimpleITK), labels nearest by all' '
    python3 "$lib" make x.gnt 1 4,1,1
    gn-resample -s 0.5,1,1 --interp nearest x.gnt >n.gnt
    for i in linear bspline lanczos; do
        gn-resample -s 0.5,1,1 --interp $i x.gnt >$i.gnt
        for f in $i n; do python3 "$lib" values $f.gnt 2 >$f.label; done
        cmp $i.label n.label
        [ "$(python3 "$lib" get $i.gnt 0 dtype)" = float32 ]
    done
    [ "$(python3 "$lib" values x.gnt 0)" = "0 7 3 10" ]
    [ "$(python3 "$lib" values n.gnt 0)" = "0 0 7 7 3 3 10 10" ]
    [ "$(python3 "$lib" values linear.gnt 0)" = "0 1.75 5.25 6 4 4.75 8.25 10" ]
    python3 "$lib" values bspline.gnt 0 >b; python3 "$lib" values lanczos.gnt 0 >l
    python3 - <<P
want = {"b": "1.00937 1.00937 5.65312 6.54375 3.45625 4.34688 8.99063 8.99063", "l": "-1.13727 2.02374 6.27673 6.41403 3.57931 3.71661 7.9696 11.1306"}
for f, w in want.items():
    is_ = [float(v) for v in open(f).read().split()]
    # six digits are printed: the last may differ by one
    assert all(abs(a - float(b)) < 1.1e-5 for a, b in zip(is_, w.split(), strict=True)), (f, is_)
P'

t '--antialias smooths images before they shrink, not labels, not where nothing shrinks' '
    python3 "$lib" make x.gnt 1 9,8,5
    gn-resample -s 2 x.gnt >a.gnt
    gn-resample -s 2 --antialias x.gnt >b.gnt
    for k in 0 2; do for f in a b; do python3 "$lib" values $f.gnt $k >$f$k; done; done
    if cmp -s a0 b0; then exit 1; fi
    cmp a2 b2
    gn-resample -s 0.6 x.gnt >a.gnt
    gn-resample -s 0.6 --antialias x.gnt | gn-diff - a.gnt
    fails 2 gn-resample --canonical --antialias x.gnt
    grep -q "antialias goes with a step that interpolates" err'

t 'every step there and --to-source: whole voxels keep their type, cut ones come back as 0' '
    for d in int16 float64 int64; do
        python3 "$lib" make x.gnt 1 7,6,5 "affine=0 -1.5 0 3 1.2 0.1 0 4 0 0 -2 5" dtype=$d
        for s in --canonical "--pad 2,1,3" "--pad 1 --mode reflect" "--center-crop 9,8,7"; do
            gn-resample $s x.gnt | gn-resample --canonical | gn-resample --to-source >y.gnt
            gn-diff x.gnt y.gnt
            [ "$(python3 "$lib" get y.gnt 0 dtype)" = $d ]
        done
        gn-resample --crop 1,2,0 x.gnt | gn-resample --to-source >y.gnt
        gn-resample --crop 1,2,0 x.gnt | gn-resample --pad 1,2,0 --mode constant >z.gnt
        gn-diff y.gnt z.gnt
    done'

t 'pad and crop undo each other, with the origin' '
    python3 "$lib" make x.gnt 1 5,4,3 channels=2
    gn-resample --pad 2,1,1 x.gnt --mode symmetric >p.gnt
    printf "%s\n" "2 5 6 9" "1 0 0 -2 0 1 0 -1 0 0 1 -1" >want
    python3 "$lib" get p.gnt 0 shape affine | cmp - want
    gn-resample --crop 2,1,1 p.gnt >y.gnt
    gn-diff x.gnt y.gnt'

t 'padding with a value: kept as it is, or as float32 where the type has none such; labels are not padded with what they cannot be' '
    python3 "$lib" make x.gnt 1 2,1,1 dtype=int16
    gn-resample --pad 1,0,0 --mode constant --fill 7 x.gnt >p.gnt
    for k in 0 2; do
        python3 "$lib" values x.gnt $k >v
        [ "$(python3 "$lib" values p.gnt $k)" = "7 $(cat v) 7" ]
    done
    [ "$(python3 "$lib" get p.gnt 0 dtype)" = int16 ]
    for v in -1000 0.5; do
        fails 1 gn-resample --pad 1,0,0 --mode constant --fill $v x.gnt
        grep -q "subject s0: Label: a label of type uint8 has no value $v to be padded with" err
        python3 -c "
import image_lib as l
l.write(\"i.gnt\", [(h, d) for m, h, d in l.read(\"x.gnt\") if m[\"role\"] == \"image\"])"
        gn-resample --pad 1,0,0 --mode constant --fill $v i.gnt >p.gnt
        [ "$(python3 "$lib" values p.gnt 0)" = "$v $(python3 "$lib" values x.gnt 0) $v" ]
    done
    [ "$(python3 "$lib" get p.gnt 0 dtype)" = float32 ]
    gn-resample --pad 1 --mode constant --fill 0 x.gnt >a.gnt
    gn-resample --pad 1 --mode constant x.gnt | gn-diff - a.gnt
    fails 2 gn-resample --pad 1 --fill 3 x.gnt
    fails 2 gn-resample --crop 1 --mode constant --fill 3 x.gnt'

t 'crop-zero cuts one box for images and label, which grows to --min-size' '
    python3 - <<P
import image_lib as l
rec = [(h, bytes(len(d)) if dict(h)["role"] == "image" else d) for h, d in l.sample("s", (9, 8, 3))]
l.write("x.gnt", rec)
P
    printf "%s\n" "1 3 7 7" "1 0 0 2 0 1 0 1 0 0 1 0" >want
    gn-resample --crop-zero x.gnt | python3 "$lib" get - 0 shape affine | cmp - want
    printf "%s\n" "1 3 8 9" "1 0 0 0 0 1 0 0 0 0 1 0" >want
    gn-resample --crop-zero --min-size 9,8,3 x.gnt | python3 "$lib" get - 2 shape affine | cmp - want
    printf "%s\n" "1 3 7 8" "1 0 0 1 0 1 0 1 0 0 1 0" >want
    gn-resample --crop-zero --min-size 8,4,3 x.gnt | python3 "$lib" get - 1 shape affine | cmp - want'

t 'a subject that is all zero is left as it is, with a warning' '
    python3 - <<P
import image_lib as l
l.write("x.gnt", [(h, bytes(len(d))) for h, d in l.sample("s", (5, 4, 3))])
P
    gn-resample --crop-zero x.gnt 2>err >y.gnt
    gn-diff x.gnt y.gnt
    grep -q "^gn-resample: .*subject s: all zero: left as it is" err'

t 'other keys pass, parent.* goes, one history line comes' '
    python3 "$lib" make x.gnt 1 4,4,4 parent.mean=3
    gn-resample -s 2 -j 1 x.gnt >y.gnt
    python3 "$lib" get y.gnt 0 acme.note parent.mean >o
    printf "kept\n-\n" | cmp - o
    python3 "$lib" get y.gnt 0 history | grep -qE "^gn-resample [0-9.]+ (-s|--spacing) 2"'

t 'one thread and four give the same bytes, from a file and from a pipe' '
    python3 "$lib" make x.gnt 3 17,13,9 channels=2
    for i in linear bspline lanczos; do
        step="-s 0.7,1.3,1.7 --interp $i --antialias"
        gn-resample $step -j 1 x.gnt >a.gnt
        gn-resample $step -j 4 x.gnt >b.gnt
        cat x.gnt | gn-resample $step -j 2 >c.gnt
        same a.gnt b.gnt; same a.gnt c.gnt
    done'

t 'patches are refused' '
    python3 "$lib" make x.gnt 1 4,4,4
    gn-patch --grid -p 2 x.gnt >p.gnt
    fails 1 gn-resample -s 2 p.gnt
    grep -q "subject s0: t1: a patch cannot change its grid" err'

t 'exactly one step; impossible numbers are usage errors' '
    python3 "$lib" make x.gnt 1 4,4,4
    fails 2 gn-resample x.gnt
    fails 2 gn-resample -s 1 --canonical x.gnt
    fails 2 gn-resample -s 0 x.gnt
    fails 2 gn-resample --size 2.5 x.gnt
    fails 2 gn-resample --size 0 x.gnt
    fails 2 gn-resample --crop -1 x.gnt
    fails 2 gn-resample -s 1 --min-size 2 x.gnt
    fails 2 gn-resample -s 1 --interp cubic x.gnt'

t 'a crop that leaves nothing, and a grid beyond --memory, are errors of the subject' '
    python3 "$lib" make x.gnt 1 4,4,4
    fails 1 gn-resample --crop 2 x.gnt
    grep -q "subject s0: t1: nothing is left" err
    fails 1 gn-resample -s 0.001 --memory 100M x.gnt -o y.gnt
    test ! -e y.gnt'

t 'a truncated stream fails and leaves no file' '
    python3 "$lib" make x.gnt 2 8,8,8
    head -c 9000 x.gnt >cut.gnt
    fails 1 gn-resample -s 2 cut.gnt -o y.gnt
    test ! -e y.gnt'

t 'a NaN stays in its voxel there and back' '
    python3 "$lib" make x.gnt 1 5,4,3
    python3 - <<P
import struct, image_lib as l
l.write("n.gnt", [(h, struct.pack("<2f", 1, float("nan")) + d[8:]) if m["role"] == "image" else (h, d) for m, h, d in l.read("x.gnt")])
P
    gn-resample --canonical n.gnt | gn-resample --to-source >z.gnt
    python3 "$lib" values n.gnt 0 >want
    python3 "$lib" values z.gnt 0 | cmp - want
    [ "$(tr " " "\n" <want | grep -c nan)" = 1 ]'

cat >"$base/exact.py" <<'P'
# exact.py FILE DTYPE [AFFINE]: values that float32, and mostly double, would change; exact.py values FILE K: all their digits
import sys, image_lib as l
if sys.argv[1] == 'values':
    m, _, data = l.read(sys.argv[2])[int(sys.argv[3])]
    sys.exit(print(*[repr(v) for v in l.numbers(m, data)]))
dtype = sys.argv[2]
v = {'int64': [0, 2**53 + 1, -2**63, 2**63 - 1, 7, -2**53 - 1, 2**24 + 1, 0],
     'uint64': [0, 2**53 + 1, 2**64 - 1, 2**63 + 1, 7, 1, 2**24 + 1, 0],
     'int32': [0, 2**24 + 1, -2**31, 2**31 - 1, 7, 1, 2, 0],
     'uint32': [0, 2**24 + 1, 2**32 - 1, 2**31 + 1, 7, 1, 2, 0],
     'float64': [0, 0.1, 1e300, -1e-300, 2.0**53 + 2, 5e-324, float('inf'), 0]}
l.write(sys.argv[1], [([('dtype', dtype), ('shape', '1 2 2 2'), ('axes', 'c z y x'), ('sample', 's'), ('role', role), ('name', role),
                        ('affine', sys.argv[3] if len(sys.argv) > 3 else '1 0 0 0 0 1 0 0 0 0 1 0')], l.pack(dtype, v[dtype]))
                      for role in ('image', 'label')])
P
export exact="$base/exact.py"
t 'steps that move voxels keep type and value to the last bit, of every type' '
    for d in int64 uint64 float64; do
        python3 "$exact" x.gnt $d
        python3 "$exact" turned.gnt $d "0 -1 0 0 0 0 -1 0 1 0 0 0"
        gn-resample --canonical turned.gnt >c.gnt
        python3 "$exact" values x.gnt 0 | tr " " "\n" | sort >want
        python3 "$exact" values c.gnt 0 | tr " " "\n" | sort | diff want -
        gn-resample --pad 2,1,1 --mode constant x.gnt >p.gnt
        gn-resample --crop 2,1,1 p.gnt | gn-diff - x.gnt
        gn-resample --crop-zero p.gnt | gn-diff - x.gnt
        gn-resample --center-crop 4,4,4 x.gnt | gn-resample --center-crop 2,2,2 | gn-diff - x.gnt
        for m in symmetric mean minimum; do
            gn-resample --pad 2,1,1 --mode $m x.gnt | gn-resample --crop 2,1,1 | gn-diff - x.gnt
        done
        for f in c p; do [ "$(gn-info --header dtype $f.gnt | grep -c "$d")" = 2 ]; done
    done'

t 'padding by a minimum or maximum is a value of the line, whatever its type' '
    python3 "$exact" x.gnt int64
    [ "$(gn-resample --pad 1,0,0 --mode maximum x.gnt | python3 "$exact" values - 0)" = "9007199254740993 0 9007199254740993 9007199254740993 9223372036854775807 -9223372036854775808 9223372036854775807 9223372036854775807 7 7 -9007199254740993 7 16777217 16777217 0 16777217" ]
    python3 "$exact" x.gnt uint64
    [ "$(gn-resample --pad 0,1,0 --mode minimum x.gnt | python3 "$exact" values - 0 | cut -d " " -f 1-8)" = "0 9007199254740993 0 9007199254740993 18446744073709551615 9223372036854775809 0 9007199254740993" ]'

t 'a box of what is not 0 counts the smallest numbers too' '
    python3 - <<P
import image_lib as l
l.write("x.gnt", [([("dtype", "float64"), ("shape", "1 1 1 5"), ("axes", "c z y x"), ("sample", "s"), ("role", "image"),
                    ("affine", "1 0 0 0 0 1 0 0 0 0 1 0")], l.pack("float64", [0, 1e-300, 0, 1e-320, 0]))])
P
    test "$(gn-resample --crop-zero x.gnt | python3 "$exact" values - 0)" = "1e-300 0.0 1e-320"'

t 'padding by a ramp is numpy.pad in each type: integers are rounded down, floats computed in their type' '
    line() { # line DTYPE VALUES: padded by 7
        python3 - "$1" "$2" <<P
import image_lib as l, sys
v = [int(x) for x in sys.argv[2].split(",")]
l.write("x.gnt", [([("dtype", sys.argv[1]), ("shape", "1 1 1 3"), ("axes", "c z y x"), ("sample", "s"), ("role", "image"),
                    ("affine", "1 0 0 0 0 1 0 0 0 0 1 0")], l.pack(sys.argv[1], v))])
P
        gn-resample --pad 7,0,0 --mode linear_ramp x.gnt >p.gnt
        python3 "$exact" values p.gnt 0
    }
    [ "$(line uint8 10,20,35)" = "0 1 2 4 5 7 8 10 20 35 30 25 20 15 10 5 0" ]
    for d in int8 int16 int32 int64; do
        [ "$(line $d -10,20,-33)" = "0 -2 -3 -5 -6 -8 -9 -10 20 -33 -29 -24 -19 -15 -10 -5 0" ]
    done
    [ "$(line float64 -9,3,8)" = "0.0 -1.2857142857142858 -2.5714285714285716 -3.8571428571428577 -5.142857142857143 -6.428571428571429 -7.714285714285715 -9.0 3.0 8.0 6.857142857142857 5.7142857142857135 4.571428571428571 3.4285714285714284 2.2857142857142856 1.1428571428571428 0.0" ]
    [ "$(line float32 -9,3,8)" = "0.0 -1.2857142686843872 -2.5714285373687744 -3.857142925262451 -5.142857074737549 -6.4285712242126465 -7.714285850524902 -9.0 3.0 8.0 6.857142925262451 5.714285850524902 4.5714287757873535 3.4285714626312256 2.2857143878936768 1.1428571939468384 0.0" ]
    [ "$(line float16 -9,3,8)" = "0.0 -1.2861328125 -2.572265625 -3.857421875 -5.14453125 -6.4296875 -7.71484375 -9.0 3.0 8.0 6.85546875 5.71484375 4.5703125 3.427734375 2.28515625 1.142578125 0.0" ]
    python3 "$lib" make y.gnt 1 3,2,1 dtype=int16
    gn-resample --pad 3,3,0 --mode linear_ramp y.gnt | python3 "$lib" values - 0 >got
    echo "0 0 0 0 0 0 0 0 0 0 0 0 0 2 1 0 0 0 0 0 0 0 4 2 1 0 0 0 0 0 0 7 3 2 1 0 0 1 3 5 1 8 5 2 0 0 0 2 3 0 5 3 1 0 0 0 1 1 0 2 1 0 0 0 0 0 0 0 0 0 0 0" | diff - got'
