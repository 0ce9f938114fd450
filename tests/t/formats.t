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
