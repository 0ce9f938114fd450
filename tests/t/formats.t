# The readers on a zoo of real and damaged files, judged by what nibabel, tifffile and Pillow say of them (tests/gen/formats.py).
. "$GN_TESTS/lib.sh"
GN_DATA=${GN_DATA:-$GN_TOP/../shared/data}
export GN_DATA
if [ -f "$GN_DATA/formats/expected.tsv" ]; then
    for folder in nifti png jpeg tiff; do
        t "$folder: shape, type, voxels and place are those that other readers find" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_DATA/formats\" $folder"
    done
    for folder in analyze mgh dicom wsi; do
        t "$folder: refused in one line, or right" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_DATA/formats\" $folder"
    done
    for folder in nifti png jpeg tiff wsi; do
        t "corrupt/$folder: a clear line or the right picture, soon and in little memory" "
python3 \"\$GN_TESTS/gen/formats.py\" \"\$GN_DATA/formats\" corrupt/$folder"
    done
else
    skip 'the zoo of image files' "no $GN_DATA/formats"
fi

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
