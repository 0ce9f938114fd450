/* nrrd.c - NRRD headers made by hand: every field, every refusal, the way there and back. */
#include <stdlib.h>
#include <unistd.h>

#include "../../libcore/base/mem.h"
#include "../../libcore/base/str.h"
#include "../../libcore/io/format.h"
#include "check.h"
#include "handmade.h"

static const char bytes[] = "\1\2\3\4\5\6\7\10\11\12\13\14";
#define BYTES "NRRD0005\ntype: uint8\n"
#define HEAD BYTES "dimension: 3\nsizes: 3 2 2\n"
#define RAW "encoding: raw\n\n"
#define LPS "space: left-posterior-superior\n"

/* Channels, and the value of the second of them at x = 1. */
static int channels(const char *text, int64_t c, int64_t x, double second)
{
    struct gn_picture pic;
    int ok = get(text, &pic) == 0;

    if (!ok)
        printf("# %s\n", err.text);
    ok = ok && pic.tensor.shape[0] == c && pic.tensor.shape[3] == x &&
         gn_tensor_get(&pic.tensor, 12 / c + 1) == second;
    gn_picture_free(&pic);
    return ok;
}

static void place(void)
{
    CHECK("the least header there is", reads(HEAD RAW));
    CHECK("CR LF, comments, keys, any case",
          reads("NRRD0004\r\n# none\r\nTYPE: Unsigned Char\r\nDimension: 3\r\nsizes: 3 2 2\r\n"
                "a key:=sizes: 9\r\ncontent: x: y\r\nencoding: RAW\r\n\r\n"));
    CHECK("columns are the directions of axes; the space says where to",
          at(HEAD LPS "space directions: (0,1,0) ( 0 , 0 , 2 ) (3,0,0)\n"
                      "space origin: (10,20,30)\n" RAW,
             (const double[]){ 0, 0, -3, -10, -1, 0, 0, -20, 0, 2, 0, 30 }) &&
              at(HEAD "space: RAS\nspace directions: (0,1,0) (0,0,2) (3,0,0)\n"
                      "space origin: (10,20,30)\n" RAW,
                 (const double[]){ 0, 0, 3, 10, 1, 0, 0, 20, 0, 2, 0, 30 }) &&
              at(HEAD "space: left-anterior-superior\nspace directions: (0,1,0) (0,0,2) (3,0,0)\n"
                      "space origin: (10,20,30)\n" RAW,
                 (const double[]){ 0, 0, -3, -10, 1, 0, 0, 20, 0, 2, 0, 30 }));
    CHECK("a space that has only a dimension is LPS; units of length count",
          at(HEAD "space dimension: 3\nspace units: \"um\" \"mm\" \"cm\"\n"
                  "space directions: (500,0,0) (0,2,0) (0,0,3)\nspace origin: (1000,2,3)\n" RAW,
             (const double[]){ -.5, 0, 0, -1, 0, -2, 0, -2, 0, 0, 30, 30 }));
    CHECK("spacings; the middle of the first cell, or the first node",
          at(HEAD "spacings: 2 3 4\naxis mins: 1 2 3\ncenters: cell node cell\n" RAW,
             (const double[]){ -2, 0, 0, -2, 0, -3, 0, -2, 0, 0, 4, 5 }));
    CHECK("a minimum and a maximum without a spacing",
          at(HEAD "axis mins: 1 2 3\naxis maxs: 7 8 9\ncenters: cell node cell\n" RAW,
             (const double[]){ -2, 0, 0, -2, 0, -6, 0, -2, 0, 0, 3, 4.5 }));
    CHECK("a plane in space gets its normal as third axis",
          at(BYTES "dimension: 2\nsizes: 3 4\n" LPS "space directions: (0,2,0) (0,0,3)\n" RAW,
             (const double[]){ 0, 0, -1, 0, -2, 0, 0, 0, 0, 3, 0, 0 }));
    CHECK("a plane in a plane",
          at(BYTES "dimension: 2\nsizes: 3 4\nspace dimension: 2\n"
                   "space directions: (2,0) (0,3)\nspace origin: (5,6)\n" RAW,
             (const double[]){ -2, 0, 0, -5, 0, -3, 0, -6, 0, 0, 1, 0 }));
    CHECK("a fourth dimension of space is time",
          at(BYTES "dimension: 4\nsizes: 3 2 1 2\nspace: RAST\nspace directions: (1,0,0,0) "
                   "(0,2,0,0) (0,0,3,0) (0,0,0,9)\nspace origin: (1,2,3,4)\n" RAW,
             (const double[]){ 1, 0, 0, 1, 0, 2, 0, 2, 0, 0, 3, 3 }));
    CHECK("place is checked",
          refused(HEAD "space directions: (1,0,0) (0,1,0) (0,0,1)\n" RAW, "without a space") &&
              refused(HEAD LPS "space directions: (1,0,0) (0,1,0)\n" RAW, "space directions") &&
              refused(HEAD LPS "space directions: (1,0,0) (0,1,0) (0,0)\n" RAW, "directions") &&
              refused(HEAD LPS "space directions: (1,0,0) (0,1,0) (0,1,0)\n" RAW, "singular") &&
              refused(HEAD LPS "space directions: (1,0,0) (0,1,0) (0,0,nan)\n" RAW, "finite") &&
              refused(HEAD "spacings: 1 0 1\n" RAW, "spacing 0") &&
              refused(HEAD "spacings: 1 1\n" RAW, "spacings") &&
              refused(HEAD "space: somewhere\n" RAW, "no space somewhere") &&
              refused(HEAD "space dimension: 9\n" RAW, "9 dimensions"));
}

