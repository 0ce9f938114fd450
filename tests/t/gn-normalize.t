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

t432=0,7,3,10,5,1,8,4,10,6,2,9,3,10,6,2,8,4,0,7,2,9,5,1
export t432
cat >"$base/pixels.py" <<'P'
# pixels.py FILE R,G,B[,A] ...: a sample of one uint8 image, a pixel an argument
import sys, image_lib as l
v = [[int(x) for x in p.split(',')] for p in sys.argv[2:]]
flat = [p[k] for k in range(len(v[0])) for p in v]
l.write(sys.argv[1], [([('dtype', 'uint8'), ('shape', '%d 1 1 %d' % (len(v[0]), len(v))), ('role', 'image'), ('name', 'image'),
                        ('axes', 'c z y x'), ('sample', 's'), ('affine', '-1 0 0 0 0 -1 0 0 0 0 1 0')], l.pack('uint8', flat))])
P
export pixels="$base/pixels.py"

t 'histogram matching to an image file, as ITK' '
    python3 "$row" x.gnt $t432
    python3 "$row" y.gnt $(echo $t432 | tr , "\n" | while read v; do echo $((v * v)); done | paste -sd,)
    gn-save -o d/ y.gnt
    gn-normalize --histogram-match d/s/s_image.nii.gz --levels 32 --points 4 x.gnt >m.gnt
    test "$(python3 "$lib" values m.gnt 0 | cut -d" " -f1-8)" = "0 50.9687 21.4918 100 35.8197 7.16393 65.7873 28.6557"
    python3 "$lib" get m.gnt 0 history >h
    grep -qx "gn-normalize [^ ]* --histogram-match target-[0-9a-f]* --levels 32 --points 4" h'

t 'the history says which target it was by what it holds, whatever the file is called' '
    python3 "$row" x.gnt $t432
    python3 "$row" y.gnt $(echo $t432 | tr , "\n" | while read v; do echo $((v * v)); done | paste -sd,)
    gn-save -o d/ y.gnt
    gn-normalize --equalize y.gnt | gn-save -o e/
    line() { gn-normalize --histogram-match $1 x.gnt | python3 "$lib" get - 0 history | grep match; }
    cp d/s/s_image.nii.gz other.nii.gz
    [ "$(line d/s/s_image.nii.gz)" = "$(line other.nii.gz)" ]
    [ "$(line d/s/s_image.nii.gz)" != "$(line e/s/s_image.nii.gz)" ]'

t 'equalisation and adaptive equalisation, as ITK' '
    python3 "$row" x.gnt $t432
    test "$(gn-normalize --equalize x.gnt | python3 "$lib" values - 0 | cut -d" " -f1-6)" = "-1 0.217601 -0.409836 1 -0.0163935 -0.803279"
    python3 "$row" y.gnt 0,1
    test "$(gn-normalize --adaptive-equalize y.gnt | python3 "$lib" values - 0)" = "0.192214 0.807786"'

t 'histogram steps: a constant image stays, with a warning; a constant target is an error' '
    python3 "$row" x.gnt 3,3,3
    for s in --equalize --adaptive-equalize; do
        test "$(gn-normalize $s x.gnt 2>err | python3 "$lib" values - 0)" = "3 3 3"
        grep -qx "gn-normalize: warning: s: one value only: left as it is" err
    done
    gn-save -o d/ x.gnt
    fails 1 gn-normalize --histogram-match d/s/s_image.nii.gz x.gnt
    grep -qx "gn-normalize: d/s/s_image.nii.gz: one value only: not a target" err'

t 'histogram matching takes each channel by itself, a target of one channel serves all' '
    python3 "$pixels" x.gnt 0,10,5 1,30,6 3,20,9
    python3 "$row" y.gnt 0,1,3
    python3 "$pixels" two.gnt 1,2 3,4
    gn-save -o d/ y.gnt
    test "$(gn-normalize --histogram-match d/s/s_image.nii.gz x.gnt | python3 "$lib" values - 0)" = "0 1 3 0 3 2.99914 0 0.8 3"
    gn-save -o e/ two.gnt
    fails 1 gn-normalize --histogram-match e/s/s_image.nii.gz x.gnt
    grep -qx "gn-normalize: subject s: image: 3 channels, the target has 2" err'

t 'stains to those of a target picture, as GaNDLF' '
    python3 "$pixels" x.gnt 120,60,140 200,150,190 240,235,245 90,40,120
    python3 "$pixels" y.gnt 110,70,160 210,140,180 230,225,235 80,50,130
    gn-save -o d/ --ext png y.gnt
    gn-normalize --stain ruifrok --target d/s/s_image.png x.gnt >o.gnt
    test "$(python3 "$lib" values o.gnt 0)" = "106 186 238 77 72 160 235 48 168 219 247 145"
    for m in macenko vahadane; do gn-normalize --stain $m --target d/s/s_image.png x.gnt >o.gnt; done
    python3 "$lib" get o.gnt 0 dtype | grep -qx uint8
    python3 "$lib" get o.gnt 0 history | grep -qx "gn-normalize [^ ]* --stain vahadane --target target-[0-9a-f]*"'

