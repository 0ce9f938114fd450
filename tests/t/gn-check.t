# gn-check: a zoo of broken studies, each with its verdict; what is told; leakage; repairs.
. "$GN_TESTS/lib.sh"
cat >"$base/make.py" <<'P'
# make.py FILE [KEY=VALUE...] [/ FILE ...] - NIfTI images, written without gn. size=6,5,4  volumes=1  type=f|h|B  fill=ramp|blob|N
# seed=0 (of the ramp)  set=K:V,...  mirror=1 (x)  s=1,1,1 o=0,0,0 (sform)  m=12 numbers (sform)  code=1  pix=1,1,1
import gzip, struct, sys
CODE = {'B': 2, 'h': 4, 'f': 16, 'd': 64}
def make(path, *words):
    k = dict(w.split('=', 1) for w in words)
    num = lambda key, other: [float(v) for v in k.get(key, other).split(',')]
    x, y, z = (int(v) for v in num('size', '6,5,4'))
    w, t, fill, seed = int(k.get('volumes', 1)), k.get('type', 'h'), k.get('fill', 'ramp'), int(k.get('seed', 0))
    n = x * y * z * w
    if fill == 'ramp':
        v = [(i * 7 + i // 11 + seed * (i % 3 + 1)) % 97 for i in range(n)]
    elif fill == 'blob': # 1 in a block, 2 in one corner voxel of it
        v = [int(1 <= i % x <= 3 and 1 <= i // x % y <= 3 and 1 <= i // x // y <= 2) for i in range(n)]
        v[(x * y) + x + 1] = 2
    else:
        v = [float(fill)] * n
    for pair in k['set'].split(',') if 'set' in k else ():
        at, value = pair.split(':')
        v[int(at)] = float(value)
    if 'mirror' in k:
        v = [v[i // x * x + x - 1 - i % x] for i in range(n)]
    s, o = num('s', '1,1,1'), num('o', '0,0,0')
    m = num('m', '%r,0,0,%r,0,%r,0,%r,0,0,%r,%r' % (s[0], o[0], s[1], o[1], s[2], o[2]))
    h = bytearray(352)
    struct.pack_into('<i', h, 0, 348)
    struct.pack_into('<8h', h, 40, 4 if w > 1 else 3, x, y, z, w, 1, 1, 1)
    struct.pack_into('<2h', h, 70, CODE[t], 8 * struct.calcsize(t))
    struct.pack_into('<8f', h, 76, 1, *num('pix', '1,1,1'), 1, 1, 1, 1)
    struct.pack_into('<f', h, 108, 352)
    struct.pack_into('<2h', h, 252, 0, int(k.get('code', 1)))
    struct.pack_into('<12f', h, 280, *m)
    h[344:348] = b'n+1\0'
    data = bytes(h) + struct.pack('<%d%s' % (n, t), *(v if t in 'fd' else map(int, v)))
    with open(path, 'wb') as f:
        f.write(gzip.compress(data, mtime=0) if path.endswith('.gz') else data)
words = sys.argv[1:] + ['/']
while words:
    at = words.index('/')
    make(*words[:at])
    words = words[at + 1:]
P
cat >>"$base/prelude" <<'P'
make() { python3 ../make.py "$@"; }
image() { python3 "$GN_TESTS/gen/image.py" "$@"; }
row() { printf '%s\n' "$@" >>data.csv; } # row LINE...: added to the table
# verdict WANT [ARGUMENT...]: the words of the verdicts, one row after another; the status that goes with them; a line on stderr for each
# fault, and one that counts; and the same bytes whatever the number of threads
verdict() {
    want=$1
    shift
    [ $# != 0 ] || set -- data.csv
    status=0 got=0 got4=0
    case "$want" in *[!ok\ ]*) status=1 ;; esac
    gn-check -j 1 "$@" >report.tsv 2>err || got=$?
    gn-check -j 4 "$@" >report4 2>err4 || got4=$?
    words=$(tail -n +2 report.tsv | cut -f 3 | tr "\n" " ")
    [ "$words" = "$want " ] || { echo "verdict: $words, expected: $want"; cat report.tsv err; return 1; } >&2
    [ $got = $status ] && [ $got4 = $status ] || { echo "status $got, expected $status"; cat err; return 1; } >&2
    cmp report.tsv report4 >&2 && cmp err err4 >&2 || return 1
    awk -F '\t' 'NF != 13 { print "fields: " NF; exit 1 }' report.tsv >&2 || return 1
    faults=$(grep -v ': note: ' err | sed '$d' | wc -l)
    [ $status = 0 ] || [ "$faults" -ge "$(echo "$want" | tr ', ' '\n\n' | grep -vc '^ok$')" ] || { cat err; return 1; } >&2
}
P
# zoo NAME VERDICT COMMANDS [ARGUMENT...]: a study of image i.nii (ramp), label l.nii (two labels) and table data.csv (header
# SubjectID,Channel_0,Label and a row of the two), changed by the commands
zoo() {
    name=$1 want=$2 commands=$3
    shift 3
    t "zoo: $name: $want" "
        make i.nii / l.nii fill=blob type=B
        printf 'SubjectID,Channel_0,Label\n1,i.nii,l.nii\n' >data.csv
        $commands
        verdict '$want' $*"
}

# ---- whole ----
zoo 'nothing is wrong' 'ok' ''
zoo 'two subjects' 'ok ok' 'make k.nii seed=5; row 2,k.nii,l.nii'
zoo 'left-handed axes' 'ok' 'make i.nii m=-1,0,0,5,0,1,0,0,0,0,1,0 / l.nii fill=blob type=B m=-1,0,0,5,0,1,0,0,0,0,1,0'
zoo 'oblique axes, the same in both' 'ok' '
    make i.nii m=.8,-.6,0,5,.6,.8,0,-7,0,0,3,1 / l.nii fill=blob m=.8,-.6,0,5,.6,.8,0,-7,0,0,3,1'
zoo 'pictures, which have no place' 'ok' '
    image i.png size=6,5; image l.png size=6,5 fill=1; printf "SubjectID,Channel_0,Label\n1,i.png,l.png\n" >data.csv'
zoo 'a label of whole numbers in a float type' 'ok' 'make l.nii fill=blob type=f'
zoo 'no label column' 'ok' 'printf "SubjectID,Channel_0,ValueToPredict\n1,i.nii,3.5\n" >data.csv'
zoo 'a grey label of three equal colours' 'ok' '
    image i.png size=6,5; image l.png size=6,5 fill=1 channels=3; printf "SubjectID,Channel_0,Label\n1,i.png,l.png\n" >data.csv'
# ---- files and cells ----
zoo 'an image that is not there' 'missing' 'rm i.nii'
zoo 'a label that is not there' 'missing' 'rm l.nii'
zoo 'a link that leads nowhere' 'missing' 'ln -sf gone.nii l.nii'
zoo 'an empty image cell' 'ok empty-cell' 'row 2,,l.nii'
zoo 'an empty label cell' 'ok empty-cell' 'make k.nii seed=5; row 2,k.nii,'
zoo 'an empty value' 'empty-cell' 'printf "SubjectID,Channel_0,ValueToPredict\n1,i.nii,\n" >data.csv'
zoo 'a value that is a word' 'value' 'printf "SubjectID,Channel_0,ValueToPredict\n1,i.nii,tall\n" >data.csv'
zoo 'a value that is infinite' 'value' 'printf "SubjectID,Channel_0,ValueToPredict\n1,i.nii,inf\n" >data.csv'
zoo 'a file that was cut' 'unreadable' 'head -c 400 i.nii >c; mv c i.nii'
zoo 'a gzip that was cut' 'unreadable' 'make l.nii.gz fill=blob; head -c 50 l.nii.gz >l.nii'
zoo 'a file of nothing' 'unreadable' ': >l.nii'
zoo 'a page of text' 'unreadable' 'echo "<html>404</html>" >i.nii'
zoo 'a folder' 'unreadable' 'rm i.nii; mkdir i.nii'
# ---- geometry ----
zoo 'a column of zeros in the affine' 'spacing' 'make i.nii m=1,0,0,0,0,0,0,0,0,0,1,0'
zoo 'an affine that is not finite' 'spacing' 'make i.nii m=1,0,0,0,0,nan,0,0,0,0,1,0'
zoo 'a voxel side of 0 that a reader would take for 1 mm' 'spacing' 'make i.nii pix=1,0,1 code=0'
zoo 'a voxel side below 0' 'spacing' 'make l.nii fill=blob pix=1,1,-1'
zoo 'the same in a compressed file' 'spacing' 'make l.nii.gz fill=blob pix=1,1,-1; mv l.nii.gz l.nii'
zoo 'micrometres taken for millimetres' 'spacing' 'make i.nii s=500,500,2000 / l.nii fill=blob s=500,500,2000'
zoo 'metres of some other unit' 'spacing' 'make i.nii s=1e-7,1e-7,1e-7 / l.nii fill=blob s=1e-7,1e-7,1e-7'
zoo 'a label short of one slice' 'size' 'make l.nii fill=blob size=6,5,3'
zoo 'a label with x and z exchanged' 'size' 'make l.nii fill=blob size=4,5,6'
zoo 'a second channel of another size' 'size' '
    make k.nii seed=5 size=6,5,5; printf "SubjectID,Channel_0,Channel_1\n1,i.nii,k.nii\n" >data.csv'
zoo 'a label one voxel off' 'affine' 'make l.nii fill=blob o=1,0,0'
zoo 'a label one voxel off to the other side' 'affine' 'make l.nii fill=blob o=0,0,-1'
zoo 'a label off by half a thousandth of a voxel' 'ok' 'make l.nii fill=blob o=.0005,0,0'
zoo 'a label off by two thousandths' 'affine' 'make l.nii fill=blob o=0,.002,0'
zoo 'the same with a tolerance of a hundredth of a millimetre' 'ok' 'make l.nii fill=blob o=0,.002,0' --tolerance 0.01 data.csv
zoo 'far from 0, what float32 rounds' 'ok' 'make i.nii o=20000,0,0 / l.nii fill=blob o=20000.002,0,0'
zoo 'a label whose header was flipped' 'affine' 'make l.nii fill=blob m=-1,0,0,5,0,1,0,0,0,0,1,0'
zoo 'a label turned by half a degree' 'affine' 'make l.nii fill=blob m=.99996,-.00873,0,0,.00873,.99996,0,0,0,0,1,0'
zoo 'voxels longer by a hundredth' 'affine' 'make l.nii fill=blob s=1,1,1.01'
zoo 'a label without a place' 'affine' '
    image l.png size=6,5 fill=1; make i.nii size=6,5,1; printf "SubjectID,Channel_0,Label\n1,i.nii,l.png\n" >data.csv'
zoo 'a weight map of another size' 'size' '
    make w.nii type=f size=6,5,3; printf "SubjectID,Channel_0,WeightMap\n1,i.nii,w.nii\n" >data.csv'
# ---- channels ----
zoo 'two volumes where the first subject has one' 'ok channels' 'make k.nii seed=5 volumes=2; row 2,k.nii,l.nii'
zoo 'a grey picture among colours' 'ok channels ok' '
    printf "SubjectID,Channel_0\n1,a.png\n2,b.png\n3,c.png\n" >data.csv
    image a.png size=6,5 channels=3; image b.png size=6,5 seed=3; image c.png size=6,5 channels=3 seed=4'
zoo 'a label drawn in colours' 'label-channels' '
    image i.png size=6,5; image l.png size=6,5 channels=3; printf "SubjectID,Channel_0,Label\n1,i.png,l.png\n" >data.csv'
# ---- labels ----
zoo 'a label of probabilities' 'not-integer' 'make l.nii fill=blob type=f set=3:.5'
zoo 'a label that was scaled' 'not-integer' 'make l.nii fill=blob type=f set=3:.9995'
zoo 'a mask of probabilities' 'not-integer' '
    make m.nii fill=blob type=f set=3:.5; printf "SubjectID,Channel_0,Label,Mask\n1,i.nii,l.nii,m.nii\n" >data.csv'
zoo 'a label of nothing' 'label-empty' 'make l.nii fill=0'
zoo 'a label that nobody asked for' 'label-values' '' --labels 1 data.csv
zoo 'labels that were asked for, as regions' 'ok' '' --labels "'1||2,4'" data.csv
zoo 'a label below 0' 'label-values' 'make l.nii fill=blob set=7:-1' --labels 1,2 data.csv
zoo 'a label that is its image, by its name' 'label-is-image' 'printf "SubjectID,Channel_0,Label\n1,i.nii,i.nii\n" >data.csv'
zoo 'a label that is a copy of its image, in another type' 'label-is-image' 'make l.nii.gz type=f; mv l.nii.gz l.nii'
# ---- voxels ----
zoo 'one NaN' 'nan' 'make i.nii type=f set=60:nan'
zoo 'NaN everywhere' 'nan' 'make i.nii type=f fill=nan'
zoo 'one infinity' 'inf' 'make i.nii type=d set=60:-inf'
zoo 'a label with a NaN' 'nan' 'make l.nii fill=blob type=f set=60:nan'
zoo 'an image of one value' 'constant' 'make i.nii fill=7'
zoo 'two images of one value, which are no copies' 'constant constant' 'make i.nii fill=7; cp i.nii k.nii; row 2,k.nii,l.nii'
zoo 'several faults, in the order of the manual' 'size,not-integer,nan' 'make i.nii type=f set=60:nan / l.nii fill=blob size=6,5,3 type=f set=3:.5'
# ---- what stands twice ----
zoo 'a file under two subjects' 'ok duplicate' 'row 2,i.nii,l.nii'
zoo 'a copy under another name' 'ok duplicate' 'cp i.nii k.nii; row 2,k.nii,l.nii'
zoo 'a copy in another type, compressed' 'ok duplicate' 'make k.nii.gz type=f; row 2,k.nii.gz,l.nii'
zoo 'a copy that lost its place' 'ok affine,duplicate' 'make k.nii o=50,0,0; row 2,k.nii,l.nii'
zoo 'a copy of all but one voxel' 'ok ok' 'make k.nii set=60:1000; row 2,k.nii,l.nii'
zoo 'a mirror image, which is another one' 'ok ok' 'make k.nii mirror=1; row 2,k.nii,l.nii'
zoo 'the same file as both channels' 'duplicate' 'printf "SubjectID,Channel_0,Channel_1\n1,i.nii,i.nii\n" >data.csv'
zoo 'a subject in two rows, with two images' 'ok ok' 'make k.nii seed=5; row 1,k.nii,l.nii'
zoo 'a subject on both sides of a split' 'ok leak-subject' 'make k.nii seed=5; sed s/i.nii/k.nii/ data.csv >val.csv' data.csv val.csv
zoo 'an image on both sides of a split' 'ok leak-image' 'cp i.nii k.nii; sed s/^1,i/2,k/ data.csv >val.csv' data.csv val.csv
zoo 'a table twice' 'ok leak-subject,leak-image' 'cp data.csv val.csv' data.csv val.csv
zoo 'three sides, the last one leaks' 'ok ok leak-image' '
    make k.nii seed=5; sed s/^1,i/2,k/ data.csv >val.csv; cp i.nii j.nii; sed s/^1,i/3,j/ data.csv >test.csv' data.csv val.csv test.csv
zoo 'three sides that share nothing' 'ok ok ok' '
    make k.nii seed=5; sed s/^1,i/2,k/ data.csv >val.csv; make j.nii seed=9; sed s/^1,i/3,j/ data.csv >test.csv' data.csv val.csv test.csv

# ---- what is told ----
t 'every fault is a line with subject, column, word and cause; the last line counts' '
    make i.nii / l.nii fill=0 o=0,3,4 / k.nii type=f seed=5 set=60:nan
    printf "SubjectID,Channel_0,Label\n7,i.nii,l.nii\n8,k.nii,\n" >data.csv
    s=0; gn-check data.csv >report.tsv 2>err || s=$?; [ $s = 1 ]
    cat >want <<W
gn-check: subject 7: Label: affine: l.nii: its corners lie up to 5 mm from those of Channel_0
gn-check: subject 7: Label: label-empty: l.nii: every voxel is 0
gn-check: subject 8: Channel_0: nan: k.nii: 1 of 120 voxels are NaN
gn-check: subject 8: Label: empty-cell: the cell is empty
gn-check: 2 of 2 subjects have faults: empty-cell 1, affine 1, label-empty 1, nan 1
W
    diff want err >&2'
t 'the report says shapes, spacings, axes, hand, distance and labels' '
    make i.nii m=-2,0,0,5,0,1,0,0,0,0,3,0 type=f set=60:nan,61:inf,62:nan
    make l.nii fill=blob size=6,5,2 s=2,1,3
    printf "SubjectID,Channel_0,Label\n007,i.nii,l.nii\n" >data.csv
    gn-check data.csv >got 2>err || true
    printf "table\tSubjectID\tverdict\tchannels\tsize\tspacing\taxes\thand\tcorner_mm\tlabels\tnan\tinf\tsame_as\n" >want
    # x of the corners: 6 and -6 against -1 and 11, z 10.5 against 4.5
    printf "data.csv\t007\tsize,nan,inf\t1\t6,5,4;6,5,2\t2,1,3\tLAS;RAS\tleft;right\t18.0278\t0,1,2\t2\t1\t\n" >>want
    diff want got >&2'
t 'same_as says where the image stood before' '
    make i.nii; cp i.nii k.nii; cp i.nii m.nii
    printf "SubjectID,Channel_0\na,i.nii\nb,k.nii\n" >train.csv
    printf "SubjectID,T1,T2_image\nc,x,m.nii\n" >val.csv
    gn-check train.csv val.csv >got 2>err || true
    [ "$(cut -f 13 got | tr "\n" " ")" = "same_as  a:Channel_0 train.csv:a:Channel_0 " ]
    grep -q "^gn-check: train.csv: subject b: Channel_0: duplicate: k.nii: the same image as Channel_0 of subject a, i.nii$" err
    grep -q "^gn-check: val.csv: subject c: T2_image: leak-image: m.nii: the same image as Channel_0 of subject a in train.csv, i.nii$" err'
t 'a second row of a subject is a note' '
    make i.nii / k.nii seed=5; printf "SubjectID,Channel_0\na,i.nii\na,k.nii\n" >data.csv
    gn-check data.csv >got 2>err
    [ "$(cut -f 2 got | tr "\n" " ")" = "SubjectID a a_v1 " ]
    grep -q "subject a_v1: another row of subject a, in line 2 first" err'
t 'files that gn-load would not take without being told are a note' '
    make i.nii / k.nii seed=5 o=0,.0005,0; printf "SubjectID,Channel_0,Channel_1\na,i.nii,k.nii\n" >data.csv
    gn-check data.csv >got 2>err
    grep -q "^gn-check: note: subject a: Channel_1: k.nii: its corners lie up to 0.0005 mm from those of Channel_0: within" err
    fails 1 gn-load data.csv; gn-load --tolerance .001 data.csv >out'
t 'a study without fault is silent' '
    make i.nii; printf "SubjectID,Channel_0\na,i.nii\n" >data.csv
    gn-check data.csv >got 2>err; [ ! -s err ]; [ "$(wc -l <got)" = 2 ]'
t 'the report is written in spite of faults, and not when there is nothing to report on' '
    make i.nii fill=7; printf "SubjectID,Channel_0\na,i.nii\n" >data.csv
    s=0; gn-check -o r.tsv data.csv 2>err || s=$?; [ $s = 1 ]; [ "$(wc -l <r.tsv)" = 2 ]
    fails 1 gn-check -o r2.tsv gone.csv; [ ! -e r2.tsv ]
    printf "SubjectID,Channel_0\n" >data.csv; fails 1 gn-check -o r2.tsv data.csv; [ ! -e r2.tsv ]'
t 'tabs and quotes in a name do not break the lines' '
    make i.nii; printf "SubjectID,Channel_0\n\"a\tb\"\"c\",i.nii\n" >data.csv
    gn-check data.csv >got
    python3 -c "import csv; r = list(csv.reader(open(\"got\"), delimiter=\"\t\")); assert r[1][1] == \"a\tb\\\"c\" and len(r[1]) == 13, r"'
t 'wrong usage' '
    echo x >data.csv
    fails 2 gn-check; fails 2 gn-check --tolerance -1 data.csv; fails 2 gn-check --labels 1,x data.csv; fails 2 gn-check --keep-going data.csv'

# ---- --fix ----
cat >>"$base/prelude" <<'P'
voxels() { gn-load "$1" | image read - | sed -n 's/^data: //p'; } # voxels FILE
affine() { gn-load "$1" | image read - | sed -n 's/^affine: //p'; }
# fix WANT [TABLE...]: repairs go to fixed/, the column repair holds these words; the originals keep their bytes; what is left has no
# fault, wherever one stands; and the repairs are the same for any number of threads
fix() {
    want=$1
    shift
    [ $# != 0 ] || set -- data.csv
    find . -type f ! -name '*.md5' ! -name err | sort | xargs md5sum >before.md5
    gn-check -j 1 --fix fixed "$@" >report.tsv 2>err || true
    gn-check -j 4 --fix again "$@" >report4 2>err4 || true
    diff -r fixed again >&2
    sed 's/again/fixed/' err4 | diff err - >&2
    md5sum --quiet -c before.md5 >&2
    words=$(tail -n +2 report.tsv | cut -f 14 | tr "\n" " ")
    [ "$words" = "$want " ] || { echo "repair: $words, expected: $want"; cat report.tsv err; return 1; } >&2
    for table; do
        [ "$(wc -l <"fixed/$table")" = 1 ] && continue
        (cd / && gn-check "$OLDPWD/fixed/$table" && gn-load "$OLDPWD/fixed/$table") >/dev/null
    done
}
P
t '--fix of a whole study lists it, with paths that hold from there, and says nothing' '
    mkdir d; make d/i.nii / l.nii fill=blob
    printf "SubjectID,Channel_0,Label,Site\n1,d/i.nii,$PWD/l.nii,x\n" >data.csv
    gn-check --fix fixed data.csv >got 2>err; [ ! -s err ]
    printf "SubjectID,Channel_0,Label,Site\n1,../d/i.nii,$PWD/l.nii,x\n" | diff - fixed/data.csv >&2
    [ ! -e fixed/labels ]
    fix ""'
t '--fix places a label that lies less than half a voxel off' '
    make i.nii s=1,1,2 / l.nii fill=blob s=1,1,2 o=.3,-.2,.1; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "mended"
    [ "$(cat fixed/data.csv)" = "SubjectID,Channel_0,Label
1,../i.nii,labels/1_Label.nii" ]
    [ "$(affine fixed/labels/1_Label.nii)" = "1 0 0 0 0 1 0 0 0 0 2 0" ]
    [ "$(voxels fixed/labels/1_Label.nii)" = "$(voxels l.nii)" ]
    grep -q "note: subject 1: Label: placed like Channel_0: they lay less than half a voxel apart" err
    grep -q "1 of 1 subjects have faults: affine 1; 1 mended, 0 left out" err'
t '--fix also places what is within the tolerance but too far for gn-load' '
    make i.nii / l.nii fill=blob o=.0005,0,0; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fails 1 gn-load data.csv
    fix "mended"'
t '--fix resamples a label of another grid, nearest' '
    make i.nii size=4,4,2 o=-.5,-.5,0 / l.nii size=2,2,2 s=2,2,1 o=0,0,0 fill=0 set=0:1,3:2,6:5 type=B
    printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "mended"
    [ "$(voxels fixed/labels/1_Label.nii)" = "1 1 0 0 1 1 0 0 0 0 2 2 0 0 2 2 0 0 0 0 0 0 0 0 5 5 0 0 5 5 0 0" ]
    [ "$(affine fixed/labels/1_Label.nii)" = "$(affine i.nii)" ]
    grep -q "Label: resampled to the grid of Channel_0: nearest neighbour$" err'
t '--fix of a flipped label moves its voxels, not its meaning' '
    make i.nii / l.nii fill=blob mirror=1 m=-1,0,0,5,0,1,0,0,0,0,1,0 / want.nii fill=blob
    printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "mended"
    [ "$(voxels fixed/labels/1_Label.nii)" = "$(voxels want.nii)" ]'
t '--fix moves the voxels of a label that lies a voxel off, and does not just say so' '
    make i.nii size=4,2,2 / l.nii size=4,2,2 o=1,0,0 fill=0 set=0:1,7:2,10:3 type=B; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "mended"
    [ "$(voxels fixed/labels/1_Label.nii)" = "0 1 0 0 0 0 0 0 0 0 0 3 0 0 0 0" ]
    grep -q "no voxel is left of label 2$" err'
t '--fix says which label has no voxel left' '
    make i.nii size=3,3,2 s=2,2,2 / l.nii size=6,6,4 fill=0 set=0:1,2:1,7:4 type=B; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "mended"
    grep -q "nearest neighbour; no voxel is left of label 4$" err'
t '--fix gives up on a label that lies elsewhere' '
    make i.nii / l.nii fill=blob o=500,0,0; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    fix "dropped"
    grep -q "subject 1: Label: cannot be mended: nothing of it lies in the image" err
    [ "$(cat fixed/data.csv)" = "SubjectID,Channel_0,Label" ]; [ ! -e fixed/labels/1_Label.nii ]'
t '--fix gives a picture label the place of its image' '
    image l.png size=6,5 fill=1; make i.nii size=6,5,1 o=3,4,5; printf "SubjectID,Channel_0,Label\n1,i.nii,l.png\n" >data.csv
    fix "mended"
    [ "$(affine fixed/labels/1_Label.nii.gz)" = "1 0 0 3 0 1 0 4 0 0 1 5" ]'
t '--fix rounds what is nearly whole, to the smallest type, and nothing else' '
    make i.nii / l.nii fill=blob type=f set=3:.9992,4:299.9995 / k.nii seed=5 / m.nii fill=blob type=f set=3:.99
    printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n2,k.nii,m.nii\n" >data.csv
    fix "mended dropped"
    gn-info fixed/labels/1_Label.nii | grep -q uint16
    [ "$(voxels fixed/labels/1_Label.nii | cut -d " " -f 1-6)" = "0 0 0 1 300 0" ]
    grep -q "subject 1: Label: rounded to whole numbers: up to 0.0008" err
    grep -q "subject 2: left out: not-integer" err'
t '--fix mends several things of one label, and masks too' '
    make i.nii / l.nii fill=blob type=f set=3:.9992 size=6,5,3 / m.nii fill=blob o=.2,0,0
    printf "SubjectID,Channel_0,Label,Mask\n1,i.nii,l.nii,m.nii\n" >data.csv
    fix "mended"
    [ "$(tail -n 1 fixed/data.csv)" = "1,../i.nii,labels/1_Label.nii,labels/1_Mask.nii" ]'
t '--fix leaves out what no repair answers' '
    make i.nii / l.nii fill=blob / n.nii type=f set=3:nan / c.nii fill=3 / k.nii seed=5 / e.nii fill=0 / v.nii seed=6 volumes=2 / w.nii seed=7
    cat >data.csv <<C
SubjectID,Channel_0,Label
ok,i.nii,l.nii
nan,n.nii,l.nii
constant,c.nii,l.nii
empty,k.nii,e.nii
gone,gone.nii,l.nii
cell,w.nii,
twice,i.nii,l.nii
volumes,v.nii,l.nii
C
    fix " dropped dropped dropped dropped dropped dropped dropped"
    [ "$(cut -d, -f1 fixed/data.csv | tr "\n" " ")" = "SubjectID ok " ]'
t '--fix of a split takes what leaks out of the later side' '
    make i.nii / k.nii seed=5 / l.nii fill=blob; cp i.nii j.nii
    printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >train.csv
    printf "SubjectID,Channel_0,Label\n1,k.nii,l.nii\n2,j.nii,l.nii\n3,k.nii,l.nii\n" >val.csv
    fix " dropped dropped dropped" train.csv val.csv
    [ "$(wc -l <fixed/train.csv)" = 2 ]'
t 'samples of one subject have files of their own' '
    make i.nii / k.nii seed=5 / l.nii fill=blob o=.1,0,0; printf "SubjectID,Channel_0,Label\na/b,i.nii,l.nii\na/b,k.nii,l.nii\n" >data.csv
    fix "mended mended"
    [ "$(ls fixed/labels | tr "\n" " ")" = "a%2Fb_Label.nii a%2Fb_v1_Label.nii " ]'
t '--fix takes a folder of its own again, and no other' '
    make i.nii / l.nii fill=blob o=.1,0,0; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    mkdir new other; echo precious >other/data.csv
    gn-check --fix new data.csv >out 2>err || true; [ -e new/data.csv ]
    gn-check --fix new data.csv >out 2>err || true; [ "$(tail -n 1 new/data.csv)" = "1,../i.nii,labels/1_Label.nii" ]
    fails 1 gn-check --fix other data.csv; grep -q "other: is not empty and was not made by gn-check" err
    [ "$(cat other/data.csv)" = precious ]
    fails 1 gn-check --fix data.csv data.csv'
t '--fix never writes where originals lie' '
    make i.nii / l.nii fill=blob o=.1,0,0; printf "SubjectID,Channel_0,Label\n1,i.nii,l.nii\n" >data.csv
    gn-check --fix fixed data.csv >out 2>err || true
    fails 1 gn-check --fix fixed fixed/data.csv; grep -q "fixed: holds the table fixed/data.csv" err
    cp fixed/data.csv fixed/other.csv; cp fixed/other.csv o.csv
    sed "s#\.\./##; s#labels#fixed/labels#" o.csv >data.csv
    fails 1 gn-check --fix fixed data.csv; grep -q "fixed: holds Label of subject 1" err
    fails 1 gn-check --fix . data.csv'
t '--fix of two tables of one name is refused' '
    mkdir a b; make a/i.nii / b/i.nii seed=5; printf "SubjectID,Channel_0\n1,i.nii\n" >a/d.csv; sed s/^1/2/ a/d.csv >b/d.csv
    fails 2 gn-check --fix fixed a/d.csv b/d.csv; [ ! -e fixed ]'
t 'a full disk is a failure' '
    [ -e /dev/full ] || exit 0
    make i.nii; printf "SubjectID,Channel_0\na,i.nii\n" >data.csv
    fails 1 gn-check -o /dev/full data.csv'
