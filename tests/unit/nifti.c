/* nifti.c - reading of made-up headers in both byte orders and versions, every refusal, and the way
 * there and back. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../libcore/base/mem.h"
#include "../../libcore/io/format.h"
#include "../../libcore/io/nifti.h"
#include "check.h"

/* One file being made: the fields' places are written here a second time, from the standard, to
 * judge the reader's. */
static uint8_t file[4096];
static bool big;
static int version;

static void put(size_t at, size_t size, uint64_t v)
{
    for (size_t i = 0; i < size; i++)
        file[at + (big ? size - 1 - i : i)] = (uint8_t)(v >> (8 * i));
}

static void put_f(size_t at1, size_t at2, double v)
{
    float f = (float)v;
    uint32_t w;
    uint64_t d;
    memcpy(&w, &f, 4);
    memcpy(&d, &v, 8);
    if (version == 1)
        put(at1, 4, w);
    else
        put(at2, 8, d);
}

static void put_dim(int i, int64_t v)
{
    if (version == 1)
        put(40 + 2 * (size_t)i, 2, (uint64_t)v);
    else
        put(16 + 8 * (size_t)i, 8, (uint64_t)v);
}

static void put_type(int code, int bits)
{
    put(version == 1 ? 70 : 12, 2, (uint64_t)code);
    put(version == 1 ? 72 : 14, 2, (uint64_t)bits);
}

static void put_codes(int q, int s)
{
    put(version == 1 ? 252 : 344, version == 1 ? 2 : 4, (uint64_t)q);
    put(version == 1 ? 254 : 348, version == 1 ? 2 : 4, (uint64_t)s);
}

static size_t first(void)
{
    return version == 1 ? 352 : 544;
}

static void put_offset(double v)
{
    if (version == 1)
        put_f(108, 0, v);
    else
        put(168, 8, (uint64_t)v);
}

/* 3 x 2 x 2 voxels of int16, value 100 z + 10 y + x - 50; sform 4 with a shear. */
static size_t start(int v, bool big_endian)
{
    static const double srow[12] = { -2, 0.5, 0, 90, 0, 2, 0, -126, 0, 0, 3, -72 };
    memset(file, 0, sizeof file);
    version = v;
    big = big_endian;
    put(0, 4, v == 1 ? 348 : 540);
    if (v == 1)
        memcpy(file + 344, "n+1", 4);
    else
        memcpy(file + 4, "n+2\0\r\n\032\n", 8);
    put_dim(0, 3);
    put_dim(1, 3);
    put_dim(2, 2);
    put_dim(3, 2);
    put_type(4, 16);
    put_offset((double)first());
    put_codes(0, 4);
    for (size_t i = 0; i < 12; i++)
        put_f(280 + 4 * i, 400 + 8 * i, srow[i]);
    for (size_t i = 0; i < 4; i++)
        put_f(76 + 4 * i, 104 + 8 * i, 1);
    for (int z = 0, k = 0; z < 2; z++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 3; x++, k++)
                put(first() + 2 * (size_t)k, 2, (uint64_t)(100 * z + 10 * y + x - 50));
    return first() + 24;
}

static struct gn_err err;

static void save(const char *name, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(file, 1, n, f) != n || fclose(f))
        abort();
}

/* Read what was made, plain or gzipped; 0 or -1. */
static int get(size_t n, struct gn_picture *pic, bool zip)
{
    const char *name = zip ? "t.nii.gz" : "t.nii";
    gn_err_clear(&err);
    if (zip) {
        void *out;
        size_t m;
        if (gn_gzip_deflate(file, n, 6, &out, &m, &err) || gn_file_write(name, out, m, false, &err))
            abort();
        free(out);
    } else {
        save(name, n);
    }
    return gn_picture_read(name, false, pic, &err);
}

static int refused(size_t n, const char *why)
{
    struct gn_picture pic;
    for (int zip = 0; zip < 2; zip++) {
        if (get(n, &pic, zip) == 0) {
            gn_picture_free(&pic);
            return 0;
        }
        if (!strstr(err.text, why) || strchr(err.text, '\n')) {
            printf("# %s\n", err.text);
            return 0;
        }
    }
    return 1;
}

