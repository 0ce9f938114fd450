# gn-view: what is drawn where, and what is not drawn at all.
. "$GN_TESTS/lib.sh"
PYTHONPATH=$GN_TOP/examples
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE

# make.py FILE RECORD...: a stream. RECORD is ROLE;DTYPE;X,Y,Z[,C];AFFINE;EXPRESSION[;KEY=VALUE...]; AFFINE is "picture" or 12
# numbers, EXPRESSION gives the value at x, y, z, c. The sample is "s" unless a KEY says so.
cat >"$base/make.py" <<'P'
import math, struct, sys, gnt
with open(sys.argv[1], 'wb') as f:
    for text in sys.argv[2:]:
        role, dtype, size, affine, what, *more = text.split(';')
        x, y, z, c = ([int(s) for s in size.split(',')] + [1])[:4]
        affine = '-1 0 0 0 0 -1 0 0 0 0 1 0' if affine == 'picture' else affine.replace(',', ' ')
        code = compile(what, 'make', 'eval')
        v = [eval(code, {'math': math, 'x': i, 'y': j, 'z': k, 'c': l})
             for l in range(c) for k in range(z) for j in range(y) for i in range(x)]
        v = [float(a) if 'float' in dtype else int(a) for a in v]
        keys = dict(a.split('=', 1) for a in more)
        head = [('dtype', dtype), ('shape', '%d %d %d %d' % (c, z, y, x)), ('axes', 'c z y x'), ('sample', keys.pop('sample', 's')),
                ('role', role), ('affine', affine), *keys.items()]
        gnt.emit(f, head, struct.pack('<%d%s' % (len(v), gnt.TYPES[dtype]), *v))
    gnt.end(f, len(sys.argv) - 2)
P
# png.py FILE size | box COLOUR | count COLOUR | at X,Y: of pixels within 12 of COLOUR in each channel; box is x y width height of
# those that stand in a run of eight (text does not).
cat >"$base/png.py" <<'P'
import io, struct, subprocess, sys, gnt
d = open(sys.argv[1], 'rb').read()
assert d[:8] == b'\x89PNG\r\n\x1a\n' and d[-8:-4] == b'IEND'
w, h, depth, kind = struct.unpack('>IIBB', d[16:26])
assert depth == 8 and kind == 2
if sys.argv[2] == 'size':
    sys.exit(print(w, h))
