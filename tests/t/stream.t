# stream.t - the format as others see it: readers in Python and C, file(1), the manual page, cat.
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE

# A stream of two samples, an image and a label each, written in Python; the label counts 0, 0, 1, 0, 2, 2.
cat >"$base/make.py" <<'P'
import struct, sys, gnt
with open(sys.argv[1], 'wb') as f:
    for i in range(2):
        common = [('axes', 'c z y x'), ('sample', 's%d' % i), ('affine', '1 0 0 0 0 1 0 0 0 0 1 0'), ('acme.note', 'a\\b\nc')]
        gnt.emit(f, [('dtype', 'float32'), ('shape', '1 1 2 3'), ('role', 'image')] + common, struct.pack('<6f', *range(i, i + 6)))
        gnt.emit(f, [('dtype', 'uint8'), ('shape', '1 1 2 3'), ('role', 'label')] + common, bytes([0, 0, 1, 0, 2, 2]))
    gnt.end(f, 4)
P
export make="$base/make.py"

t 'the Python reader prints a line a record' '
    python3 "$make" x.gnt
    python3 "$GN_TOP/examples/gnt.py" x.gnt >out
    printf "%s\n" "1 float32 1x1x2x3 s0 image 0 5" "2 uint8 1x1x2x3 s0 label 0 2" "3 float32 1x1x2x3 s1 image 1 6" \
        "4 uint8 1x1x2x3 s1 label 0 2" | cmp - out
    python3 "$GN_TOP/examples/gnt.py" - <x.gnt | cmp - out'

t 'the Python reader refuses every cut and every flipped bit of a small stream' '
    python3 "$make" x.gnt
    python3 - <<P
import gnt, io
good = open("x.gnt", "rb").read()
def refused(b):
    try:
        for head, data in gnt.read(io.BytesIO(b)):
            gnt.array(head, data)
    except (gnt.Damaged, UnicodeDecodeError):
        return True
assert not refused(good)
assert all(refused(good[:n]) for n in range(len(good)))
for i in range(len(good)):
    for k in range(8):
        assert refused(good[:i] + bytes([good[i] ^ 1 << k]) + good[i + 1:]), (i, k)
P'

t 'what Python writes, gn reads, and the other way round' '
    python3 "$make" x.gnt
    gn-info --verify x.gnt | grep -qx "x.gnt: ok: 4 records, 60 bytes"
    test "$(gn-info --header acme.note x.gnt | head -n 1)" = "a\\\\b\\nc"'

t 'the C example builds without warnings and reads a stream' '
    python3 "$make" x.gnt
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -O1 -o gnt "$GN_TOP/examples/gnt.c"
    ./gnt <x.gnt >out
    printf "%s\n" "1 float32 1 1 2 3 s0" "2 uint8 1 1 2 3 s0" "3 float32 1 1 2 3 s1" "4 uint8 1 1 2 3 s1" | cmp - out
    head -c 1000 x.gnt >cut; if ./gnt <cut; then false; fi
    if ./gnt </dev/null; then false; fi
    tr "01" "10" <x.gnt >bad; if ./gnt <bad; then false; fi'

t 'file(1) names a stream' '
    python3 "$make" x.gnt
    file -m "$GN_TOP/examples/gnt.magic" x.gnt | grep -q "gn tensor stream kind T"'

t 'the hex dump in gn-stream(5) is a valid stream, byte for byte' '
    mandoc -Tascii "$GN_TOP/man/gn-stream.5" | sed "s/.\x08//g" >page
    grep -E "^ *000[0-9a-f]{3} ([0-9a-f]{2} ){15}" page | sed "s/^ *//" >dump
    test "$(wc -l <dump)" = 24
    python3 -c "
