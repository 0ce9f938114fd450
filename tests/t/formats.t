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
