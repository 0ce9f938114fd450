/* bench_io.c - image files: bench_io FOLDER draws a head of 240x240x155, int16, into FOLDER
 * (head.nii, head.nii.gz), and one of 32x32x32 (small.nii).
 *
 *   load FILE        file -> float32 in memory
 *   save FILE        the image, int16 in memory -> file, compressed by its name
 *
 * Files are named within FOLDER. WORK: bytes that a load must read and write at least
 * (uncompressed), bytes that go into a save. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/phantom.h"
#include "io/format.h"
#include "peak.h"
#include "serve.h"

static struct gn_picture image;
static const char *folder;

static int draw(int64_t x, int64_t y, int64_t z, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_phantom p = { .kind = GN_PHANTOM_HEAD, .seed = 1, .size = { x, y, z },
                            .spacing = { 1, 1, 1 }, .channels = 1, .labels = 1 };
    struct gn_tensor label = { 0 };
    int rc = gn_phantom_draw(&p, "bench", &pic->tensor, &label, pic->affine, err);

    gn_tensor_free(&label);
    pic->has_affine = true;
    pic->stored = GN_INT16;
    return rc;
}

static int write_picture(const struct gn_picture *pic, const char *name, struct gn_err *err)
{
    char *path = gn_asprintf("%s/%s", folder, name);
    int rc = gn_picture_write(path, pic, err);

    free(path);
    return rc;
}

static int prepare(struct gn_err *err)
{
    struct gn_picture small = { 0 };
    int rc = draw(240, 240, 155, &image, err);

    if (rc == 0)
        rc = draw(32, 32, 32, &small, err);
    if (rc == 0)
        rc = write_picture(&image, "head.nii", err);
    if (rc == 0)
        rc = write_picture(&image, "head.nii.gz", err);
    if (rc == 0)
        rc = write_picture(&small, "small.nii", err);
    gn_picture_free(&small);
    return rc;
}

static double load(const char *path, double *work, struct gn_err *err)
{
    struct gn_picture pic;
    struct gn_tensor real = { 0 };
    double t = bench_now();
    int rc = gn_picture_read(path, false, &pic, err);

    if (rc == 0) {
        rc = gn_tensor_convert(&pic.tensor, GN_FLOAT32, &real, err);
        *work = (double)gn_tensor_count(&pic.tensor) *
                (double)(gn_dtype_size(pic.stored) + sizeof(float));
        gn_picture_free(&pic);
    }
    t = bench_now() - t;
    gn_tensor_free(&real);
    return rc == 0 ? t : -1;
}

static double save(const char *path, double *work, struct gn_err *err)
{
    double t = bench_now();
    int rc = gn_picture_write(path, &image, err);

    t = bench_now() - t;
    *work = (double)gn_tensor_count(&image.tensor) * sizeof(int16_t);
    return rc == 0 ? t : -1;
}

static double run(const char *line, double *work)
{
    struct gn_err err = { 0 };
    char what[16], name[64], *path;
    double t = -1;

    if (sscanf(line, "%15s %63s", what, name) != 2)
        return -1;
    path = gn_asprintf("%s/%s", folder, name);
    if (!strcmp(what, "load"))
        t = load(path, work, &err);
    else if (!strcmp(what, "save"))
        t = save(path, work, &err);
    if (err.code)
        fprintf(stderr, "bench_io: %s\n", err.text);
    free(path);
    return t;
}

int main(int argc, char **argv)
{
    struct gn_err err = { 0 };

    folder = argc > 1 ? argv[1] : ".";
    if (prepare(&err) < 0) {
        fprintf(stderr, "bench_io: %s\n", err.text);
        return 1;
    }
    return bench_serve(run);
}
