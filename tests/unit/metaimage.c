/* metaimage.c - MetaImage headers made by hand: every key, every refusal, the way there and back.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../../libcore/base/mem.h"
#include "../../libcore/base/str.h"
#include "../../libcore/io/format.h"
#include "check.h"
#include "handmade.h"

static const char shorts[] = "\1\0\2\0\3\0\4\0\5\0\6\0\7\0\10\0\11\0\12\0\13\0\14"; /* 1 to 12; the
                                                                           last byte ends it */
#define HEAD "NDims = 3\nDimSize = 3 2 2\nElementType = MET_SHORT\n"
#define LOCAL "ElementDataFile = LOCAL\n"

int main(void)
{
    static const int64_t shapes[][4] = { { 1, 1, 5, 7 }, { 1, 3, 4, 5 }, { 4, 3, 2, 5 },
                                         { 3, 1, 1, 1 }, { 2, 1, 4, 5000 } };
    struct gn_picture pic;
    bool all = true;

    file = "t.mha";
    voxels = shorts;
    behind = 24;
    CHECK("the least header there is", reads(HEAD LOCAL));
    CHECK("CR LF, spaces, colons, comments and unknown keys",
          reads("Comment = made by hand\r\nObjectType = Image\r\nNDims=3 \r\nDimSize :  3 2 2\r\n"
                "ElementType = MET_SHORT\r\nKernel = 7 7\r\n\r\nElementDataFile = Local\r\n"));
    CHECK("without a place: none, and unit voxels in LPS",
          get(HEAD LOCAL, &pic) == 0 && !pic.has_affine && pic.affine[0] == -1);
    gn_picture_free(&pic);
    CHECK("row i of TransformMatrix is the direction of axis i; LPS becomes RAS",
          at(HEAD "TransformMatrix = 0 1 0  0 0 1  1 0 0\nElementSpacing = 2 3 4\n"
                  "Offset = 10 20 30\n" LOCAL,
             (const double[]){ 0, 0, -4, -10, -2, 0, 0, -20, 0, 3, 0, 30 }));
    CHECK("synonyms, and micrometres",
          at(HEAD "Rotation = 1 0 0 0 1 0 0 0 1\nElementSize = 500 500 2000\nOrigin = 1000 0 0\n"
                  "DistanceUnits = um\nCenterOfRotation = 9 9 9\n" LOCAL,
             (const double[]){ -.5, 0, 0, -1, 0, -.5, 0, 0, 0, 0, 2, 0 }));
    CHECK("a flat image lies in a plane of unit thickness",
          at("NDims = 2\nDimSize = 3 4\nElementType = MET_SHORT\nTransformMatrix = 0 1 1 0\n"
             "ElementSpacing = 2 3\nOffset = 5 6\n" LOCAL,
             (const double[]){ 0, -3, 0, -5, -2, 0, 0, -6, 0, 0, 1, 0 }));
    CHECK("a key that says another thing the second time is refused",
          refused(HEAD "Offset = 1 2 3\nPosition = 1 2 4\n" LOCAL, "Position says") &&
              reads(HEAD "Offset = 1 2 3\nPosition = 1 2 3\n" LOCAL));

    CHECK("channels lie side by side, frames behind each other",
          get("NDims = 4\nDimSize = 3 1 1 2\nElementNumberOfChannels = 2\nElementType = MET_SHORT\n"
              LOCAL, &pic) == 0 && pic.tensor.shape[0] == 4 && pic.tensor.shape[3] == 3 &&
              gn_tensor_get(&pic.tensor, 1) == 3 && gn_tensor_get(&pic.tensor, 3) == 2 &&
              gn_tensor_get(&pic.tensor, 6) == 7);
    gn_picture_free(&pic);
    CHECK("a sixth of the bytes: int8 and uint8 are two types",
          get("NDims = 1\nDimSize = 24\nElementType = MET_CHAR\n" LOCAL, &pic) == 0 &&
              pic.tensor.dtype == GN_INT8);
    gn_picture_free(&pic);

    put("v.raw", "head", voxels, 24);
    CHECK("detached voxels after a header of their own, or at the end",
          reads(HEAD "HeaderSize = 4\nElementDataFile = v.raw\n") &&
              reads(HEAD "HeaderSize = -1\nElementDataFile = v.raw\n"));
    put("a1", "", voxels, 12);
    put("a2", "", voxels + 12, 12);
    CHECK("a list of files, one a slice", reads(HEAD "ElementDataFile = LIST\na1\na2\n") &&
                                              reads(HEAD "ElementDataFile = LIST 2D\na1\n\na2\n") &&
                                              reads(HEAD "ElementDataFile = a%d 1 2 1\n"));
    CHECK("lists that are too short, or of other sizes, are refused",
          (behind = 0, true) && refused(HEAD "ElementDataFile = LIST\na1\n", "names 1 files") &&
              refused(HEAD "ElementDataFile = LIST 1\na1\na2\na1\n", "ask for 4") &&
              refused(HEAD "ElementDataFile = LIST 1\na1\na2\na1\na2\n", "bytes of voxels") &&
              refused(HEAD "ElementDataFile = a%d 2 3 1\n", "No such file") &&
              refused(HEAD "ElementDataFile = a%s 1 2 1\n", "not supported") &&
              refused(HEAD "ElementDataFile = a%d%d 1 2 1\n", "not supported") &&
              refused(HEAD "ElementDataFile = a%d 1 2 0\n", "in steps of 0") &&
              refused(HEAD "ElementDataFile = a%d 1 9999999 1\n", "file numbers"));
    behind = 24;
    CHECK("a missing file is named", refused(HEAD "ElementDataFile = no.raw\n", "no.raw"));

    put("p.raw", "", voxels, 24);
    put("p.raw", "\1\2\3\4\5\6", "\0\0", 2);
    CHECK("zeros of less than a row behind the voxels are padding, more is not",
          (put("q.mhd", "NDims = 2\nDimSize = 3 2\nElementType = MET_UCHAR\n"
                        "ElementDataFile = p.raw\n", "", 0),
           gn_err_clear(&err), gn_picture_read("q.mhd", false, &pic, &err) == 0));
    gn_picture_free(&pic);
    put("p.raw", "\1\2\3\4\5\6", "\0\0\0", 3);
    CHECK("(a row of them)",
          (gn_err_clear(&err), gn_picture_read("q.mhd", false, &pic, &err) < 0) &&
              strstr(err.text, "9 bytes of voxels, its header says 6"));

    CHECK("numbers are checked",
          refused("NDims = 3\nDimSize = 3 2\nElementType = MET_SHORT\n" LOCAL, "DimSize") &&
              refused("NDims = 3\nDimSize = 3 2 0\nElementType = MET_SHORT\n" LOCAL, "size 0") &&
              refused("NDims = 3\nDimSize = 3 2 -2\nElementType = MET_SHORT\n" LOCAL, "size -2") &&
              refused("NDims = 30\nDimSize = 3 2 2\nElementType = MET_SHORT\n" LOCAL, "30 dim") &&
              refused("NDims = 0\nDimSize = 3\nElementType = MET_SHORT\n" LOCAL, "NDims") &&
              refused("NDims = 5\nDimSize = 1 1 1 2 6\nElementType = MET_SHORT\n" LOCAL,
                      "more than one") &&
              refused("NDims = 3\nDimSize = 4294967296 4294967296 4294967296\n"
                      "ElementType = MET_SHORT\n" LOCAL, "bytes") &&
              refused("NDims = 3\nDimSize = 3 2 2\nElementType = MET_STRING\n" LOCAL,
                      "MET_STRING are not supported"));
    CHECK("place is checked",
          refused(HEAD "ElementSpacing = 1 0 1\n" LOCAL, "singular") &&
              refused(HEAD "ElementSpacing = 1 nan 1\n" LOCAL, "not finite") &&
              refused(HEAD "ElementSpacing = 1 2\n" LOCAL, "ElementSpacing") &&
              refused(HEAD "Offset = 1 2 3 4\n" LOCAL, "Offset") &&
              refused(HEAD "TransformMatrix = 1 0 0 0 1 0 1 0 0\n" LOCAL, "singular") &&
              refused(HEAD "DistanceUnits = parsec\n" LOCAL, "parsec"));
    behind = 0;
    CHECK("what is missing is named", refused(HEAD, "no ElementDataFile") &&
                                          refused("NDims = 3\n" LOCAL, "no DimSize") &&
                                          refused("DimSize = 3\n" LOCAL, "no NDims") &&
                                          refused("NDims = 3\nDimSize = 3 2 2\n" LOCAL, "no Elem"));
    behind = 24;
    CHECK("what is no image is named", refused("ObjectType = Tube\n" HEAD LOCAL, "type Tube") &&
                                           refused(HEAD "oops\n" LOCAL, "without '='"));
    CHECK("compressed voxels are checked",
          refused(HEAD "CompressedData = True\n" LOCAL, "zlib data") &&
              refused(HEAD "CompressedData = True\nCompressedDataSize = 99\n" LOCAL, "says 99") &&
              refused(HEAD "CompressedData = maybe\n" LOCAL, "maybe") &&
              refused("NDims = 3\nDimSize = 300 2000 200\nElementType = MET_SHORT\n"
                      "CompressedData = True\n" LOCAL, "can hold"));
    CHECK("voxels as text are checked",
          refused(HEAD "BinaryData = False\n" LOCAL, "no number") &&
              refused("NDims = 1\nDimSize = 90\nElementType = MET_SHORT\n"
                      "BinaryData = False\n" LOCAL, "cannot hold"));

    for (int t = 0; t < GN_DTYPES; t++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            if (t != GN_FLOAT16 && !returns("w.mha", (enum gn_dtype)t, shapes[k], 4e-16))
                all = false;
    CHECK("every type and shape there and back, oblique", all);
    CHECK("there is no half", !returns("w.mha", GN_FLOAT16, shapes[0], 4e-16) &&
                                  strstr(err.text, "MetaImage has no float16"));
    return check_done();
}