static void reads(void)
{
    for (int v = 1; v <= 2; v++)
        for (int order = 0; order < 2; order++)
            for (int zip = 0; zip < 2; zip++) {
                struct gn_picture p;
                char name[80];
                bool ok;
                size_t n = start(v, order);
                snprintf(name, sizeof name, "NIfTI-%d, %s endian%s: voxels, shape and sform", v,
                         order ? "big" : "little", zip ? ", gzipped" : "");
                ok = get(n, &p, zip) == 0 && p.tensor.dtype == GN_INT16 && p.tensor.rank == 4 &&
                     p.tensor.shape[0] == 1 && p.tensor.shape[1] == 2 && p.tensor.shape[2] == 2 &&
                     p.tensor.shape[3] == 3 && p.has_affine && p.form == 4 && p.affine[0] == -2 &&
                     p.affine[1] == 0.5 && p.affine[3] == 90 && p.affine[11] == -72;
                for (int k = 0; ok && k < 12; k++)
                    ok = ((int16_t *)p.tensor.data)[k] ==
                         100 * (k / 6) + 10 * (k / 3 % 2) + k % 3 - 50;
                CHECK(name, ok);
                if (!order && !zip)
                    CHECK("a plain file in this machine's order is used where it lies",
                          ok && p.map.data && !p.tensor.owned);
                gn_picture_free(&p);
            }
}

static void scales(void)
{
    struct gn_picture p;
    size_t n = start(1, true);
    put_f(112, 176, 0.5);
    put_f(116, 184, -3);
    CHECK("scl_slope and scl_inter give float32",
          get(n, &p, false) == 0 && p.tensor.dtype == GN_FLOAT32 && p.stored == GN_INT16 &&
              ((float *)p.tensor.data)[11] == 0.5f * 62 - 3);
    gn_picture_free(&p);
    n = start(2, false);
    put_type(8, 32);
    for (size_t k = 0; k < 12; k++)
        put(544 + 4 * k, 4, 2000000001u + k);
    put_f(112, 176, 1);
    put_f(116, 184, 0.25);
    CHECK("32-bit integers are scaled into float64",
          get(n + 24, &p, true) == 0 && p.tensor.dtype == GN_FLOAT64 &&
              ((double *)p.tensor.data)[3] == 2000000004.25);
    gn_picture_free(&p);
    n = start(1, false);
    put_f(112, 176, NAN);
    CHECK("a slope that is no number means unscaled",
          get(n, &p, false) == 0 && p.tensor.dtype == GN_INT16);
    gn_picture_free(&p);
}

static void shapes(void)
{
    struct gn_picture p;
    size_t n = start(1, false);
    put_dim(0, 5);
    put_dim(4, 1);
    put_dim(3, 1);
    put_dim(5, 2);
    CHECK("the fifth dimension becomes channels",
          get(n, &p, false) == 0 && p.tensor.shape[0] == 2 && p.tensor.shape[1] == 1);
    gn_picture_free(&p);
    put_dim(2, 1);
    put_dim(4, 2);
    CHECK("two more dimensions are refused", refused(n, "more than one of dimensions"));

    n = start(1, true);
    put_type(128, 24);
    for (size_t k = 0; k < 36; k++)
        file[352 + k] = (uint8_t)k;
    CHECK("RGB becomes three channels",
          get(352 + 36, &p, true) == 0 && p.tensor.shape[0] == 3 && p.tensor.dtype == GN_UINT8 &&
              ((uint8_t *)p.tensor.data)[0] == 0 && ((uint8_t *)p.tensor.data)[1] == 3 &&
              ((uint8_t *)p.tensor.data)[12] == 1 && ((uint8_t *)p.tensor.data)[35] == 35);
    gn_picture_free(&p);

    n = start(1, false);
    put_codes(2, 0);
    put_f(256, 0, 0);
    put_f(260, 0, 0);
    put_f(264, 0, 1); /* half a turn about z */
    put_f(76, 0, -1);
    put_f(80, 0, 2);
    put_f(84, 0, 3);
    put_f(88, 0, 4);
    put_f(268, 0, 10);
    CHECK("the qform is used when there is no sform", get(n, &p, false) == 0 && p.form == 2 &&
                                                          p.affine[0] == -2 && p.affine[5] == -3 &&
                                                          p.affine[10] == -4 && p.affine[3] == 10);
    gn_picture_free(&p);
    put_codes(0, 0);
    CHECK("without either, the voxel sizes at the origin",
          get(n, &p, false) == 0 && p.form == 0 && p.affine[0] == 2 && p.affine[5] == 3 &&
              p.affine[10] == 4 && p.affine[3] == 0);
    gn_picture_free(&p);
    n = start(2, true);
    put(544 + 24, 4, 0);
    file[540] = 1;
    put(544, 4, 32);
    put_offset(576);
    CHECK("a header extension is stepped over",
          get(576 + 24, &p, true) == 0 && p.tensor.shape[3] == 3);
    gn_picture_free(&p);
    put(544, 4, 48);
    CHECK("an extension that reaches into the voxels is refused", refused(576 + 24, "extension"));
    put(544, 4, 0);
    CHECK("an extension of no bytes is refused", refused(576 + 24, "extension"));
}

