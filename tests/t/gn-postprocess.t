# gn-postprocess: steps on labels
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib
# make.py FILE ROLE DTYPE X,Y,Z VALUES [KEY=VALUE...]: one record; values as digits, x fastest, blanks for the eye
cat >make.py <<'P'
import struct, sys
import gnt
path, role, dtype, size, values = sys.argv[1:6]
x, y, z = size.split(',')
v = [int(d) for d in values if d != ' ']
head = [('dtype', dtype), ('shape', '1 %s %s %s' % (z, y, x)), ('axes', 'c z y x'), ('sample', 's'), ('role', role), ('name', role),
        ('affine', '1 0 0 0 0 1 0 0 0 0 1 0')] + [tuple(a.split('=', 1)) for a in sys.argv[6:]]
with open(path, 'wb') as f:
    gnt.emit(f, head, struct.pack('<%d%s' % (len(v), gnt.TYPES[dtype]), *v))
    gnt.end(f, 1)
P
cat >>"$base/prelude" <<'P'
make() { python3 ../make.py "$@"; }
post() { gn-postprocess "$@" | python3 "$lib" values - 0 | tr -d " "; } # post ARGUMENT...: the values, as digits
is() { [ "$1" = "$(echo "$2" | tr -d " ")" ] || { echo "$1, not $2"; return 1; } >&2; }
P

t 'cca keeps the largest component of each label, by corners, or by faces' '
    make x prediction uint8 6,4,1 "110020 001020 000000 222000"
    is "$(post --op cca x)" "110000 001000 000000 222000"
    is "$(post --op cca:connectivity=4 x)" "110000 000000 000000 222000"
    make y label uint8 4,1,3 "1100 0000 0011"
    is "$(post --op cca y)" "1100 0000 0000"'
t 'fill_holes: holes become the label; closed first, the border is cut back' '
    make x prediction uint8 7,6,1 "0000000 0111110 0100010 0101010 0111110 0000000"
    is "$(post --op fill_holes:closing=false x)" "0000000 0111110 0111110 0111110 0111110 0000000"
    make y prediction uint8 5,5,1 "11111 11111 11111 11111 11111"
    is "$(post --op fill_holes y)" "00000 01110 01110 01110 00000"
    is "$(post --op fill_holes:closing=false y)" "11111 11111 11111 11111 11111"
    make z prediction uint8 7,7,1 "0000000 0011100 0111010 0100000 0110110 0011100 0000000"
    is "$(post --op fill_holes:closing=false z)" "0000000 0011100 0111010 0100000 0110110 0011100 0000000"
    is "$(post --op fill_holes z)" "0000000 0011100 0111110 0111100 0111110 0011100 0000000"'
t 'what is in a hole: the later label wins, by value, or by the class list' '
    make x prediction uint8 3,3,1 "111 121 111"
    make y prediction uint8 3,3,1 "222 212 222"
    is "$(post --op fill_holes:closing=false x)" "111 121 111"
    is "$(post --op fill_holes:closing=false y)" "222 222 222"
    python3 "$lib" config "data_postprocessing: {fill_holes: {closing: false}}" | sed "s/class_list: .0, 1, 2./class_list: [0, 2, 1]/" >c.yaml
    is "$(post -c c.yaml x)" "111 111 111"; is "$(post -c c.yaml y)" "222 212 222"'
t 'morphology by a box, odd, in two dimensions and three' '
    make x prediction uint8 5,4,1 "00000 00200 00000 00000"
    is "$(post --op morphology:mode=dilation,kernel_size=3 x)" "02220 02220 02220 00000"
    is "$(post --op morphology:kernel_size=3 --op morphology:mode=erosion,kernel_size=3 x)" "00200 00200 00000 00000"
    is "$(post --op morphology x)" "00000 00200 00000 00000"
    make y prediction uint8 3,3,3 "000000000 000010000 000000000"
    is "$(post --op morphology:kernel_size=3 y)" "111111111 111111111 111111111"
    make z prediction uint8 6,3,1 "111100 111111 111100"
    is "$(post --op morphology:mode=opening,kernel_size=3 z)" "111100 111100 111100"
    make w prediction uint8 7,1,1 1101011
    is "$(post --op morphology:mode=closing,kernel_size=3 w)" "1111111"'
