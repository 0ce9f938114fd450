/* mgh.c - MGH and Analyze headers made by hand: places, types, footers and every refusal. */
#include <stdlib.h>
#include <unistd.h>

#include "../../libcore/base/mem.h"
#include "../../libcore/io/format.h"
#include "check.h"

static struct gn_err err;
static uint8_t file[1024];

/* Most significant byte first, or last. */
static void put(size_t at, size_t size, uint64_t v, bool big)
{
    for (size_t i = 0; i < size; i++)
        file[at + (big ? size - 1 - i : i)] = (uint8_t)(v >> (8 * i));
}

static void put_f(size_t at, float v, bool big)
{
    uint32_t w;
    memcpy(&w, &v, 4);
    put(at, 4, w, big);
}

static void save(const char *name, const uint8_t *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        abort();
}

static int get(const char *name, size_t n, struct gn_picture *pic)
{
    void *packed;
    size_t m;

    gn_err_clear(&err);
    if (strstr(name, ".mgz")) {
        if (gn_gzip_deflate(file, n, 6, &packed, &m, &err))
            abort();
        save(name, packed, m);
        free(packed);
    } else {
        save(name, file, n);
    }
    return gn_picture_read(name, false, pic, &err);
}

/* 3 x 2 x 1 voxels in 2 frames, 1 to 12, of int16; 308 bytes. */
static size_t start(void)
{
    static const int head[] = { 1, 3, 2, 1, 2, 4, 0 };
    static const float place[] = { 2, 3, 4, 0, 1, 0, 0, 0, 1, 1, 0, 0, 10, 20, 30 };

    memset(file, 0, sizeof file);
    for (size_t i = 0; i < 7; i++)
        put(4 * i, 4, (uint64_t)head[i], true);
    put(28, 2, 1, true);
    for (size_t i = 0; i < 15; i++)
        put_f(30 + 4 * i, place[i], true);
    for (size_t i = 0; i < 12; i++)
        put(284 + 2 * i, 2, i + 1, true);
    return 308;
}

static int is(const char *name, size_t n, const double want[12], double last)
{
    struct gn_picture pic;
    int ok = get(name, n, &pic) == 0;

    if (!ok)
        printf("# %s\n", err.text);
    ok = ok && gn_tensor_get(&pic.tensor, gn_tensor_count(&pic.tensor) - 1) == last;
    for (int i = 0; ok && i < 12; i++)
        if (fabs(pic.affine[i] - want[i]) > 1e-6) {
            printf("# affine[%d] is %g\n", i, pic.affine[i]);
            ok = 0;
        }
    gn_picture_free(&pic);
    return ok;
}

static int refused(const char *name, size_t n, const char *why)
{
    struct gn_picture pic;

    if (get(name, n, &pic) == 0) {
        gn_picture_free(&pic);
        return 0;
    }
    if (!strstr(err.text, why) || strchr(err.text, '\n'))
        printf("# %s\n", err.text);
    return strstr(err.text, why) && !strchr(err.text, '\n');
}

static int both(size_t n, const char *why)
{
    return refused("t.mgh", n, why) && refused("t.mgz", n, why);
}