static void refusals(void)
{
    for (int v = 1; v <= 2; v++) {
        size_t n = start(v, v == 1);
        CHECK("one byte less is refused", refused(n - 1, "runcated"));
        file[n] = 1;
        CHECK("one byte more is refused", refused(n + 1, "its header says"));
        put_dim(0, 8);
        CHECK("dim[0] of 8 is refused", refused(n, "dimensions"));
        put_dim(0, 200);
        CHECK("dim[0] of 200 is refused", refused(n, "dimensions"));
        start(v, false);
        put_dim(2, 0);
        CHECK("an extent of 0 is refused", refused(n, "dimension 2"));
        put_dim(2, -2);
        CHECK("a negative extent is refused", refused(n, "dimension 2"));
        start(v, false);
        put_type(4, 32);
        CHECK("datatype and bitpix must agree", refused(n, "datatype 4 has 16 bits"));
        put_type(32, 64);
        CHECK("complex is refused by name", refused(n, "complex64"));
        put_type(7, 64);
        CHECK("an unknown datatype is refused", refused(n, "no datatype 7"));
        start(v, false);
        gn_mem_set_limit((size_t)1 << 30);
        put_dim(1, 32767);
        put_dim(2, 32767);
        put_dim(3, 32767);
        CHECK("a size that is not there is refused before memory is asked for",
              refused(n, "above the limit"));
        start(v, false);
        put_offset(v == 1 ? 348 : 540);
        CHECK("voxels inside the header are refused", refused(n, "voxels at byte"));
        start(v, false);
        put_f(280, 400, NAN);
        CHECK("an sform that is no number is refused", refused(n, "sform is not finite"));
        put_f(280, 400, 0);
        CHECK("a singular sform is refused", refused(n, "singular"));
        start(v, false);
        put_codes(1, 0);
        put_f(256, 352, 2);
        CHECK("a qform that is no rotation is refused", refused(n, "not a rotation"));
    }
    size_t n = start(1, false);
    put_offset(NAN);
    CHECK("vox_offset NaN is refused", refused(n, "voxels at byte"));
    put_offset(-1e30);
    CHECK("vox_offset -1e30 is refused", refused(n, "voxels at byte"));
    put_offset(352.5);
    CHECK("vox_offset with a fraction is refused", refused(n, "voxels at byte"));
    memset(file + 344, 0, 4);
    put_offset(352);
    CHECK("an Analyze 7.5 header alone is refused", refused(n, "its voxels (.img)"));
    for (size_t k = 0; k < start(1, true); k += k < 400 ? 7 : 1) {
        struct gn_picture p;
        if (get(k, &p, false) == 0)
            gn_picture_free(&p), CHECK("no truncation reads", 0);
    }
    n = start(1, false);
    put_dim(1, 32767);
    CHECK("more than 1032 times the compressed bytes is refused",
          (get(n, &(struct gn_picture){ 0 }, true) == -1 &&
           strstr(err.text, "compressed bytes can hold")));
}

static void pairs(void)
{
    struct gn_picture p;
    size_t n = start(1, true);
    memcpy(file + 344, "ni1", 4);
    put_offset(0);
    FILE *f = fopen("p.img", "wb");
    if (!f || fwrite(file + 352, 1, n - 352, f) != n - 352 || fclose(f))
        abort();
    gn_err_clear(&err);
    save("p.hdr", 348);
    CHECK(".hdr finds its .img",
          gn_picture_read("p.hdr", false, &p, &err) == 0 && ((int16_t *)p.tensor.data)[11] == 62);
    gn_picture_free(&p);
    CHECK(".img finds its .hdr",
          gn_picture_read("p.img", false, &p, &err) == 0 && ((int16_t *)p.tensor.data)[11] == 62);
    gn_picture_free(&p);
    CHECK("a header alone is enough for its geometry",
          gn_picture_read("p.hdr", true, &p, &err) == 0 && !p.tensor.data &&
              p.tensor.shape[3] == 3);
    gn_picture_free(&p);
    unlink("p.img");
    CHECK("a lone .hdr is refused",
          gn_picture_read("p.hdr", false, &p, &err) == -1 && strstr(err.text, "not there"));
}

