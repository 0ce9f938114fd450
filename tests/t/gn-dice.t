# gn-dice: the table of scores, who is compared with whom, and what is refused.
. "$GN_TESTS/lib.sh"
# nii FILE x,y,z SPACING VALUES: a NIfTI label map of float32 or, if all are small whole numbers, uint8.
cat >"$PWD/nii.py" <<'P'
import struct, sys
path, size, spacing, values = sys.argv[1], [int(v) for v in sys.argv[2].split(",")], float(sys.argv[3]), sys.argv[4:]
values = [float(v) for v in (values if len(values) > 1 else values[0])]
origin = 0.0
if "@" in path:
    path, o = path.split("@")
    origin = float(o)
whole = all(v == int(v) for v in values)
n = size[0] * size[1] * size[2]
values += [0] * (n - len(values))
h = struct.pack("<i35xb", 348, 0) + struct.pack("<8h", 3, *size, 1, 1, 1, 1) + bytes(14)
h += struct.pack("<hhh", 2 if whole else 16, 8 if whole else 32, 0)
h += struct.pack("<8f", 1, spacing, spacing, spacing, 1, 1, 1, 1) + struct.pack("<fff", 352, 1, 0)
h = h.ljust(252, b"\0") + struct.pack("<hh", 0, 1) + bytes(24)
h += struct.pack("<12f", spacing, 0, 0, origin, 0, spacing, 0, 0, 0, 0, spacing, 0)
h = h.ljust(344, b"\0") + b"n+1\0" + bytes(4)
data = bytes(int(v) for v in values) if whole else struct.pack("<%df" % n, *values)
open(path, "wb").write(h + data)
P
cat >>"$base/prelude" <<P
nii() { python3 "$PWD/nii.py" "\$@"; }
P
cat >>"$base/prelude" <<'P'
# cell FILE SUBJECT LABEL COLUMN: one cell of the table
cell() { awk -F '\t' -v s="$2" -v l="$3" -v c="$4" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } $1 == s && $2 == l { print $k; n++ } END { exit n != 1 }' "$1"; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'" >&2; return 1; }; }
# Two subjects: a perfect but for one voxel, b without label 2 anywhere.
study() {
    mkdir -p truth pred
    nii truth/a.nii 4,2,1 2 11220000; nii truth/b.nii 4,2,1 2 11110000
    nii pred/a.nii 4,2,1 2 11210000; nii pred/b.nii 4,2,1 2 11000000
    printf 'SubjectID,Channel_0,Label\na,x,truth/a.nii\nb,x,truth/b.nii\n' >test.csv
    printf 'SubjectID,Prediction\nb,b.nii\na,a.nii\n' >pred/predictions.csv
}
P