static void layout(void)
{
    CHECK("channels first, in the middle and last, by kinds",
          channels(BYTES "dimension: 3\nsizes: 2 3 2\nkinds: vector domain domain\n" RAW, 2, 3,
                   4) &&
              channels(BYTES "dimension: 3\nsizes: 3 2 2\nkinds: domain list domain\n" RAW, 2, 3,
                       5) &&
              channels(BYTES "dimension: 3\nsizes: 3 2 2\nkinds: space space time\n" RAW, 2, 3,
                       8));
    CHECK("by a missing direction",
          channels(BYTES "dimension: 3\nsizes: 2 3 2\n" LPS
                         "space directions: none (1,0,0) (0,1,0)\n" RAW, 2, 3, 4));
    CHECK("of four plain axes the last is channels",
          channels(BYTES "dimension: 4\nsizes: 3 2 1 2\n" RAW, 2, 3, 8));
    CHECK("two axes of channels are one",
          channels(BYTES "dimension: 3\nsizes: 2 3 2\nkinds: vector domain list\n" RAW, 4, 3, 4));
    CHECK("three are not", refused(BYTES "dimension: 4\nsizes: 2 3 2 2\nkinds: vector list list "
                                         "domain\n" RAW, "more than two"));
    CHECK("sizes are checked",
          refused(BYTES "dimension: 3\nsizes: 3 2\n" RAW, "sizes") &&
              refused(BYTES "dimension: 3\nsizes: 3 2 2 1\n" RAW, "sizes") &&
              refused(BYTES "dimension: 3\nsizes: 3 0 2\n" RAW, "size 0") &&
              refused(BYTES "dimension: 3\nsizes: 3 2 3\n" RAW, "truncated") &&
              refused(BYTES "dimension: 3\nsizes: 3 2 1\n" RAW, "its header says 6") &&
              refused(BYTES "dimension: 0\nsizes: 3\n" RAW, "dimension") &&
              refused(BYTES "dimension: 17\nsizes: 3\n" RAW, "dimension") &&
              refused(BYTES "sizes: 3\n" RAW, "dimension") &&
              refused(BYTES "dimension: 3\nsizes: 3037000500 3037000500 3037000500\n" RAW,
                      "NRRD header"));
    CHECK("words are checked",
          refused(HEAD "kinds: domain domain\n" RAW, "kinds") &&
              refused(HEAD "centers: cell cell cell cell\n" RAW, "centers") &&
              refused(HEAD "sises: 3\n" RAW, "no field is called sises") &&
              refused(HEAD "sizes: 3 2 2\n" RAW, "two fields sizes") &&
              refused(HEAD "what\n" RAW, "no field") &&
              refused("NRRD0005\ntype: block\ndimension: 1\nsizes: 3\n" RAW, "type block") &&
              refused("NRRD0005\ntype: short\ndimension: 1\nsizes: 6\n" RAW, "no endian"));
}