(head, data), = gnt.read(io.BytesIO(subprocess.run(['gn-load', sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout))
planes = [bytes(data)[c * w * h:(c + 1) * w * h] for c in range(3)]
if sys.argv[2] == 'at':
    x, y = map(int, sys.argv[3].split(','))
    sys.exit(print('%02x%02x%02x' % tuple(p[y * w + x] for p in planes)))
r, g, b = bytes.fromhex(sys.argv[3])
hit = [i for i, (p, q, s) in enumerate(zip(*planes)) if abs(p - r) <= 12 and abs(q - g) <= 12 and abs(s - b) <= 12]
if sys.argv[2] == 'count':
    sys.exit(print(len(hit)))
dots = set(hit)
hit = [i for i in hit if any(all(i + a + k in dots for k in range(8)) for a in range(-7, 1))]
xs, ys = [i % w for i in hit], [i // w for i in hit]
print(min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1) if hit else print('none')
P
cat >>"$base/prelude" <<P
make() { python3 "$PWD/make.py" "\$@"; }
png() { python3 "$PWD/png.py" "\$@"; }
P
cat >>"$base/prelude" <<'P'
green=33e07f magenta=ff4fd8 blue=56b9f2 yellow=f4e648
mm=1,0,0,0,0,1,0,0,0,0,1,0
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'" >&2; return 1; }; }
P

t 'a picture is drawn as its file is, truth outlined in green just inside its border' '
make a.gnt "image;uint8;8,8,1;picture;100 if x or y else 200" "label;uint8;8,8,1;picture;2<=x<=5 and 1<=y<=3"
gn-view --window 0,255 -o a.png a.gnt
set -- $(png a.png box 646464)
is "$3,$4" 256,256
is "$(png a.png at $(($1 + 5)),$(($2 + 5)))" c8c8c8
is "$(png a.png at $(($1 + 250)),$(($2 + 250)))" 646464
x=$1 y=$2
is "$(png a.png at $((x + 64)),$((y + 60)))" 33e07f
is "$(png a.png at $((x + 62)),$((y + 60)))" 646464
is "$(png a.png at $((x + 191)),$((y + 60)))" 33e07f
is "$(png a.png at $((x + 100)),$((y + 32)))" 33e07f
is "$(png a.png at $((x + 100)),$((y + 127)))" 33e07f
is "$(png a.png at $((x + 100)),$((y + 80)))" 646464'
t 'a prediction of the one label is magenta, just outside its border' '
make a.gnt "image;uint8;8,8,1;picture;100" "label;uint8;8,8,1;picture;2<=x<=5 and 1<=y<=3" \
    "prediction;uint8;8,8,1;picture;2<=x<=5 and 1<=y<=3"
gn-view --window 0,255 -o a.png a.gnt
set -- $(png a.png box 646464)
is "$(png a.png at $(($1 + 64)),$(($2 + 60)))" 33e07f
is "$(png a.png at $(($1 + 63)),$(($2 + 60)))" ff4fd8
is "$(png a.png at $(($1 + 192)),$(($2 + 60)))" ff4fd8'
t 'several labels have a colour each, over the whole sheet, and no label is magenta' '
make a.gnt "image;uint8;8,8,1;picture;100;sample=a" "label;uint8;8,8,1;picture;3*(x<4);sample=a" \
    "image;uint8;8,8,1;picture;100;sample=b" "label;uint8;8,8,1;picture;9*(x<4);sample=b" "prediction;uint8;8,8,1;picture;9*(x<5);sample=b"
gn-view -o a.png a.gnt
[ "$(png a.png count $blue)" -gt 500 ]; [ "$(png a.png count $yellow)" -gt 800 ]
is "$(png a.png count $magenta)" 0; is "$(png a.png count $green)" 0'
t '--fill tints the label, the default does not' '
make a.gnt "image;uint8;8,8,1;picture;100" "label;uint8;8,8,1;picture;2<=x<=5 and 1<=y<=3"
gn-view --window 0,255 --fill -o a.png a.gnt
set -- $(png a.png box 646464)
is "$(png a.png at $(($1 + 100)),$(($2 + 80)))" 4f986f
is "$(png a.png at $(($1 + 100)),$(($2 + 200)))" 646464
is "$(png a.png at $(($1 + 100)),$(($2 + 34)))" 4f986f
gn-view --window 0,255 --fill --contour -o b.png a.gnt
is "$(png b.png at $(($1 + 100)),$(($2 + 32)))" 33e07f'
t 'pixels have the aspect of the spacing' '
make a.gnt "image;uint8;16,16,1;1,0,0,0,0,2,0,0,0,0,5,0;100"
gn-view --window 0,255 -o a.png a.gnt
is "$(png a.png box 646464 | cut -d " " -f 3,4)" "128 256"'
t 'the patient is seen alike whatever way the voxels are stored, his right on the left' '
for f in 1,1,1 -1,1,1 1,-1,1 1,1,-1 -1,-1,1 -1,1,-1 1,-1,-1 -1,-1,-1; do
    set -- $(echo $f | tr , " ")
    make a.gnt "image;int16;33,33,5;$1,0,0,9,0,$2,0,0,0,0,$3,0;(x==(24 if $1>0 else 8) and y==(24 if $2>0 else 8))*100+50"
    gn-view --slices 1 --window 0,150 -o a$f.png a.gnt
    same a1,1,1.png a$f.png
done
set -- $(png a1,1,1.png box 555555) $(png a1,1,1.png box ffffff)
is "$3" "$4"
make a.gnt "image;int16;33,33,5;$mm;(x==24 and y==24)*100+50"
gn-view --slices 1 --window 0,150 -o a.png a.gnt
is "$(png a.png at $(($1 + 8 * $3 / 33 + 3)),$(($2 + 8 * $4 / 33 + 3)))" ffffff'
t 'letters stand on images with a place only' '
make a.gnt "image;uint8;64,64,1;$mm;0"; make b.gnt "image;uint8;64,64,1;picture;0"
gn-view --window 0,255 -o a.png a.gnt; gn-view --window 0,255 -o b.png b.gnt
set -- $(png b.png box 000000)
white() { n=0; for dx in 4 5 6 7 8 9 10 11 12; do case $(png $1 at $(($2 + dx)),$(($3 + 128))) in f*) n=$((n + 1)) ;; esac; done; echo $n; }
is "$(white b.png $1 $2)" 0; [ "$(white a.png $1 $2)" -gt 0 ]'
t 'grey is stretched between percentiles of what is not 0' '
make a.gnt "image;float32;32,32,1;picture;0 if x<4 else 1000 + y"
gn-view -o a.png a.gnt
set -- $(png a.png box 000000)
is "$(png a.png at $(($1 + 2)),$(($2 + 200)))" 000000
is "$(png a.png at $(($1 + 200)),$(($2 + 252)))" ffffff
is "$(png a.png at $(($1 + 200)),$(($2 + 3)))" 000000'
t 'three channels of uint8 are colours' '
make a.gnt "image;uint8;8,8,1,3;picture;(250, 60, 20)[c]"
gn-view -o a.png a.gnt; is "$(png a.png box fa3c14 | cut -d " " -f 3,4)" "256 256"'
t 'class maps are colours over the image, background left out' '
make a.gnt "image;uint8;8,8,1;picture;0 if x<4 else 255" \
    "prediction;float32;8,8,1,3;picture;0.0 if c<2 else (x>=4)*1.0;class_list=0 1 2"
gn-view --window 0,255 -o a.png a.gnt
make b.gnt "prediction;float32;8,8,1,3;picture;0.0 if c<2 else (x>=4)*1.0;class_list=0 1 2"
gn-view -o b.png b.gnt
is "$(png b.png box fcfbb8 | cut -d " " -f 3,4)" "128 256"
is "$(png a.png size | cut -d " " -f 1)" 840'
t 'a float prediction of whole numbers is a label map, of others a map' '
make a.gnt "image;uint8;8,8,1;picture;9" "prediction;float32;8,8,1;picture;2.0*(x>3)"
make b.gnt "image;uint8;8,8,1;picture;9" "prediction;float32;8,8,1;picture;0.5*(x>3)"
gn-view -o a.png a.gnt; gn-view -o b.png b.gnt
[ "$(png a.png count $magenta)" -gt 500 ]; is "$(png b.png count $magenta)" 0
[ "$(png b.png size | cut -d " " -f 1)" -ge "$(png a.png size | cut -d " " -f 1)" ]'
t 'a mask has a pale dotted line' '
make a.gnt "image;uint8;8,8,1;picture;0" "mask;uint8;8,8,1;picture;255*(x>3)"
gn-view --window 0,255 -o a.png a.gnt; [ "$(png a.png count e8ecf2)" -gt 100 ]'
t '--diff draws where two streams differ' '
make a.gnt "image;uint8;8,8,1;picture;0"; make b.gnt "image;uint8;8,8,1;picture;77*(x==0)"
gn-view --diff b.gnt -o a.png a.gnt
is "$(png a.png box d9d8a0 | cut -d " " -f 3,4)" "32 256"
gn-view --diff a.gnt -o b.png a.gnt
is "$(png b.png box d9d8a0)" none
make c.gnt "image;uint8;8,8,1;picture;1;sample=other" "image;uint8;8,8,1;picture;1"
gn-view --diff c.gnt -o c.png a.gnt
make d.gnt "image;uint8;8,8,1;picture;1;sample=other"
fails 1 gn-view --diff d.gnt -o d.png a.gnt; grep -q "subject s: d.gnt has no such sample" err; [ ! -e d.png ]
make e.gnt "image;uint8;8,4,1;picture;1"
fails 1 gn-view --diff e.gnt -o d.png a.gnt; grep -q "another role or size" err
mkfifo p; fails 2 gn-view --diff p -o d.png a.gnt; fails 2 gn-view --diff - -o d.png a.gnt'
t 'labels of a table and predictions of another are one picture' '
image() { python3 "$GN_TESTS/gen/image.py" "$@"; }
image i.nii size=8,8,1 fill=100; image l.nii size=8,8,1 type=uint8 fill=1; mkdir out; image out/p.nii size=8,8,1 type=uint8 fill=1
printf "SubjectID,Channel_0,Label\na,i.nii,l.nii\n" >test.csv; printf "SubjectID,Prediction\na,p.nii\n" >out/predictions.csv
gn-load test.csv out/predictions.csv | gn-view -o x.png
[ "$(png x.png count $green)" -gt 500 ]; [ "$(png x.png count $magenta)" -gt 500 ]'
t 'at most --samples are drawn' '
make a.gnt "image;uint8;8,8,1;picture;100;sample=a" "image;uint8;8,8,1;picture;100;sample=b" "image;uint8;8,8,1;picture;100;sample=c"
make b.gnt "image;uint8;8,8,1;picture;100;sample=a" "image;uint8;8,8,1;picture;100;sample=b"
gn-view --window 0,255 --samples 2 -o a.png a.gnt; gn-view --window 0,255 -o b.png b.gnt
is "$(png a.png box 646464)" "$(png b.png box 646464)"
! cmp -s a.png b.png'
t 'patches are drawn as they are' '
make a.gnt "image;uint8;8,8,1;picture;100;patch.index=0/2;patch.origin=0 0 0;patch.size=8 8 1;patch.of=9 8 1" \
    "image;uint8;8,8,1;picture;100;patch.index=1/2;patch.origin=1 0 0;patch.size=8 8 1;patch.of=9 8 1"
gn-view --window 0,255 -o a.png a.gnt; is "$(png a.png box 646464 | cut -d " " -f 3,4)" "530 256"'
t '--columns makes pictures larger or smaller' '
make a.gnt "image;uint8;8,8,1;picture;100"
gn-view --window 0,255 --columns 2 -o a.png a.gnt; gn-view --window 0,255 --columns 12 -o b.png a.gnt
is "$(png a.png box 646464 | cut -d " " -f 3)" 755; is "$(png b.png box 646464 | cut -d " " -f 3)" 105'
t 'values that are not finite are said to be there' '
make a.gnt "image;float32;8,8,1;picture;math.nan if x else 3"; gn-view -o a.png a.gnt; [ "$(png a.png count ffa657)" -gt 20 ]'
t 'no sample, no image, no stream: an error and no file' '
make a.gnt
fails 1 gn-view -o a.png a.gnt; grep -q "nothing to draw: no samples" err; [ ! -e a.png ]
python3 "$GN_TESTS/gen/image.py" scores b.gnt "a b" 0.25 0.75
fails 1 gn-view -o a.png b.gnt; grep -q "no sample holds an image" err; [ ! -e a.png ]
: >c.gnt; fails 1 gn-view -o a.png c.gnt; [ ! -e a.png ]'
t 'a truncated stream leaves the old file as it was' '
make a.gnt "image;uint8;8,8,1;picture;100"
head -c -128 a.gnt >b.gnt; echo old >a.png
fails 1 gn-view -o a.png b.gnt; is "$(cat a.png)" old; is "$(ls | grep -c png)" 1
gn-view -o a.png a.gnt; png a.png size'
t 'a label of another size is refused by name, and left out with --keep-going' '
make a.gnt "image;uint8;8,8,1;picture;100" "label;uint8;8,4,1;picture;1" "image;uint8;8,8,1;picture;100;sample=t"
fails 1 gn-view -o a.png a.gnt; grep -q "subject s: 8x4x1 voxels here, 8x8x1" err; [ ! -e a.png ]
fails 1 gn-view --keep-going --window 0,255 -o a.png a.gnt; is "$(png a.png box 646464 | cut -d " " -f 3,4)" "256 256"'
t 'an image given as a label is refused' '
make a.gnt "label;uint16;40,40,1;picture;x+40*y"; fails 1 gn-view -o a.png a.gnt; grep -q "more than 256 labels" err'
t 'a name of any length and script fits' '
make a.gnt "image;uint8;8,8,1;picture;100;sample=$(printf "\303\244%.0s" $(seq 500))"
gn-view --window 0,255 -o a.png a.gnt; is "$(png a.png box 646464 | cut -d " " -f 3,4)" "256 256"'
t 'a sheet too high for a picture ends before, and says how many it holds' '
set --
i=0; while [ $i -lt 40 ]; do set -- "$@" "image;uint8;2,3,1;picture;100;sample=$i"; i=$((i + 1)); done
make a.gnt "$@"; gn-view --samples 99 --columns 1 -o a.png a.gnt
[ "$(png a.png size | cut -d " " -f 2)" -lt 30200 ]'
t 'the threads do not matter, and - is standard output' '
make a.gnt "image;float32;30,31,9;$mm;x*y+z" "label;uint8;30,31,9;$mm;(x>9)+(y>9)"
gn-view -j 1 -o a.png a.gnt; gn-view -j 3 -o b.png a.gnt; same a.png b.png
gn-view -o - <a.gnt >c.png; same a.png c.png'
t 'a terminal gets no PNG' '
make a.gnt "image;uint8;8,8,1;picture;100"
python3 -c "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))" gn-view -o - a.gnt >o && exit 1 || is $? 2
grep -q "is a terminal" o'
t 'wrong usage is exit 2' '
make a.gnt "image;uint8;8,8,1;picture;100"
fails 2 gn-view a.gnt; fails 2 gn-view -o a.png --slices 0 a.gnt; fails 2 gn-view -o a.png --columns 0 a.gnt
fails 2 gn-view -o a.png --window 5,5 a.gnt; fails 2 gn-view -o a.png --axis w a.gnt; fails 2 gn-view -o a.png --samples 0 a.gnt; [ ! -e a.png ]'
t 'only gn-view needs cairo' '
for p in "$B"/bin/*; do case $p in */gn-view) ;; *) ! ldd "$p" | grep -q cairo ;; esac; done'
