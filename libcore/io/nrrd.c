/* nrrd.c - NRRD: "field: value" lines, an empty line, then voxels, or the names of other files.
 * Encodings raw, gzip, text and hex. https://teem.sourceforge.net/nrrd/format.html */
#include "io/nrrd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { MAX_HEADER = 1 << 20 };

/* NRRD_OTHER: known, and without meaning for an image's voxels or place. */
static const struct {
    const char *name;
    enum gn_nrrd_field field;
} fields[] = { { "type", NRRD_TYPE },
               { "dimension", NRRD_DIMENSION },
               { "sizes", NRRD_SIZES },
               { "encoding", NRRD_ENCODING },
               { "endian", NRRD_ENDIAN },
               { "space", NRRD_SPACE },
               { "space dimension", NRRD_SPACE_DIMENSION },
               { "space directions", NRRD_DIRECTIONS },
               { "space origin", NRRD_ORIGIN },
               { "space units", NRRD_UNITS },
               { "spacings", NRRD_SPACINGS },
               { "axis mins", NRRD_MINS },
               { "axismins", NRRD_MINS },
               { "axis maxs", NRRD_MAXS },
               { "axismaxs", NRRD_MAXS },
               { "centers", NRRD_CENTERS },
               { "centerings", NRRD_CENTERS },
               { "kinds", NRRD_KINDS },
               { "data file", NRRD_FILE },
               { "datafile", NRRD_FILE },
               { "line skip", NRRD_LINE_SKIP },
               { "lineskip", NRRD_LINE_SKIP },
               { "byte skip", NRRD_BYTE_SKIP },
               { "byteskip", NRRD_BYTE_SKIP },
               { "content", NRRD_OTHER },
               { "number", NRRD_OTHER },
               { "block size", NRRD_OTHER },
               { "blocksize", NRRD_OTHER },
               { "min", NRRD_OTHER },
               { "max", NRRD_OTHER },
               { "old min", NRRD_OTHER },
               { "oldmin", NRRD_OTHER },
               { "old max", NRRD_OTHER },
               { "oldmax", NRRD_OTHER },
               { "sample units", NRRD_OTHER },
               { "sampleunits", NRRD_OTHER },
               { "thicknesses", NRRD_OTHER },
               { "units", NRRD_OTHER },
               { "labels", NRRD_OTHER },
               { "measurement frame", NRRD_OTHER } };

static const struct {
    const char *name;
    enum gn_dtype dtype;
} types[] = { { "uchar", GN_UINT8 },
              { "unsigned char", GN_UINT8 },
              { "uint8", GN_UINT8 },
              { "uint8_t", GN_UINT8 },
              { "signed char", GN_INT8 },
              { "int8", GN_INT8 },
              { "int8_t", GN_INT8 },
              { "ushort", GN_UINT16 },
              { "unsigned short", GN_UINT16 },
              { "unsigned short int", GN_UINT16 },
              { "uint16", GN_UINT16 },
              { "uint16_t", GN_UINT16 },
              { "short", GN_INT16 },
              { "short int", GN_INT16 },
              { "signed short", GN_INT16 },
              { "signed short int", GN_INT16 },
              { "int16", GN_INT16 },
              { "int16_t", GN_INT16 },
              { "uint", GN_UINT32 },
              { "unsigned int", GN_UINT32 },
              { "uint32", GN_UINT32 },
              { "uint32_t", GN_UINT32 },
              { "int", GN_INT32 },
              { "signed int", GN_INT32 },
              { "int32", GN_INT32 },
              { "int32_t", GN_INT32 },
              { "ulonglong", GN_UINT64 },
              { "unsigned long long", GN_UINT64 },
              { "unsigned long long int", GN_UINT64 },
              { "uint64", GN_UINT64 },
              { "uint64_t", GN_UINT64 },
              { "longlong", GN_INT64 },
              { "long long", GN_INT64 },
              { "long long int", GN_INT64 },
              { "signed long long", GN_INT64 },
              { "signed long long int", GN_INT64 },
              { "int64", GN_INT64 },
              { "int64_t", GN_INT64 },
              { "float", GN_FLOAT32 },
              { "double", GN_FLOAT64 } };
enum { FIELDS = sizeof fields / sizeof *fields, TYPES = sizeof types / sizeof *types };

bool gn_nrrd_detect(const uint8_t *head, size_t n, const char *path)
{
    (void)path;
    return n >= 5 && memcmp(head, "NRRD0", 5) == 0;
}