static void coding(void)
{
    behind = 0;
    CHECK("text", reads(HEAD "encoding: ascii\n\n1 2 3\n4 5,6 7\n8 9 10\n\n11 12\n"));
    CHECK("text is checked",
          refused(HEAD "encoding: text\n\n1 2 3 4 5 6 7 8 9 10 11 12 13", "more than the 12") &&
              refused(HEAD "encoding: text\n\n1 2 3 4 5 6 7 8 9 10 000011", "truncated: 11") &&
              refused(HEAD "encoding: text\n\n1 2 3 4 5 6 7 8 9 10 11 256", "no number of type") &&
              refused(HEAD "encoding: text\n\n1 2 3 4 5 6 7 8 9 10 11 1.5", "no number of type") &&
              refused(HEAD "encoding: text\n\n1 2 3", "cannot hold"));
    CHECK("hexadecimal", reads(HEAD "encoding: hex\n\n010203040506\n0708090A 0b0c\n"));
    CHECK("hexadecimal is checked",
          refused(HEAD "encoding: hex\n\n0102030405060708090a0b", "cannot hold") &&
              refused(HEAD "encoding: hex\n\n0102030405060708090a0b 0", "truncated: 11") &&
              refused(HEAD "encoding: hex\n\n0102030405060708090a0b0c0", "more than the 12") &&
              refused(HEAD "encoding: hex\n\n0102030405060708090a0b0x", "other bytes"));
    CHECK("encodings that are not read are named",
          refused(HEAD "encoding: bz2\n\nBZh", "bzip2 are not supported") &&
              refused(HEAD "encoding: zrl\n\n", "zrl are not supported"));
    behind = 12;
    CHECK("gzip is checked", refused(HEAD "encoding: gzip\n\n", "no gzip data"));
    CHECK("skipped lines and bytes", reads(HEAD "line skip: 2\nbyte skip: 3\n" RAW "a\nb\nxyz") &&
                                         reads(HEAD "byte skip: -1\n" RAW "anything"));
    CHECK("skips are checked", refused(HEAD "byte skip: -2\n" RAW, "byte skip -2") &&
                                   refused(HEAD "line skip: -1\n" RAW, "line skip") &&
                                   refused(HEAD "line skip: 99\n" RAW, "fewer than 99 lines") &&
                                   refused(HEAD "byte skip: 99\n" RAW, "truncated") &&
                                   refused(HEAD "byte skip: 1e3\n" RAW, "byte skip") &&
                                   refused(HEAD "byte skip: 4611686018427387904\n" RAW, "at byte"));
    put("a1", "", voxels, 6);
    put("a2", "", voxels + 6, 6);
    put("v.raw", "", voxels, 12);
    behind = 0;
    CHECK("detached voxels, in one file and in several",
          reads(HEAD "encoding: raw\ndata file: v.raw\n") &&
              reads(HEAD "encoding: raw\ndata file: LIST 2\na1\na2\n") &&
              reads(HEAD "encoding: raw\ndatafile: a%d 1 2 1 2\n"));
    CHECK("detached voxels are checked",
          refused(HEAD "encoding: raw\ndata file: a1\n", "truncated") &&
              refused(HEAD "encoding: raw\ndata file: LIST\n", "without names") &&
              refused(HEAD "encoding: raw\ndata file: LIST\na1\na2\na1\na2\na1\n",
                      "equal pieces") &&
              refused(HEAD "encoding: raw\ndata file: LIST\na1\na2\na1\n", "bytes of voxels") &&
              refused(HEAD "encoding: raw\ndata file: no\n", "its voxels: ./no") &&
              refused(HEAD "encoding: raw\ndata file: v.raw\n\nrest", "voxels after it"));
}

int main(void)
{
    static const int64_t shapes[][4] = { { 1, 1, 5, 7 }, { 1, 3, 4, 5 }, { 4, 3, 2, 5 },
                                         { 3, 1, 1, 1 } };
    bool all = true;

    file = "t.nrrd";
    voxels = bytes;
    behind = 12;
    place();
    layout();
    coding();
    for (int t = 0; t < GN_DTYPES; t++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            if (t != GN_FLOAT16 && !returns("w.nrrd", (enum gn_dtype)t, shapes[k], 0))
                all = false;
    CHECK("every type and shape there and back, the affine to the last bit", all);
    CHECK("there is no half",
          !returns("w.nrrd", GN_FLOAT16, shapes[0], 0) && strstr(err.text, "NRRD has no float16"));
    return check_done();
}