t 'two tables are joined on the subject, in the order of the truth' '
study
gn-dice pred/predictions.csv test.csv >s
is "$(cut -f 1,2,3 s | head -5 | tr "\t\n" ",;")" "SubjectID,Label,status;a,1,ok;a,2,ok;b,1,ok;b,2,both-empty;"
is "$(cell s a 1 dice)" 0.8; is "$(cell s a 2 dice)" 0.666666667; is "$(cell s b 1 dice)" 0.666666667
is "$(cell s a 1 tp),$(cell s a 1 fp),$(cell s a 1 fn),$(cell s a 1 tn)" 2,1,0,5
is "$(cell s b 1 sensitivity),$(cell s b 1 specificity),$(cell s b 1 precision),$(cell s b 1 jaccard)" 0.5,1,1,0.5
is "$(cell s b 1 volume_ref_mm3),$(cell s b 1 volume_pred_mm3)" 32,16'
t 'mean, sd and n leave both-empty rows out; all is the mean over labels, then subjects' '
study
gn-dice pred/predictions.csv test.csv >s
is "$(cell s mean 1 dice)" 0.733333333; is "$(cell s n 1 dice)" 2; is "$(cell s sd 1 dice)" 0.0942809042
is "$(cell s mean 2 dice)" 0.666666667; is "$(cell s n 2 dice)" 1; is "$(cell s sd 2 dice)" ""
is "$(cell s n 2 status)" "1 both-empty"
is "$(cell s mean all dice)" 0.7; is "$(cell s n all dice)" 2'
t 'labels and regions are scored as listed' '
study
gn-dice --labels "2,1||2,7" pred/predictions.csv test.csv >s
is "$(cut -f 2 s | sed -n 2,4p | tr "\n" " ")" "2 1||2 7 "
is "$(cell s a "1||2" dice)" 1; is "$(cell s a 7 status)" both-empty; is "$(cell s mean 7 dice)" ""'
t 'folders, with or without an index, give the same table' '
study
gn-dice pred/predictions.csv test.csv >s
gn-dice pred truth >s2; same s s2
rm pred/predictions.csv
gn-dice pred truth >s3; same s s3
mkdir -p o/a o/b; mv pred/a.nii o/a/a_seg.nii; mv pred/b.nii o/b/b_seg.nii; cp o/a/a_seg.nii o/b/other.nii
mv truth/a.nii truth/a_label.nii
gn-dice o truth >s4; same s s4'
t 'two images are one subject, called after the first' '
study
gn-dice pred/a.nii truth/b.nii >s
is "$(cell s a 1 tp)" 3
mv pred/a.nii p.nii; gn-dice p.nii truth/b.nii >s; is "$(cell s p 1 tp)" 3'
t 'distances are in mm, from voxel centre to voxel centre' '
nii r.nii 9,1,1 0.5 110000000; nii p.nii 9,1,1 0.5 100000020
gn-dice --distances p.nii r.nii >s
is "$(cell s p 1 hd100)" 0.5; is "$(cell s p 1 assd)" 0.166666667; is "$(cell s p 1 nsd)" 1
gn-dice --distances --tolerance 0.4 p.nii r.nii >s; is "$(cell s p 1 nsd)" 0.75
is "$(cell s p 2 status),$(cell s p 2 hd95),$(cell s p 2 assd),$(cell s p 2 nsd)" ref-empty,4,4,0
is "$(cell s p 2 sensitivity),$(cell s p 2 precision)" ",0"'
t 'both-empty rows have no distances' '
study
gn-dice --distances pred test.csv >s
is "$(cell s b 2 dice),$(cell s b 2 hd95)" "1,"; is "$(cell s n 2 hd95)" 1'
t 'without --distances there are no columns of them' 'study; gn-dice pred truth | head -1 | { ! grep -q hd95; }'
t 'a subject without prediction is a row and exit 1, the table is written' '
study
printf "SubjectID,Prediction\nb,b.nii\n" >pred/predictions.csv
fails 1 gn-dice -o s pred test.csv
grep -q "subject a: no prediction" err
is "$(cell s a "" status)" missing; is "$(cell s mean 1 dice)" 0.666666667; is "$(cell s n 1 status)" "1 missing"'
t 'an empty cell is no prediction' '
study
printf "SubjectID,Prediction\na,\nb,b.nii\n" >pred/predictions.csv
fails 1 gn-dice -o s pred test.csv; is "$(cell s a "" status)" missing'
t 'a prediction without truth is refused, and left out with --keep-going' '
study
printf "SubjectID,Label\nb,truth/b.nii\n" >test.csv
fails 1 gn-dice -o s pred/predictions.csv test.csv
grep -q "subject a: pred/a.nii: a prediction without truth" err; [ ! -e s ]
fails 1 gn-dice --keep-going -o s pred/predictions.csv test.csv; is "$(cell s mean all dice)" 0.666666667'
t 'another size or place is refused by subject, all of them at once' '
study
nii pred/a.nii 4,1,2 2 1; nii pred/b.nii@0.01 4,2,1 2 1
if gn-dice -o s pred truth 2>err; then exit 1; fi
grep -q "subject a: .*4x1x2 voxels" err; grep -q "subject b: .*lie apart" err; is "$(wc -l <err)" 2; [ ! -e s ]
if gn-dice --keep-going pred truth 2>err >s; then exit 1; fi
is "$(wc -l <err)" 2; is "$(cut -f 1,2 s | grep -c .)" 4'
t 'a rounding of the header is no other place' '
study; nii pred/b.nii@0.001 4,2,1 2 11; nii truth/b.nii 4,2,1 2 11; gn-dice pred truth >s; is "$(cell s b 1 dice)" 1'
t 'values that are no labels are refused with file and subject' '
study; nii pred/a.nii 4,2,1 2 0 0.5 1 1 1 1 1 1
fails 1 gn-dice pred truth; grep -q "subject a: pred/a.nii: 0.5 is no label" err'
t 'a missing, a damaged or an empty file is one line' '
study; rm pred/a.nii; fails 1 gn-dice pred/predictions.csv test.csv; grep -q "subject a: .*pred/a.nii" err
study; head -c 354 truth/a.nii >x; mv x truth/a.nii; fails 1 gn-dice pred/predictions.csv test.csv
study; : >truth/b.nii; fails 1 gn-dice pred/predictions.csv test.csv'
t 'wrong usage is exit 2' '
study
fails 2 gn-dice pred; fails 2 gn-dice pred truth test.csv; fails 2 gn-dice pred/a.nii test.csv; fails 2 gn-dice --labels 1,x pred truth
fails 2 gn-dice --tolerance -1 pred truth; fails 2 gn-dice --labels 1,1 pred truth'
t 'a table without the column it needs is refused' '
study; printf "SubjectID,Predicted\na,1\nb,0\n" >p.csv; fails 1 gn-dice p.csv test.csv; grep -q "p.csv:1: no column of predicted" err
printf "SubjectID,Channel_0\na,1\nb,0\n" >x.csv; fails 1 gn-dice pred x.csv; grep -q "x.csv:1: no column of labels" err'
t 'the columns Target and Label both name the truth' '
study; gn-dice pred test.csv >s
printf "SubjectID,Target\na,../truth/a.nii\nb,../truth/b.nii\n" >pred/t.csv; gn-dice pred pred/t.csv >s2; same s s2'
t 'a repeated subject of the truth is called as elsewhere' '
study; printf "SubjectID,Label\na,truth/a.nii\na,truth/b.nii\n" >test.csv
printf "SubjectID,Prediction\na,a.nii\na_v1,b.nii\n" >pred/predictions.csv
gn-dice pred test.csv >s; is "$(cell s a_v1 1 dice)" 0.666666667'
t 'the threads do not matter' '
study; gn-dice -j 1 --distances pred truth >s; gn-dice -j 3 --distances pred truth >s2; same s s2'