void gn_nrrd_free(struct gn_nrrd *h)
{
    for (int i = 0; i < NRRD_OTHER; i++)
        free(h->field[i]);
    memset(h, 0, sizeof *h);
}

/* One line: a field, or a key with := that is not for us. */
static int parse_line(const char *line, size_t len, struct gn_nrrd *h, struct gn_err *err)
{
    size_t n = 0, k = 0;

    while (n + 1 < len && !(line[n] == ':' && (line[n + 1] == ' ' || line[n + 1] == '=')))
        n++;
    if (n + 1 >= len && !(n < len && line[n] == ':'))
        return gn_err_set(err, "damaged NRRD header: a line that is no field");
    if (n + 1 < len && line[n + 1] == '=')
        return 0;
    while (k < FIELDS &&
           !(strlen(fields[k].name) == n && strncasecmp(fields[k].name, line, n) == 0))
        k++;
    if (k == FIELDS)
        return gn_err_set(err, "damaged NRRD header: no field is called %.*s",
                          (int)(n < 60 ? n : 60), line);
    if (fields[k].field == NRRD_OTHER)
        return 0;
    if (h->field[fields[k].field])
        return gn_err_set(err, "damaged NRRD header: two fields %s", fields[k].name);
    h->field[fields[k].field] = gn_text_trim(line + n + 1, len - n - 1);
    return 0;
}

int gn_nrrd_parse(const char *data, size_t n, struct gn_nrrd *h, struct gn_err *err)
{
    const char *line;
    size_t at = 0, len;

    memset(h, 0, sizeof *h);
    if (!gn_text_line(data, n, &at, &line, &len) || len < 8 || strncmp(line, "NRRD0", 5) != 0)
        return gn_err_set(err, "not a NRRD file");
    while (gn_text_line(data, n, &at, &line, &len)) {
        if (at > MAX_HEADER || memchr(line, 0, len))
            return gn_err_set(err, "damaged NRRD header");
        if (!len)
            break;
        if (*line != '#' && parse_line(line, len, h, err))
            return -1;
        if (h->field[NRRD_FILE] && strncmp(h->field[NRRD_FILE], "LIST", 4) == 0)
            break; /* the names follow, to the end of the file */
    }
    h->end = at;
    return 0;
}

/* type, encoding, endian and what is skipped. */
static int read_coding(const struct gn_nrrd *h, struct gn_voxels *v, struct gn_err *err)
{
    static const struct {
        const char *name;
        enum gn_coding coding;
    } codings[] = { { "raw", GN_CODED_RAW },    { "gzip", GN_CODED_GZIP },
                    { "gz", GN_CODED_GZIP },    { "text", GN_CODED_TEXT },
                    { "txt", GN_CODED_TEXT },   { "ascii", GN_CODED_TEXT },
                    { "hex", GN_CODED_HEX } };
    const char *type = h->field[NRRD_TYPE], *coding = h->field[NRRD_ENCODING];
    const char *endian = h->field[NRRD_ENDIAN];
    size_t k = 0;

    if (!type || !coding)
        return gn_err_set(err, "damaged NRRD header: no %s", type ? "encoding" : "type");
    while (k < TYPES && strcasecmp(types[k].name, type) != 0)
        k++;
    if (k == TYPES)
        return gn_err_set(err, "NRRD voxels of type %.60s are not supported", type);
    v->dtype = types[k].dtype;
    for (k = 0; k < sizeof codings / sizeof *codings; k++)
        if (strcasecmp(codings[k].name, coding) == 0)
            break;
    if (k == sizeof codings / sizeof *codings) {
        if (strcasecmp(coding, "bz2") == 0)
            coding = "bzip2";
        return gn_err_set(err, "NRRD voxels in encoding %.60s are not supported", coding);
    }
    v->coding = codings[k].coding;
    if (endian && strcasecmp(endian, "little") != 0 && strcasecmp(endian, "big") != 0)
        return gn_err_set(err, "damaged NRRD header: endian is %.60s", endian);
    if (!endian && gn_dtype_size(v->dtype) > 1 && v->coding != GN_CODED_TEXT)
        return gn_err_set(err, "damaged NRRD header: no endian");
    v->swapped = endian && (strcasecmp(endian, "big") == 0) != gn_machine_big();
    if ((h->field[NRRD_LINE_SKIP] &&
         (gn_parse_int(h->field[NRRD_LINE_SKIP], &v->lines) || v->lines < 0)) ||
        (h->field[NRRD_BYTE_SKIP] && gn_parse_int(h->field[NRRD_BYTE_SKIP], &v->bytes)))
        return gn_err_set(err, "damaged NRRD header: line skip or byte skip");
    if (v->bytes < -1 ||
        (v->bytes == -1 && v->coding != GN_CODED_RAW && v->coding != GN_CODED_GZIP))
        return gn_err_set(err, "byte skip %lld is not supported in encoding %s",
                          (long long)v->bytes, coding);
    return 0;
}