t '--map comes last; labels it does not list become 0; the type widens only if it must' '
    make x prediction uint8 4,1,1 0123
    is "$(post --map 1=2,3=1 x)" 0201
    [ "$(gn-postprocess --map 1=2 x | python3 "$lib" get - 0 dtype)" = uint8 ]
    [ "$(gn-postprocess --map 1=300,3=3 x | python3 "$lib" get - 0 dtype)" = uint16 ]
    [ "$(gn-postprocess --map 1=300,3=3 x | python3 "$lib" values - 0)" = "0 300 0 3" ]
    make y prediction int16 5,1,1 "11011"
    is "$(post --map 1=4 --op cca y)" 44000
    [ "$(gn-postprocess --map 1=300 --op cca y | python3 "$lib" get - 0 dtype)" = int16 ]'
t 'labels keep their type, headers and geometry stay, the step is in the history' '
    for d in uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64; do
        make x prediction $d 7,1,1 1101222
        is "$(post --op cca x | sed "s/\.0//g")" 1100222
        [ "$(gn-postprocess --op cca x | python3 "$lib" get - 0 dtype affine)" = "$(python3 "$lib" get x 0 dtype affine)" ]
    done
    gn-postprocess --op cca:connectivity=6 --map 1=1 x | python3 "$lib" get - 0 history | grep -q -e "--op cca:connectivity=6 --map 1=1"'
t 'where there is a prediction the truth stays; images stay, unless they are said to be labels' '
    python3 "$lib" make s.gnt 1 8,6,4
    gn-postprocess --op morphology:mode=erosion,kernel_size=3 s.gnt >o
    for k in 0 1; do python3 "$lib" values s.gnt $k >a; python3 "$lib" values o $k | same - a; done
    ! cmp -s s.gnt o; [ "$(python3 "$lib" values o 2 | tr " " "\n" | sort | uniq -c | wc -l)" -ge 2 ]
    python3 - <<P
import gnt, struct
with open("both", "wb") as f:
    for role in ("label", "prediction"):
        gnt.emit(f, [("dtype", "uint8"), ("shape", "1 1 1 4"), ("axes", "c z y x"), ("sample", "s"), ("role", role), ("name", role)], bytes([1, 1, 0, 1]))
    gnt.end(f, 2)
P
    gn-postprocess --op cca both >o
    [ "$(python3 "$lib" values o 0)" = "1 1 0 1" ]; [ "$(python3 "$lib" values o 1)" = "1 1 0 0" ]
    make i image uint8 4,1,1 1101
    fails 1 gn-postprocess --op cca i; grep -q "no label and no prediction" err
    is "$(post --images --op cca i)" 1100'
t 'a configuration: steps in their order, the mapping from either section, and --map beats it' '
    make x prediction uint8 8,1,1 11102022
    python3 "$lib" config "data_postprocessing: {mapping: {1: 5, 2: 6}, cca: }" >c.yaml
    is "$(post -c c.yaml x)" 55500066
    python3 "$lib" config "data_postprocessing: {cca: {connectivity: 6}}" "data_postprocessing_after_reverse_one_hot_encoding: {mapping: {1: 5, 2: 6}}" >d.yaml
    is "$(post -c d.yaml x)" 55500066
    is "$(post -c d.yaml --map 2=7 x)" 00000077
    python3 "$lib" config "data_postprocessing: {morphology: {mode: closing, kernel_size: 3}, cca: }" >e.yaml
    is "$(post -c e.yaml x)" 11102222
    python3 "$lib" config >f.yaml
    gn-postprocess --no-history -c f.yaml x | same - x
    for bad in "cca: {connectivity: 7}" "cca: {connectivity: 8}" "morphology: {kernel_size: 4}" "morphology: {mode: shrink}" "crf: " "cca, cca: "; do
        python3 "$lib" config "data_postprocessing: {$bad}" >g.yaml
        fails 1 gn-postprocess -c g.yaml x
    done'
