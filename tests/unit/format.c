/* format.c - the table of formats: which one a file is, which one an extension means, and plug-ins.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcore/base/str.h"
#include "../../libcore/io/format.h"
#include "../../libcore/io/plugin.h"
#include "check.h"

static struct gn_err err;

static void put(const char *name, const void *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        abort();
}

static int is(const char *path, const char *name)
{
    const struct gn_format *f;
    gn_err_clear(&err);
    f = gn_format_detect(path, &err);
    return f && strcmp(f->name, name) == 0;
}

static int no(const char *path, const char *why)
{
    gn_err_clear(&err);
    if (gn_format_detect(path, &err))
        return 0;
    if (!strstr(err.text, why))
        printf("# %s\n", err.text);
    return strstr(err.text, why) != NULL;
}

static int ext(const char *e, const char *name)
{
    const struct gn_format *f;
    gn_err_clear(&err);
    f = gn_format_for_ext(e, &err);
    return name ? f && strcmp(f->name, name) == 0 : !f && err.code;
}

int main(void)
{
    struct gn_picture pic = { 0 }, back;
    struct gn_str list = { 0 };
    char *path;

    put("a.nii", "\211PNG\r\n\032\n....", 12);
    put("b", "II*\0....", 8);
    put("c", "MM\0+....", 8);
    put("d.png", "\377\330\377\340", 4);
    CHECK("contents decide, not names",
          is("a.nii", "PNG") && is("b", "TIFF") && is("c", "TIFF") && is("d.png", "JPEG"));
    put("e.nii", "hello", 5);
    put("f", "", 0);
    put("g", "\037\213\010 hello", 9);
    put("h", "hello", 5);
    mkdir("i.nii", 0777);
    CHECK("what is no image is told as it is",
          no("e.nii", "not a NIfTI file") && no("f", "empty") && no("g", "gzip data that") &&
              no("h", "known format") && no("i.nii", "folder") && no("none", "no such file"));
    mkfifo("j.nii", 0666);
    CHECK("a pipe is refused, not waited for", no("j.nii", "not a regular file"));
    CHECK("extensions", ext(".nii.gz", "NIfTI") && ext(".nii", "NIfTI") && ext(".TIF", "TIFF") &&
                            ext(".jpeg", "JPEG") && ext(".png", "PNG") && ext(".bmp", NULL) &&
                            ext(".hdr", NULL) && ext("", NULL));
    CHECK("extensions that are only read, and those beside them",
          ext(".mha", "MetaImage") && ext(".nrrd", "NRRD") && ext(".mhd", NULL) &&
              ext(".nhdr", NULL) && ext(".mgz", NULL) && ext(".dcm", NULL));

    gn_err_clear(&err);
    if (gn_tensor_new4(&pic.tensor, GN_UINT8, 1, 1, 2, 3, &err))
        abort();
    memcpy(pic.tensor.data, "abcdef", 6);
    pic.affine[0] = pic.affine[5] = pic.affine[10] = 1;
    static const char *const files[] = { "o.nii", "o.nii.gz", "o.png", "o.tif" };
    for (size_t i = 0; i < 4; i++) {
        gn_err_clear(&err);
        int ok = gn_picture_write(files[i], &pic, &err) == 0 &&
                 gn_picture_read(files[i], false, &back, &err) == 0;
        CHECK(files[i], ok && memcmp(back.tensor.data, "abcdef", 6) == 0 &&
                            back.has_affine == (i < 2) && back.affine[0] == (i < 2 ? 1 : -1));
        if (ok)
            gn_picture_free(&back);
        gn_err_clear(&err);
        ok = gn_picture_read(files[i], true, &back, &err) == 0;
        CHECK("its header alone",
              ok && !back.tensor.data && back.tensor.shape[2] == 2 && back.tensor.shape[3] == 3);
        if (ok)
            gn_picture_free(&back);
    }
    gn_err_clear(&err);
    CHECK("a name without a format is refused",
          gn_picture_write("o.xyz", &pic, &err) == -1 && strstr(err.text, "o.xyz"));
    gn_err_clear(&err);
    CHECK("a folder that is not there is one clear line",
          gn_picture_write("no/o.png", &pic, &err) == -1 &&
              gn_picture_write("no/o.nii", &pic, &err) == -1 && strstr(err.text, "no/o.png") &&
              !strchr(err.text, '\n'));
    gn_tensor_free(&pic.tensor);

    gn_format_list(&list);
    CHECK("the list names all formats", strstr(gn_str_text(&list), "NIfTI: built in\n") &&
                                            strstr(gn_str_text(&list), "PNG: plug-in png\n"));
    gn_err_clear(&err);
    CHECK("a missing plug-in names its package",
          !gn_plugin_symbol("nosuch", "x", "libnosuch1", "X files cannot be read", &err) &&
              strstr(err.text, "libnosuch1") && strstr(err.text, "X files"));
    gn_err_clear(&err);
    CHECK("a plug-in without the symbol is not ours",
          !gn_plugin_symbol("png", "nosuch", "p", "w", &err) && strstr(err.text, "not ours"));
    path = gn_plugin_path("png");
    CHECK("plug-ins lie beside the program",
          strstr(path, "/../lib/gn/png.so") && access(path, R_OK) == 0);
    free(path);
    gn_str_free(&list);
    return check_done();
}