t 'a label that gn-load reads is scored: grey and opaque in four channels; a transparent one is not' '
    python3 - <<P
import struct, zlib
def png(name, alpha):
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    rows = b"".join(b"\0" + bytes([5, 5, 5, alpha] * 3) for r in range(2))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 6, 0, 0, 0)) +
                           chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
png("l.png", 255); png("m.png", 254)
P
    gn-dice l.png l.png | grep -q "5.ok.1.1"
    fails 1 gn-dice l.png m.png
    grep -q "m.png: a label of 4 channels that is not opaque" err'
t 'a row of the truth without a label is a row of status missing and exit 1' '
study
printf "SubjectID,Channel_0,Label\na,x,truth/a.nii\nb,x,truth/b.nii\nc,x,\n" >test.csv
fails 1 gn-dice -o s pred test.csv
grep -q "subject c: no label in test.csv" err
is "$(cell s c "" status)" missing; is "$(cell s n 1 status)" "1 missing"; is "$(cell s mean 1 dice)" 0.733333333
printf "SubjectID,Prediction\nb,b.nii\na,a.nii\nc,a.nii\n" >pred/predictions.csv
fails 1 gn-dice -o s2 pred test.csv
grep -q "subject c: pred/a.nii: a prediction without truth" err
printf "SubjectID,Label\na,\n" >none.csv
fails 1 gn-dice pred none.csv; grep -q "no subject has a label map" err'
