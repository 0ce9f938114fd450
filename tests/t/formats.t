# The readers on a zoo of real and damaged files, judged by what nibabel, tifffile, Pillow and SimpleITK
# say of them (tests/gen/formats.py).
. "$GN_TESTS/lib.sh"
GN_DATA=${GN_DATA:-$GN_TOP/../shared/data}
export GN_DATA
if [ -f "$GN_DATA/formats/expected.tsv" ]; then
    for folder in nifti analyze mgh mha nrrd png jpeg tiff; do
        t "$folder: shape, type, voxels and place are those that other readers find" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_DATA/formats\" $folder"
    done
    t 'dicom: voxels, type and place are those that pydicom and SimpleITK find, or it is not supported by name' '
python3 "$GN_TESTS/gen/formats.py" "$GN_DATA/formats" dicom'
    if [ -f "$B/lib/gn/dicom.so" ]; then
        series='
cp -r "$GN_DATA/formats/dicom/series_mr17" s
chmod -R u+w s
gn-load s >want.gnt
'
        t 'dicom: cut or changed anywhere, a clear line or an image, soon and in little memory' '
python3 "$GN_TESTS/gen/formats.py" "$GN_DATA/formats" damage/dicom'
        t 'dicom: the names of the slices of a series do not matter, nor do other files' "$series"'