static void writes(void)
{
    static const char *const names[] = { "o.nii", "o.nii.gz" };
    static const double affines[3][12] = {
        { -0.8, 0, 0, 90.123456789, 0, 0.8, 0, -126, 0, 0, 1.2, -72 },
        { 0, 0, 3, 1, 2, 0, 0, 2, 0, 2.5, 0, 3 },    /* a permutation */
        { 1, 0.5, 0, 0, 0, 1, 0.25, 0, 0, 0, 1, 0 }, /* sheared */
    };
    for (int a = 0; a < 3; a++)
        for (int d = 0; d < GN_DTYPES; d++) {
            struct gn_picture in = { 0 }, back;
            char name[80];
            bool ok = true;
            if (d == GN_FLOAT16)
                continue;
            gn_err_clear(&err);
            if (gn_tensor_new4(&in.tensor, (enum gn_dtype)d, 2, 3, 4, 5, &err))
                abort();
            for (int64_t i = 0; i < 120; i++)
                gn_tensor_set(&in.tensor, i, (double)i);
            memcpy(in.affine, affines[a], sizeof in.affine);
            in.form = a;
            const char *path = names[d & 1];
            ok = gn_picture_write(path, &in, &err) == 0 &&
                 gn_picture_read(path, false, &back, &err) == 0;
            ok = ok && back.tensor.dtype == (enum gn_dtype)d && back.form == (a ? a : 1) &&
                 back.tensor.shape[0] == 2 &&
                 memcmp(in.tensor.data, back.tensor.data, 120 * gn_dtype_size((enum gn_dtype)d)) ==
                     0;
            for (int i = 0; ok && i < 12; i++)
                ok = back.affine[i] == (float)affines[a][i];
            snprintf(name, sizeof name, "%s of %s comes back with affine %d", path,
                     gn_dtype_names[d], a);
            CHECK(name, ok);
            if (ok && a < 2) {
                /* The qform must say the same as the sform: drop the sform and read again. */
                char *raw;
                size_t n;
                if (strcmp(path, "o.nii") == 0 &&
                    gn_file_read(path, 1 << 20, &raw, &n, &err) == 0) {
                    struct gn_picture q;
                    raw[254] = 0;
                    if (gn_file_write("q.nii", raw, n, false, &err) ||
                        gn_picture_read("q.nii", false, &q, &err))
                        abort();
                    for (int i = 0; i < 12; i++)
                        ok = ok && fabs(q.affine[i] - affines[a][i]) < 1e-5;
                    CHECK("the qform says the same as the sform", ok);
                    gn_picture_free(&q);
                    free(raw);
                }
            }
            gn_picture_free(&back);
            gn_picture_free(&in);
        }
    struct gn_picture in = { 0 }, back;
    gn_err_clear(&err);
    if (gn_tensor_new4(&in.tensor, GN_UINT8, 1, 1, 1, 40000, &err))
        abort();
    memcpy(in.affine, affines[0], sizeof in.affine);
    ((uint8_t *)in.tensor.data)[39999] = 7;
    CHECK("an extent above 32767 makes NIfTI-2",
          gn_picture_write("w.nii", &in, &err) == 0 &&
              gn_picture_read("w.nii", false, &back, &err) == 0 &&
              ((uint8_t *)back.tensor.data)[39999] == 7 && back.affine[3] == (float)90.123456789);
    gn_picture_free(&back);
    gn_picture_free(&in);
    if (gn_tensor_new4(&in.tensor, GN_FLOAT16, 1, 1, 1, 4, &err))
        abort();
    CHECK("float16 is refused",
          gn_picture_write("h.nii", &in, &err) == -1 && access("h.nii", F_OK) != 0);
    gn_picture_free(&in);
}

static void quaternions(void)
{
    /* Every half and quarter turn, and some in between, through a quaternion and back. */
    int bad = 0;
    for (int i = 0; i < 2000; i++) {
        double q[3], off[3] = { 1, 2, 3 }, size[3] = { 1, 2, 3 }, got[3], gotsize[3], fac, m[12],
                     m2[12];
        unsigned r = (unsigned)i * 2654435761u;
        double w = i < 200 ? 0 : (r & 255) / 255.0, n;
        q[0] = (double)((r >> 8) & 255) - 127.5;
        q[1] = (double)((r >> 16) & 255) - 127.5;
        q[2] = (double)((r >> 24) & 255) - 127.5;
        n = sqrt((q[0] * q[0] + q[1] * q[1] + q[2] * q[2]) / (1 - w * w * 0.999));
        for (int k = 0; k < 3; k++)
            q[k] /= n;
        if (gn_nifti_from_quatern(q, off, size, i & 1 ? -1 : 1, m) ||
            gn_nifti_to_quatern(m, got, gotsize, &fac) ||
            gn_nifti_from_quatern(got, off, gotsize, fac, m2)) {
            bad++;
            continue;
        }
        for (int k = 0; k < 12; k++)
            bad += fabs(m[k] - m2[k]) > 1e-6;
    }
    CHECK("affine to quaternion and back", bad == 0);
}

int main(void)
{
    reads();
    scales();
    shapes();
    refusals();
    pairs();
    writes();
    quaternions();
    return check_done();
}