import sys
for line in open(\"dump\"):
    sys.stdout.buffer.write(bytes.fromhex(line[7:54]))" >hex.gnt
    od -A x -t x1z -v hex.gnt | sed "\$d" | sed "s/ *$//" >again
    sed "s/ *$//" dump | cmp - again
    python3 "$GN_TOP/examples/gnt.py" hex.gnt | grep -qx "1 uint8 1x1x2x3 001 label 0 2"
    gn-info --verify hex.gnt'

t 'gn-stream(5) has no fault that mandoc or groff know' '
    mandoc -Tlint -W warning "$GN_TOP/man/gn-stream.5" >lint
    groff -man -ww -Tutf8 "$GN_TOP/man/gn-stream.5" 2>>lint >/dev/null
    test ! -s lint'

t 'cat makes one stream of two' '
    python3 "$make" x.gnt
    cat x.gnt x.gnt | gn-info --verify | grep -qx "stdin: ok: 8 records, 120 bytes"
    cat x.gnt x.gnt >xx.gnt
    gn-info --verify xx.gnt'

t 'head shows what a record is' '
    python3 "$make" x.gnt
    head -n 4 x.gnt | tr -d "\000" >out
    grep -q "^GNT1 T        128 *24 " out
    grep -qx "dtype: float32" out'

t 'an empty stream is 128 bytes, and no bytes are an error' '
    python3 -c "import gnt; gnt.end(open(\"e.gnt\", \"wb\"), 0)"
    test "$(wc -c <e.gnt)" = 128
    gn-info e.gnt | grep -qx "e.gnt: 0 records, 0 samples, 0 bytes"
    : >nothing.gnt
    fails 1 gn-info nothing.gnt
    grep -qx "gn-info: nothing.gnt: empty: not even an end record" err'

t 'a cut stream is refused in one line, in a file and in a pipe' '
    python3 "$make" x.gnt
    head -c 700 x.gnt >cut.gnt
    fails 1 gn-info --verify cut.gnt
    grep -q "cut.gnt: truncated: no end record" err
    fails 1 sh -c "head -c 700 x.gnt | gn-info >/dev/null"
    grep -q "stdin: truncated: no end record" err'

t 'the corpus of the fuzzer of streams replays' '
    printf "%s\n" "#include <stdint.h>" "#include <stdio.h>" "#include <stdlib.h>" \
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);" \
        "int main(int c, char **v) { while (*++v) { static uint8_t b[1 << 20]; FILE *f = fopen(*v, \"rb\");" \
        "LLVMFuzzerTestOneInput(b, fread(b, 1, sizeof b, f)); fclose(f); } return c < 2; }" >main.c
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -I"$GN_TOP/libcore" main.c "$GN_TESTS/fuzz/fuzz_stream.c" "$B/lib/libgn.a" -pthread \
        -ldeflate -lm -o replay
    ./replay "$GN_TESTS"/fuzz/corpus/stream/*'

t 'a signal that ends a tool takes its unfinished file along' '
    python3 "$make" s.gnt
    for s in INT TERM HUP USR1 USR2 XCPU; do
        mkfifo pipe
        mkdir d
        python3 - $s <<P
import os, signal, subprocess, sys, time
which = getattr(signal, "SIG" + sys.argv[1])
signal.signal(which, signal.SIG_DFL)
p = subprocess.Popen(["gn-normalize", "--divide", "2", "-o", "d/o.gnt", "pipe"])
f = open("pipe", "wb")
f.write(open("s.gnt", "rb").read()[:700])
f.flush()
for i in range(500):
    if os.listdir("d"):
        break
    time.sleep(0.01)
assert os.listdir("d"), "nothing was begun"
p.send_signal(which)
assert p.wait() == -which, p.returncode
assert not os.listdir("d"), os.listdir("d")
P
        rm -r pipe d
    done'

t 'a file that grows too large is an error line, and goes' '
    python3 - <<P
import gnt
with open("big.gnt", "wb") as f:
    gnt.emit(f, [("dtype", "uint8"), ("shape", "1 1 400 500"), ("axes", "c z y x"), ("role", "image"), ("sample", "s"),
                 ("affine", "1 0 0 0 0 1 0 0 0 0 1 0")], bytes(200000))
    gnt.end(f, 1)
P
    mkdir d
    (ulimit -f 20; fails 1 gn-normalize --divide 2 -o d/o.gnt big.gnt)
    grep -q "File too large" err
    [ -z "$(ls -A d)" ]'