mkdir r
k=90
for f in s/*; do
    cp "$f" r/$k
    k=$((k - 1))
done
echo notes >r/README
gn-load r >got.gnt
gn-diff want.gnt got.gnt'
        t 'dicom: a series with a slice missing, or twice, or cut, is refused' "$series"'
mv s/IMG0005.dcm .
fails 1 gn-load s
grep -q "IMG0004.dcm and .*IMG0006.dcm lie 4 mm apart, most slices 2 mm" err
cp s/IMG0006.dcm s/again
fails 1 gn-load s
grep -q "two slices at one place" err
rm s/again
head -c 9000 IMG0005.dcm >s/IMG0005.dcm
fails 1 gn-load s
grep -q "IMG0005.dcm: .*truncated" err'
        t 'dicom: a folder of two series is refused with a list of them' "$series"'
cp "$GN_DATA/formats/dicom/MR_small.dcm" s
fails 1 gn-load s
grep -q "holds 2 series" err
grep -q "17 files" err
grep -q " 1 files" err'
        t 'dicom: a folder as a channel of a table' "$series"'
printf "SubjectID,Channel_0,Label\na,s,s\n" >t.csv
gn-load t.csv | gn-info >info
grep -q "shape: 1 17 128 88" info
grep -q "role: label" info'
    else
        skip 'DICOM' 'the plug-in is not built (g++ libdcmtk-dev libopenjp2-7-dev)'
    fi
    t 'wsi: refused in one line, or right' '
python3 "$GN_TESTS/gen/formats.py" "$GN_DATA/formats" wsi'
    for folder in nifti png jpeg tiff wsi; do
        t "corrupt/$folder: a clear line or the right picture, soon and in little memory" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_DATA/formats\" corrupt/$folder"
    done
else
    skip 'the zoo of image files' "no $GN_DATA/formats"
fi

# DICOM of every kind, whether or not there is a zoo
if [ -f "$B/lib/gn/dicom.so" ]; then
    t 'dicom: every syntax, depth, colour, kind of frames and series is what pydicom, SimpleITK and DCMTK make of it, or refused by name' '
python3 "$GN_TESTS/gen/dicom.py" judge "$GN_TESTS/data/dicom"'
    t 'dicom: one file of each coding, cut or changed anywhere: a clear line or an image, soon and in little memory' '
mkdir -p d/dicom
for f in rle_u12f jls_rgb j2k_u12 j2k_rgbf jpeg_baseline_rgb jpeg_12_u12f jpeg_sv1_u16 palette_16 ybr_422 enhanced_slopes bits_frames deflated_uint8 high_bit; do
    cp "$GN_TESTS/data/dicom/$f.dcm" d/dicom
done
python3 "$GN_TESTS/gen/formats.py" d damage/dicom'
    one='
cp -r "$GN_TESTS/data/dicom/oblique" s
chmod -R u+w s
gn-load s >want.gnt
'
    t 'dicom: nested folders, hidden and other files, a DICOMDIR and objects without pixels beside a series do not matter' "$one"'
mkdir -p r/a/b r/c
mv s/0.dcm r/a/b/x
mv s/1.dcm r/c/x
cp s/2.dcm s/3.dcm r
echo notes >r/a/notes.txt
head -c 3000 /dev/zero >r/zeros
cp s/2.dcm r/.hidden.dcm
python3 - <<P
d = open("r/2.dcm", "rb").read()
at = d.index(b"\xe0\x7f\x10\0OW")
open("r/a/report", "wb").write(d[:at]) # all but the pixels
uid = lambda e, t: b"\2\0" + bytes([e, 0]) + b"UI" + bytes([len(t), 0]) + t
open("r/DICOMDIR", "wb").write(bytes(128) + b"DICM" + uid(2, b"1.2.840.10008.1.3.10") + uid(16, b"1.2.840.10008.1.2.1\0"))
P
gn-load r >got.gnt
gn-diff want.gnt got.gnt
fails 1 gn-load r/DICOMDIR
grep -q "holds no pixels" err
fails 1 gn-load r/a/report
grep -q "holds no pixels" err
rm r/2.dcm r/3.dcm r/a/b/x r/c/x
fails 1 gn-load r
grep -q "r: .*no file of the folder holds an image" err'
    t 'dicom: a file called .dcm that is none, empty or cut, is no slice that may be missing' "$one"'
for n in 0 100; do
    head -c $n s/3.dcm >s/4.dcm
    fails 1 gn-load s
    grep -q "s/4.dcm: not a DICOM file, or a damaged one" err
done'
    t 'dicom: one of several series is chosen by its UID, on the command line, in a table, and by other tools' "$one"'
cp -r "$GN_TESTS/data/dicom/tilt" s/tilt
gn-load "$GN_TESTS/data/dicom/tilt" >tilt.gnt
fails 1 gn-load s
grep -q "holds 2 series.* FOLDER#UID.*1.2.3.4 .tilt. 4 files; 1.2.3.7 .oblique. 4 files" err
gn-load "s#1.2.3.7" >got.gnt
gn-diff want.gnt got.gnt
gn-load "s#1.2.3.4" >got.gnt
gn-diff tilt.gnt got.gnt
printf "SubjectID,Channel_0\na,s#1.2.3.7\nb,s#1.2.3.4\n" >t.csv
gn-load t.csv | gn-info >/dev/null
(mkdir u && cd u && gn-load ../t.csv >/dev/null)
gn-check t.csv >/dev/null
[ "$(gn-info "s#1.2.3.4" | grep -c "shape: 1 4 5 6")" = 1 ]
fails 1 gn-load "s#1.2.3.5"
grep -q "holds no series 1.2.3.5 but 1.2.3.4" err
fails 1 gn-load "none#1.2.3.5"
grep -q "no such file" err'
    t 'dicom: pixels that cannot be read spoil their own series only' "$one"'
cp "$GN_TESTS/data/dicom/mpeg.dcm" s
fails 1 gn-load s
grep -q "holds 2 series" err
gn-load "s#1.2.3.7" >got.gnt
gn-diff want.gnt got.gnt
fails 1 gn-load "s#1.2.3"
grep -q "mpeg.dcm: DICOM transfer syntax" err'
    t 'dicom: slices of unequal size, type, orientation or distance, missing or twice, are refused by the names of two' "$one"'
odd() { # odd TEXT: s/odd with the others
    fails 1 gn-load s
    grep -q "$1" err
    rm s/odd
}
alter() { # alter FROM TO: in a copy of slice 2
    python3 - "$@" <<P
import sys
d = open("s/2.dcm", "rb").read()
f, t = (a.encode() for a in sys.argv[1:])
assert d.count(f) == 1
open("s/odd", "wb").write(d.replace(f, t))
P
    rm s/2.dcm
}
cp s/2.dcm keep
cp s/2.dcm s/odd
odd "two slices at one place"
alter "0.75" "0.76"
odd "slices of two sizes or types"
cp keep s/2.dcm
alter "0.6\\0.0\\-0.8" "0.8\\0.0\\-0.6"
odd "slices of two orientations"
mv keep s/2.dcm
rm s/0.dcm
fails 1 gn-load s
grep -q "lie 6 mm apart, most slices 3 mm" err'
    t 'dicom: what asks for depth, time or memory gets one line' '
python3 - <<P
import struct, zlib
def uid(e, t):
    t += bytes(len(t) % 2)
    return b"\2\0" + bytes([e, 0]) + b"UI" + bytes([len(t), 0]) + t
head = lambda syntax: bytes(128) + b"DICM" + uid(16, syntax)
short = lambda g, e, v: struct.pack("<HH2sHH", g, e, b"US", 2, v)
image = b"".join(short(0x28, e, v) for e, v in ((2, 1), (0x10, 64), (0x11, 64), (0x100, 16), (0x101, 12), (0x102, 11), (0x103, 0)))
pixels = struct.pack("<HH2sHI", 0x7fe0, 0x10, b"OW", 0, 8192) + bytes(8192)
deep = b""
for i in range(20000): # sequences of a length, whose type the dictionary knows
    deep = struct.pack("<HHI", 0x8, 0x1140, len(deep) + 8) + struct.pack("<HHI", 0xfffe, 0xe000, len(deep)) + deep
open("deep", "wb").write(head(b"1.2.840.10008.1.2") + deep)
open("open", "wb").write(head(b"1.2.840.10008.1.2.1") + (struct.pack("<HH2sHI", 0x8, 0x1140, b"SQ", 0, 0xffffffff) +
                         struct.pack("<HHI", 0xfffe, 0xe000, 0xffffffff)) * 20000)
bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
data = image + struct.pack("<HH2sHI", 0x7fe0, 0x10, b"OW", 0, 1 << 30)
open("bomb", "wb").write(head(b"1.2.840.10008.1.2.1.99") + bomb.compress(data) + b"".join(bomb.compress(bytes(1 << 24)) for _ in range(64)) + bomb.flush())
claim = b"".join(short(0x28, e, v) for e, v in ((2, 1), (0x10, 65535), (0x11, 65535), (0x100, 16), (0x101, 16), (0x102, 15), (0x103, 0)))
mono = struct.pack("<HH2sH", 0x28, 4, b"CS", 12) + b"MONOCHROME2 "
fragments = struct.pack("<HH2sHI", 0x7fe0, 0x10, b"OB", 0, 0xffffffff) + b"\xfe\xff\0\xe0\0\0\0\0" + b"\xfe\xff\0\xe0\4\0\0\0abcd" + b"\xfe\xff\xdd\xe0\0\0\0\0"
for name, syntax in ("rle", b"1.2.840.10008.1.2.5"), ("jls", b"1.2.840.10008.1.2.4.80"), ("jpeg", b"1.2.840.10008.1.2.4.70"), ("j2k", b"1.2.840.10008.1.2.4.90"):
    open(name, "wb").write(head(syntax) + claim + mono + fragments)
open("slow", "wb").write(head(b"1.2.840.10008.1.2.1") + b"".join(struct.pack("<HH2sH", 0x6009 - i // 0x8000 * 2, 0x8fff - i % 0x8000, b"LO", 0) for i in range(150000)) + pixels)
P
for f in deep open bomb rle jls jpeg j2k slow; do
    fails 1 gn-load --memory 16G $f
    grep -q "gn-load: $f: " err
done
for f in deep open; do
    fails 1 gn-load $f
    grep -q "more than 32 sequences inside each other" err
done'
    if [ -z "$GN_SANITIZE" ]; then
        t 'dicom: a decoder that crashes, hangs, eats memory or says nonsense is one line' '
cat >evil.c <<P
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int opj_decode(void *c, void *s, void *i);
int opj_decode(void *c, void *s, void *i)
{
    const char *how = getenv("EVIL");
    (void)c; (void)s; (void)i;
    if (!strcmp(how, "crash")) *(volatile int *)0 = 1;
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "exit")) exit(0);
    if (!strcmp(how, "hang")) for (;;) { __asm__ volatile (""); }
    if (!strcmp(how, "talk")) { ssize_t n = write(2, "hello\n", 6); n += write(3, "nonsense that is no message at all", 32); (void)n; _exit(0); }
    for (;;) { char *p = malloc(1 << 20); if (!p) abort(); memset(p, 1, 1 << 20); }
}
P
${CC:-cc} -shared -fPIC -o evil.so evil.c
f="$GN_TESTS/data/dicom/j2k_u12.dcm"
evil() { # evil HOW TEXT
    fails 1 env LD_PRELOAD="$PWD/evil.so" EVIL=$1 gn-load "$f"
    grep -q "j2k_u12.dcm: damaged or unsupported DICOM: $2" err
}
evil crash "its decoder ended with signal 11"
evil abort "its decoder ended with signal 6"
evil exit "its decoder ended early"
evil talk "its decoder ended early"
evil hang "it takes too long to decode"
evil eat "its decoder ended with signal 6"
mkdir s
cp "$f" s/one
fails 1 env LD_PRELOAD="$PWD/evil.so" EVIL=crash gn-load s
grep -q "gn-load: s: s/one: damaged or unsupported DICOM: its decoder ended with signal 11" err'
    fi
else
    skip 'DICOM of every kind' 'the plug-in is not built (g++ libdcmtk-dev libopenjp2-7-dev)'
fi

for folder in mha nrrd mgh analyze; do
    t "$folder: what SimpleITK and nibabel wrote, in each type, layout and byte order, is read as they read it" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_TESTS/data/formats\" $folder"
    t "$folder: cut or changed anywhere, a clear line or an image, soon and in little memory" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_TESTS/data/formats\" damage/$folder"
done

# every type; flat, with channels, with frames; each on an oblique grid
save_all='
for f in uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64 flat channels frames; do
    gn-load "$GN_TESTS/data/formats/mha/$f.mha" >in.gnt
    for e in nii.gz mha nrrd; do
        rm -f d/data.csv d/.data.csv.*
        gn-save -o d --ext $e <in.gnt
    done
'
t 'an image of each type and shape written as NIfTI, MetaImage and NRRD comes back the same' "$save_all"'
    gn-load d/$f/*.mha >mha.gnt
    gn-load d/$f/*.nrrd >nrrd.gnt
    gn-load d/$f/*.nii.gz >nii.gnt
    gn-diff in.gnt mha.gnt
    gn-diff in.gnt nrrd.gnt
    gn-diff in.gnt nii.gnt
done'
judge=${GN_JUDGE:-$GN_TOP/.venv/bin/python}
if "$judge" -c 'import SimpleITK, nibabel' 2>/dev/null; then
    t 'SimpleITK finds in MetaImage and NRRD what nibabel finds in the NIfTI of the same image' "$save_all
done
'$judge' \"\$GN_TESTS/gen/formats_written.py\" d"
else
    skip 'SimpleITK and nibabel as judges of what gn-save writes' 'make golden installs them; or GN_JUDGE=PYTHON'
fi

t 'a MetaImage, NRRD or MGH that cannot hold what it claims is refused' '
printf "NDims = 3\nDimSize = 30000 30000 300\nElementType = MET_DOUBLE\nCompressedData = True\nElementDataFile = LOCAL\nxxxx" >a.mha
printf "NRRD0004\ntype: double\ndimension: 3\nsizes: 30000 30000 300\nencoding: text\n\n1 2 3" >a.nrrd
printf "\0\0\0\1\0\0\177\0\0\0\177\0\0\0\177\0\0\0\0\1\0\0\0\3" >a.mgh
head -c 400 /dev/zero >>a.mgh
printf "NRRD0004\ntype: uchar\ndimension: 1\nsizes: 5\nencoding: raw\ndata file: a%%d.raw 1 99999999 1\n" >a.nhdr
for f in a.mha a.nrrd a.mgh a.nhdr; do
    fails 1 gn-load --memory 64M $f
done'

t 'a PNG, TIFF or JPEG that cannot hold what it claims is refused' '
python3 - <<P
import struct, zlib
chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
open("a.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)) +
                          chunk(b"IDAT", zlib.compress(b"x")) + chunk(b"IEND", b""))
tags = [(256, 30000), (257, 30000), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1), (278, 30000), (279, 8)]
ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4 if t in (256, 257, 273, 278, 279) else 3, 1, v) for t, v in tags)
open("a.tif", "wb").write(b"II*\0" + struct.pack("<I", 16) + zlib.compress(b"")[:8].ljust(8) + ifd + bytes(4))
P
fails 1 gn-load a.png
fails 1 gn-load a.tif
grep -q "more than a file of" err'

t 'the pages of a TIFF: equal ones are slices, marked thumbnails and masks are left out, any other is an error' '
cat >pages.py <<P
# pages.py FILE WxH:BITS[:SUBTYPE]...: a TIFF of grey pages, page k filled with k
import struct, sys
out, last = bytearray(b"II*\0\0\0\0\0"), 4
for k, page in enumerate(sys.argv[2:]):
    size, bits, *subtype = page.split(":")
    w, h = map(int, size.split("x"))
    data = (k + 1).to_bytes(int(bits) // 8, "little") * (w * h)
    at = len(out)
    out += data + bytes(-len(data) % 4)
    tags = [(254, int(subtype[0]) if subtype else 0), (256, w), (257, h), (258, int(bits)), (259, 1), (262, 1),
            (273, at), (277, 1), (278, h), (279, len(data))]
    out[last:last + 4] = struct.pack("<I", len(out))
    out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
    last = len(out)
    out += bytes(4)
open(sys.argv[1], "wb").write(out)
P
holds() { # holds SHAPE PAGE...
    want=$1; shift
    python3 pages.py a.tif "$@"
    [ "$(gn-load a.tif | gn-info --header shape)" = "$want" ]
}
odd() { # odd TEXT PAGE...
    text=$1; shift
    python3 pages.py a.tif "$@"
    fails 1 gn-load a.tif
    grep -q "a.tif: $text: pages of one size and type make an image$" err
    fails 1 gn-info a.tif # of the headers alone
}
holds "1 3 2 3" 3x2:8 3x2:8 3x2:8
holds "1 2 2 3" 3x2:8 1x1:8:1 3x2:8 3x2:8:4
holds "1 2 2 3" 1x1:8:1 3x2:16 2x1:16:1 3x2:16
[ "$(gn-load a.tif | gn-info --stats | sed -n 2p | cut -f 8,9)" = "2	4" ]
holds "1 1 1 1" 1x1:8:1 2x2:8:1
odd "page 2 is 3 x 2 pixels, 1 channel of uint16, page 1 3 x 2, 1 of uint8" 3x2:8 3x2:16 3x2:8
odd "page 2 is 3 x 2 pixels, 1 channel of uint8, page 1 1 x 1, 1 of uint8" 1x1:8 3x2:8 3x2:8 3x2:8
odd "page 4 is 2 x 2 pixels, 1 channel of uint8, page 2 3 x 2, 1 of uint8" 1x1:8:1 3x2:8 3x2:8 2x2:8
python3 pages.py a.tif 3x2:8 3x2:24
fails 1 gn-load a.tif
grep -q "page 2: samples of 24 bits are not supported" err'