static void mgh(void)
{
    /* x runs to A by 2, y to S by 3, z to R by 4; the middle (1.5, 1, 0.5) is (10, 20, 30). */
    static const double placed[12] = { 0, 0, 4, 8, 2, 0, 0, 17, 0, 3, 0, 27 };
    /* 1 mm, to the left, down and forward. */
    static const double conformed[12] = { -1, 0, 0, 1.5, 0, 0, 1, -0.5, 0, -1, 0, 1 };
    struct gn_picture pic;
    size_t n = start();

    CHECK("cosines are columns, and the centre is half the size",
          is("t.mgh", n, placed, 12) && is("t.mgz", n, placed, 12));
    CHECK("a footer of any content is passed over",
          is("t.mgh", n + 100, placed, 12) && is("t.mgz", n + 100, placed, 12));
    CHECK("frames are channels", get("t.mgh", n, &pic) == 0 && pic.tensor.shape[0] == 2 &&
                                     pic.tensor.shape[3] == 3 && pic.has_affine);
    gn_picture_free(&pic);
    put(28, 2, 0, true);
    CHECK("without goodRASFlag it is FreeSurfer's own place",
          is("t.mgh", n, conformed, 12) && is("t.mgz", n, conformed, 12));
    n = start();
    put(20, 4, 10, true);
    CHECK("type 10 is uint16", get("t.mgh", n, &pic) == 0 && pic.tensor.dtype == GN_UINT16);
    gn_picture_free(&pic);
    n = start();
    CHECK("too few bytes", both(n - 1, "truncated") && both(100, "truncated"));
    put(20, 4, 5, true);
    CHECK("types that are not read are numbered", both(n, "type 5"));
    n = start();
    put_f(30, 0, true);
    CHECK("voxels of no size", both(n, "singular"));
    put_f(30, INFINITY, true);
    CHECK("voxels of endless size", both(n, "not finite"));
    n = start();
    put(4, 4, 0, true);
    CHECK("no voxels", both(n, "not a MGH file"));
    n = start();
    for (size_t i = 1; i < 5; i++)
        put(4 * i, 4, 0x7fffffff, true);
    CHECK("sizes whose product is too large", both(n, "more than any memory"));
    n = start();
    put(4, 4, 3000000, true);
    CHECK("more than the bytes can hold", refused("t.mgz", n, "can hold"));
}

/* An Analyze header: int16, 3 x 2 x 2, voxels of 2, 3, 4 mm; and its twelve voxels. */
static void start_analyze(int orient, bool big)
{
    memset(file, 0, sizeof file);
    for (size_t i = 0; i < 12; i++)
        put(2 * i, 2, i + 1, big);
    save("a.img", file, 24);
    memset(file, 0, sizeof file);
    put(0, 4, 348, big);
    file[38] = 'r';
    put(40, 2, 4, big);
    put(42, 2, 3, big);
    put(44, 2, 2, big);
    put(46, 2, 2, big);
    put(48, 2, 1, big);
    put(70, 2, 4, big);
    put(72, 2, 16, big);
    for (size_t i = 0; i < 3; i++)
        put_f(80 + 4 * i, (float)(i + 2), big);
    file[252] = (uint8_t)orient;
}

static void analyze(void)
{
    static const double places[6][12] = {
        { -2, 0, 0, 2, 0, 3, 0, -1.5, 0, 0, 4, -2 },
        { -2, 0, 0, 2, 0, 0, 4, -2, 0, 3, 0, -1.5 },
        { 0, 0, -4, 2, 2, 0, 0, -2, 0, 3, 0, -1.5 },
        { -2, 0, 0, 2, 0, -3, 0, 1.5, 0, 0, 4, -2 },
        { -2, 0, 0, 2, 0, 0, 4, -2, 0, -3, 0, 1.5 },
        { 0, 0, -4, 2, 2, 0, 0, -2, 0, -3, 0, 1.5 },
    };
    bool all = true;

    for (int i = 0; i < 12; i++) {
        start_analyze(i % 6, i > 5);
        all = is("a.hdr", 348, places[i % 6], 12) && all;
    }
    CHECK("Analyze: six orders of axes around the middle, both byte orders", all);
    for (int i = 0; i < 2; i++) {
        start_analyze(0, i);
        put(253, 2, 3, i);
        put(255, 2, 2, i);
        put(257, 2, 1, i);
        put_f(112, 0.5f, i);
        CHECK("Analyze: SPM's origin and scale factor",
              is("a.hdr", 348, (const double[]){ -2, 0, 0, 4, 0, 3, 0, -3, 0, 0, 4, 0 }, 6));
    }
    start_analyze(0, false);
    put(253, 2, 99, false);
    CHECK("Analyze: an origin far outside is none", is("a.hdr", 348, places[0], 12));
    start_analyze(6, false);
    CHECK("Analyze: no such order", refused("a.hdr", 348, "orient is 6"));
    start_analyze(0, false);
    put(42, 2, 4, false);
    CHECK("Analyze: too few voxels", refused("a.hdr", 348, "truncated"));
    start_analyze(0, false);
    put(72, 2, 8, false);
    CHECK("Analyze: type and bits disagree", refused("a.hdr", 348, "bits"));
    start_analyze(0, false);
    unlink("a.img");
    CHECK("Analyze: a header alone", refused("a.hdr", 348, "its voxels (.img) are not there"));
}

int main(void)
{
    mgh();
    analyze();
    return check_done();
}