t 'a class that the mapping forgets is told' '
    python3 "$lib" config "data_postprocessing: {mapping: {1: 5}}" >c.yaml
    gn-config check c.yaml 2>err || true; grep -q "class 2 is predicted as 2, which becomes 0" err'
t 'patches, class maps and what is no label map are refused' '
    make x prediction uint8 4,1,1 1101 "patch.origin=0 0 0" "patch.size=4 1 1" "patch.of=8 1 1" patch.index=0/2
    fails 1 gn-postprocess --op cca x; grep -q "stitch it first" err
    make y prediction float32 4,1,1 1101 "class_list=0"
    fails 1 gn-postprocess --op cca y; grep -q "gn-stitch --labels" err
    make z prediction uint8 2,2,2 11011101
    fails 1 gn-postprocess --op cca:connectivity=8 z; grep -q "6, 18 or 26" err'
t 'wrong usage is one line and exit 2' '
    make x prediction uint8 4,1,1 1101
    for c in "" "--op holes" "--op cca:kernel=3" "--op cca:connectivity=5" "--op cca:connectivity" "--op morphology:kernel_size=2" "--op morphology:mode=x" \
        "--op fill_holes:closing=maybe" "--map 1" "--map 1=a" "--map 1=2,1=3" "--map 1=2," "--op cca -c x.yaml" "--op :"; do
        fails 2 gn-postprocess $c x
    done'
t 'the same bytes on any number of threads' '
    gn-phantom tumour -n 1 --size 90,80,70 --channels 1 -o d
    gn-load d/data.csv >s.gnt
    gn-load d/data.csv | gn-postprocess -j 1 --op morphology:kernel_size=5 --op fill_holes --op cca --no-history >a
    gn-load d/data.csv | gn-postprocess -j 3 --op morphology:kernel_size=5 --op fill_holes --op cca --no-history >b
    same a b; ! cmp -s a s.gnt'

# A study whose regions overlap: classes 1||2||4, 1||4, 4 are predicted as 1, 2, 3, and mapped back to the labels.
gn-phantom tumour -n 3 --size 24 --spacing 4 --channels 1 -o data
small_config 4 1 2 'data_postprocessing: {cca: }' 'data_postprocessing_after_reverse_one_hot_encoding: {mapping: {1: 2, 2: 1, 3: 4}}' |
    sed 's/class_list: .0, 1./class_list: [0, 1||2||4, 1||4, 4]/; s/softmax/sigmoid/' >c.yaml
t 'a study with unions of labels: predicted labels are those of the truth, the scores are of the regions' '
    gn-experiment -c ../c.yaml -i ../data/data.csv -o o >out 2>err || { cat err out >&2; false; }
    cut -f2 o/scores.tsv | sort -u >labels
    grep -qx "1||2||4" labels; grep -qx "1||4" labels; grep -qx 4 labels
    gn-load o/data_validation.csv o/predictions/predictions.csv | python3 "$lib" values - 2 | tr " " "\n" | sort -u >labels
    grep -qx 2 labels; ! grep -vx -e 0 -e 1 -e 2 -e 4 labels
    grep -q "gn-postprocess .*-c model/best.safetensors" o/Makefile
    image=$(tail -n +2 o/data_validation.csv | head -n 1 | cut -d, -f2)
    gn-experiment predict -n -m o/model/best.safetensors -o p "o/$image" >run.sh; grep -q gn-postprocess run.sh
    gn-experiment predict -m o/model/best.safetensors -o p "o/$image"
    gn-load "o/$image" | gn-patch --grid -c o/model/best.safetensors | gn-infer -m o/model/best.safetensors |
        gn-stitch --labels --to-source | gn-postprocess -c o/model/best.safetensors | python3 "$lib" values - 0 >want
    gn-load p/*/*_seg.nii.gz | python3 "$lib" values - 0 | same - want'