static int read_names(const struct gn_map *map, const struct gn_nrrd *h, struct gn_voxels *v,
                      struct gn_err *err)
{
    const char *name = h->field[NRRD_FILE], *left, *line;
    size_t at = h->end, len;
    int pattern;

    if (!name) {
        v->at = h->end;
        return 0;
    }
    if (strncmp(name, "LIST", 4) != 0 || (name[4] && name[4] != ' ' && name[4] != '\t')) {
        pattern = gn_voxels_pattern(name, &v->files, &left, err);
        if (pattern < 0)
            return -1;
        if (!pattern) {
            if (!*name || h->end < map->size)
                return gn_err_set(err, "damaged NRRD header: %s",
                                  *name ? "voxels after it, and a data file" : "data file");
            gn_strs_add(&v->files, name);
        }
        return 0;
    }
    while (gn_text_line(map->data, map->size, &at, &line, &len)) {
        char *text;
        if (at > MAX_HEADER || v->files.n == GN_MAX_PIECES || memchr(line, 0, len))
            return gn_err_set(err, "damaged NRRD header");
        text = gn_text_trim(line, len);
        if (*text)
            gn_strs_add(&v->files, text);
        free(text);
    }
    return v->files.n ? 0 : gn_err_set(err, "damaged NRRD header: a data file LIST without names");
}

int gn_nrrd_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_map map = { 0 };
    struct gn_nrrd h = { 0 };
    struct gn_voxels v = { 0 };
    int rc = -1;

    if (gn_map_open(&map, path, err) || gn_nrrd_parse(map.data, map.size, &h, err) ||
        read_coding(&h, &v, err) || gn_nrrd_grid(&h, &v, pic, err) ||
        read_names(&map, &h, &v, err))
        goto out;
    rc = gn_voxels_read(&map, path, &v, header_only, pic, err);
out:
    gn_strs_free(&v.files);
    gn_nrrd_free(&h);
    gn_map_close(&map);
    return rc;
}

/* ---- writing ---- */
static void add_vector(struct gn_str *s, const double m[12], int column)
{
    for (int i = 0; i < 3; i++) {
        gn_str_add(s, i ? "," : " (");
        gn_str_add_real(s, m[4 * i + column]);
    }
    gn_str_add(s, ")");
}

static void add_header(struct gn_str *s, const struct gn_picture *pic, const char *type)
{
    const int64_t *shape = pic->tensor.shape;
    const bool list = shape[0] > 1;
    double m[12];

    memcpy(m, pic->affine, sizeof m);
    gn_affine_flip_xy(m);
    gn_str_addf(s, "NRRD0004\ntype: %s\ndimension: %d\nspace: left-posterior-superior\n", type,
                list ? 4 : 3);
    gn_str_addf(s, "sizes: %lld %lld %lld", (long long)shape[3], (long long)shape[2],
                (long long)shape[1]);
    if (list)
        gn_str_addf(s, " %lld", (long long)shape[0]);
    gn_str_add(s, "\nspace directions:");
    for (int j = 0; j < 3; j++)
        add_vector(s, m, j);
    gn_str_addf(s, "%s\nkinds: domain domain domain%s\nendian: little\nencoding: gzip\n",
                list ? " none" : "", list ? " list" : "");
    gn_str_add(s, "space origin:");
    add_vector(s, m, 3);
    gn_str_add(s, "\n\n");
}

int gn_nrrd_write(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_tensor *t = &pic->tensor;
    void *packed = NULL;
    size_t bytes, packed_n, k = 0;
    struct gn_str head = { 0 };
    int rc = -1;

    while (k < TYPES && types[k].dtype != t->dtype)
        k++;
    if (k == TYPES)
        return gn_err_set(err, "NRRD has no %s voxels", gn_dtype_names[t->dtype]);
    if (t->rank != 4)
        return gn_err_set(err, "NRRD holds images of axes c z y x here, not of rank %d", t->rank);
    if (gn_tensor_bytes(t, &bytes, err) ||
        gn_gzip_deflate(t->data, bytes, 6, &packed, &packed_n, err))
        goto out;
    add_header(&head, pic, types[k].name);
    rc = gn_voxels_write(path, &head, packed, packed_n, err);
out:
    gn_str_free(&head);
    free(packed);
    return rc;
}