t 'stains need three channels of 0 to 255, and tissue' '
    python3 "$pixels" y.gnt 110,70,160 210,140,180 230,225,235 80,50,130
    gn-save -o d/ --ext png y.gnt
    python3 "$pixels" a.gnt 1,2,3,4
    fails 1 gn-normalize --stain ruifrok --target d/s/s_image.png a.gnt
    grep -qx "gn-normalize: subject s: image: --stain needs R, G, B: 4 channels; gn-normalize --to-rgb drops the fourth" err
    python3 "$pixels" w.gnt 255,255,255 255,255,255
    fails 1 gn-normalize --stain macenko --target d/s/s_image.png w.gnt
    grep -qx "gn-normalize: subject s: image: no tissue: every pixel is bright" err
    gn-normalize --divide 0.5 y.gnt >z.gnt
    fails 1 gn-normalize --stain ruifrok --target d/s/s_image.png z.gnt
    grep -q "not a picture of 8-bit colours: its values go from 100 to 470" err
    fails 1 gn-normalize --stain ruifrok --target none.png y.gnt'

t 'alpha dropped and added; images of other numbers of components pass' '
    python3 "$pixels" x.gnt 1,2,3,4 5,6,7,8
    gn-normalize --to-rgb x.gnt >r.gnt
    test "$(python3 "$lib" values r.gnt 0)" = "1 5 2 6 3 7"
    gn-normalize --to-rgba r.gnt >a.gnt
    test "$(python3 "$lib" values a.gnt 0)" = "1 5 2 6 3 7 255 255"
    python3 "$lib" get a.gnt 0 dtype | grep -qx uint8
    gn-normalize --divide 0.0078125 x.gnt | gn-normalize --to-rgb >f.gnt
    test "$(python3 "$lib" values f.gnt 0)" = "128 255 255 255 255 255"
    python3 "$row" y.gnt 1,2,3
    gn-normalize --to-rgb y.gnt | gn-normalize --to-rgba >z.gnt
    gn-diff y.gnt z.gnt'

t 'histogram and stain steps: one thread and four give the same bytes' '
    python3 "$lib" make x.gnt 2 41,30,20
    python3 "$lib" make c.gnt 1 300,200,1 channels=3 dtype=uint8
    python3 "$pixels" y.gnt 110,70,160 210,140,180 230,225,235 80,50,130
    gn-save -o d/ --ext png y.gnt
    for s in "--equalize" "--adaptive-equalize"; do
        gn-normalize $s -j 1 x.gnt >a.gnt
        gn-normalize $s -j 4 x.gnt >b.gnt
        same a.gnt b.gnt
    done
    gn-normalize --stain ruifrok --target d/s/s_image.png -j 1 c.gnt >a.gnt
    gn-normalize --stain ruifrok --target d/s/s_image.png -j 4 c.gnt >b.gnt
    same a.gnt b.gnt'

t 'wrong usage of the histogram and stain steps' '
    python3 "$row" x.gnt 1,2,3
    fails 2 gn-normalize --stain ruifrok x.gnt
    fails 2 gn-normalize --target a.png --equalize x.gnt
    fails 2 gn-normalize --stain reinhard --target a.png x.gnt
    fails 2 gn-normalize --equalize --levels 0 x.gnt
    fails 2 gn-normalize --equalize --points 5000 x.gnt
    fails 2 gn-normalize --adaptive-equalize --points 5 x.gnt
    fails 2 gn-normalize --to-rgb --to-rgba x.gnt'

small_config 4 1 2 "data_preprocessing: {histogram_matching: {num_match_points: 8}}" >"$base/c.yaml"
export config="$base/c.yaml"
t 'a model asks for equalisation again' '
    gn-phantom head -n 6 --size 16 --spacing 4 -o p
    cp "$config" c.yaml
    gn-load p/data.csv | gn-normalize --equalize --points 8 | gn-save --cache -o cache/
    head -4 p/data.csv >train.csv
    { head -1 p/data.csv; tail -1 p/data.csv; } >val.csv
    gn-epochs -c c.yaml --patches --only train.csv cache/ | gn-train -q -c c.yaml --cache cache/ --val val.csv -o m
    gn-experiment predict -n -m m/best.safetensors -o o p/data.csv >n
    grep -q "^    gn-normalize --equalize --points 8 -j" n'
