/* metaimage.c - MetaImage: "Key = Value" lines, then voxels in the same file (.mha) or in others
 * (.mhd). World is LPS, row i of TransformMatrix the direction of axis i.
 * https://itk.org/Wiki/ITK/MetaIO/Documentation */
#include "io/metaimage.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/voxels.h"

enum { MAX_HEADER = 1 << 20, MAX_DIMS = 8 };

enum key {
    K_OBJECT, K_NDIMS, K_DIMSIZE, K_TYPE, K_CHANNELS, K_BINARY, K_MSB, K_COMPRESSED, K_PACKED,
    K_HEADER, K_SPACING, K_SIZE, K_MATRIX, K_OFFSET, K_UNITS, K_FILE, K_OTHER
};

/* Names of one key are synonyms. What is K_OTHER is known and means nothing to an image's voxels
 * or place: AnatomicalOrientation repeats in letters what TransformMatrix says. */
static const struct {
    const char *name;
    enum key key;
} keys[] = { { "ObjectType", K_OBJECT },
             { "NDims", K_NDIMS },
             { "DimSize", K_DIMSIZE },
             { "ElementType", K_TYPE },
             { "ElementNumberOfChannels", K_CHANNELS },
             { "BinaryData", K_BINARY },
             { "BinaryDataByteOrderMSB", K_MSB },
             { "ElementByteOrderMSB", K_MSB },
             { "CompressedData", K_COMPRESSED },
             { "CompressedDataSize", K_PACKED },
             { "HeaderSize", K_HEADER },
             { "ElementSpacing", K_SPACING },
             { "ElementSize", K_SIZE },
             { "TransformMatrix", K_MATRIX },
             { "Rotation", K_MATRIX },
             { "Orientation", K_MATRIX },
             { "Offset", K_OFFSET },
             { "Position", K_OFFSET },
             { "Origin", K_OFFSET },
             { "DistanceUnits", K_UNITS },
             { "ElementDataFile", K_FILE },
             { "ObjectSubType", K_OTHER },
             { "Comment", K_OTHER },
             { "TransformType", K_OTHER },
             { "Name", K_OTHER },
             { "ID", K_OTHER },
             { "CenterOfRotation", K_OTHER },
             { "AnatomicalOrientation", K_OTHER },
             { "Modality", K_OTHER } };

/* MET_LONG has 4 bytes in files, whatever the machine. */
static const struct {
    const char *name;
    enum gn_dtype dtype;
} types[] = { { "MET_UCHAR", GN_UINT8 },         { "MET_CHAR", GN_INT8 },
              { "MET_USHORT", GN_UINT16 },       { "MET_SHORT", GN_INT16 },
              { "MET_UINT", GN_UINT32 },         { "MET_INT", GN_INT32 },
              { "MET_ULONG_LONG", GN_UINT64 },   { "MET_LONG_LONG", GN_INT64 },
              { "MET_FLOAT", GN_FLOAT32 },       { "MET_DOUBLE", GN_FLOAT64 },
              { "MET_ULONG", GN_UINT32 },        { "MET_LONG", GN_INT32 },
              { "MET_ASCII_CHAR", GN_INT8 } };
enum { TYPES = sizeof types / sizeof *types, WRITTEN = 10 };

/* Splits "Key = Value"; 0 if the line is none. */
static int split(const char *line, size_t len, size_t *key_len, const char **value,
                 size_t *value_len)
{
    size_t n = 0, at;

    while (n < len && (isalnum((unsigned char)line[n]) || line[n] == '_'))
        n++;
    for (at = n; at < len && (line[at] == ' ' || line[at] == '\t'); at++)
        ;
    if (!n || at == len || (line[at] != '=' && line[at] != ':'))
        return 0;
    *key_len = n;
    *value = line + at + 1;
    *value_len = len - at - 1;
    return 1;
}

static enum key find_key(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i].name) == n && strncmp(keys[i].name, name, n) == 0)
            return keys[i].key;
    return K_OTHER;
}

bool gn_metaimage_detect(const uint8_t *head, size_t n, const char *path)
{
    const char *line, *value;
    size_t at = 0, len, key_len, value_len;
    bool named = false;

    (void)path;
    for (int i = 0; gn_text_line((const char *)head, n, &at, &line, &len); i++) {
        if (!len)
            continue;
        if (memchr(line, 0, len) || !split(line, len, &key_len, &value, &value_len))
            return false;
        switch (find_key(line, key_len)) {
        case K_NDIMS:
        case K_DIMSIZE:
        case K_FILE: return true;
        case K_OBJECT: named = true; break;
        default:
            if (i > 64)
                return named;
        }
    }
    return named;
}

/* The header's values, each owned; files of ElementDataFile = LIST follow it. */
struct fields {
    char *value[K_OTHER];
    size_t end; /* of the header, in bytes */
};

static void free_fields(struct fields *f)
{
    for (int i = 0; i < K_OTHER; i++)
        free(f->value[i]);
}

static int read_fields(const char *data, size_t n, struct fields *f, struct gn_err *err)
{
    const char *line, *value;
    size_t len, key_len, value_len;

    while (!f->value[K_FILE] && gn_text_line(data, n, &f->end, &line, &len)) {
        enum key key;
        char *text;
        if (f->end > MAX_HEADER || memchr(line, 0, len))
            return gn_err_set(err, "damaged MetaImage header");
        if (!len)
            continue;
        if (!split(line, len, &key_len, &value, &value_len))
            return gn_err_set(err, "damaged MetaImage header: a line without '='");
        if ((key = find_key(line, key_len)) == K_OTHER)
            continue;
        text = gn_text_trim(value, value_len);
        if (f->value[key]) {
            bool same = strcmp(f->value[key], text) == 0;
            free(text);
            if (!same)
                return gn_err_set(err, "damaged MetaImage header: %.*s says something else than "
                                       "the same key before", (int)key_len, line);
            continue;
        }
        f->value[key] = text;
    }
    if (f->end > MAX_HEADER)
        return gn_err_set(err, "damaged MetaImage header");
    return 0;
}

/* A key that must be true or false; absent: no. */
static int read_flag(const struct fields *f, enum key key, const char *name, bool *flag,
                     struct gn_err *err)
{
    const char *v = f->value[key];

    *flag = false;
    if (!v)
        return 0;
    if (strcasecmp(v, "true") == 0 || strcmp(v, "1") == 0)
        *flag = true;
    else if (strcasecmp(v, "false") != 0 && strcmp(v, "0") != 0)
        return gn_err_set(err, "damaged MetaImage header: %s is %.60s", name, v);
    return 0;
}

/* n numbers of a key. 1: there, 0: the key is absent. */
static int read_reals(const struct fields *f, enum key key, const char *name, double *v, int n,
                      struct gn_err *err)
{
    if (!f->value[key])
        return 0;
    if (gn_text_reals(f->value[key], v, n) != n)
        return gn_err_set(err, "damaged MetaImage header: %s is not %d numbers", name, n);
    return 1;
}

static int read_int(const struct fields *f, enum key key, const char *name, int64_t lo,
                    int64_t *value, struct gn_err *err)
{
    if (f->value[key] && (gn_parse_int(f->value[key], value) || *value < lo))
        return gn_err_set(err, "damaged MetaImage header: %s is %.60s", name, f->value[key]);
    return 0;
}

/* ElementType, DimSize, channels, byte order and coding. */
static int read_layout(const struct fields *f, struct gn_voxels *v, int *dims, struct gn_err *err)
{
    int64_t nd = 0, size[MAX_DIMS], channels = 1, packed = 0, skip = 0;
    bool binary = true, compressed, msb, more = false;
    size_t t = 0;

    if (f->value[K_OBJECT] && strcasecmp(f->value[K_OBJECT], "Image") != 0)
        return gn_err_set(err, "a MetaIO object of type %.60s, not an image", f->value[K_OBJECT]);
    if (!f->value[K_NDIMS] || !f->value[K_DIMSIZE] || !f->value[K_TYPE] || !f->value[K_FILE])
        return gn_err_set(err, "damaged MetaImage header: no %s",
                          !f->value[K_NDIMS]     ? "NDims"
                          : !f->value[K_DIMSIZE] ? "DimSize"
                          : !f->value[K_TYPE]    ? "ElementType"
                                                 : "ElementDataFile");
    if (read_int(f, K_NDIMS, "NDims", 1, &nd, err) ||
        read_int(f, K_CHANNELS, "ElementNumberOfChannels", 1, &channels, err) ||
        read_int(f, K_PACKED, "CompressedDataSize", 0, &packed, err) ||
        read_int(f, K_HEADER, "HeaderSize", -1, &skip, err) ||
        read_flag(f, K_MSB, "BinaryDataByteOrderMSB", &msb, err) ||
        read_flag(f, K_COMPRESSED, "CompressedData", &compressed, err) ||
        (f->value[K_BINARY] && read_flag(f, K_BINARY, "BinaryData", &binary, err)))
        return -1;
    if (nd > MAX_DIMS)
        return gn_err_set(err, "%lld dimensions are not supported", (long long)nd);
    if (gn_text_ints(f->value[K_DIMSIZE], size, (int)nd) != nd)
        return gn_err_set(err, "damaged MetaImage header: DimSize is not %lld numbers",
                          (long long)nd);
    while (t < TYPES && strcmp(types[t].name, f->value[K_TYPE]) != 0)
        t++;
    if (t == TYPES)
        return gn_err_set(err, "MetaImage voxels of type %.60s are not supported",
                          f->value[K_TYPE]);
    v->dtype = types[t].dtype;
    v->swapped = msb != gn_machine_big();
    for (int i = 0; i < GN_VOXEL_AXES; i++)
        v->size[i] = 1;
    v->size[3] = channels;
    for (int i = 0; i < nd; i++) {
        if (size[i] < 1)
            return gn_err_set(err, "damaged MetaImage header: dimension %d has size %lld", i + 1,
                              (long long)size[i]);
        if (i < 3)
            v->size[i] = size[i];
        else if (size[i] > 1 && more)
            return gn_err_set(err, "more than one dimension after the third is larger than 1");
        else if (size[i] > 1)
            v->size[4] = size[i], more = true;
    }
    v->coding = !binary ? GN_CODED_TEXT : compressed ? GN_CODED_ZLIB : GN_CODED_RAW;
    if (compressed && (!binary || skip < 0))
        return gn_err_set(err, "compressed voxels with %s are not supported",
                          binary ? "HeaderSize -1" : "BinaryData False");
    if (compressed)
        v->packed = (size_t)packed;
    if (skip < 0)
        v->bytes = -1;
    else
        v->at = (size_t)skip;
    *dims = (int)nd;
    return 0;
}

static int read_place(const struct fields *f, int nd, struct gn_picture *pic, struct gn_err *err)
{
    double spacing[MAX_DIMS], matrix[MAX_DIMS * MAX_DIMS], offset[MAX_DIMS], unit = 1;
    int has_spacing, has_matrix, has_offset;
    double *m = pic->affine;

    has_spacing = read_reals(f, K_SPACING, "ElementSpacing", spacing, nd, err);
    if (!has_spacing)
        has_spacing = read_reals(f, K_SIZE, "ElementSize", spacing, nd, err);
    has_matrix = read_reals(f, K_MATRIX, "TransformMatrix", matrix, nd * nd, err);
    has_offset = read_reals(f, K_OFFSET, "Offset", offset, nd, err);
    if (has_spacing < 0 || has_matrix < 0 || has_offset < 0)
        return -1;
    if (f->value[K_UNITS] && *f->value[K_UNITS] && strcmp(f->value[K_UNITS], "?") != 0 &&
        !(unit = gn_unit_mm(f->value[K_UNITS])))
        return gn_err_set(err, "DistanceUnits %.60s are not supported", f->value[K_UNITS]);
    memset(m, 0, sizeof pic->affine);
    m[0] = m[5] = m[10] = 1;
    for (int j = 0; j < nd && j < 3; j++) {
        for (int i = 0; i < nd && i < 3; i++)
            m[4 * i + j] = (has_matrix ? matrix[j * nd + i] : i == j) *
                           (has_spacing ? spacing[j] : 1) * unit;
        if (has_offset)
            m[4 * j + 3] = offset[j] * unit;
    }
    for (int i = 0; has_matrix && i < nd; i++)
        for (int j = 3; j < nd; j++)
            if (i < 3 && (matrix[i * nd + j] != 0 || matrix[j * nd + i] != 0))
                return gn_err_set(err, "TransformMatrix mixes space with another dimension");
    gn_affine_flip_xy(m);
    pic->has_affine = has_spacing || has_matrix || has_offset;
    return gn_affine_check(m, "MetaImage", "TransformMatrix", err);
}

/* Names after ElementDataFile = LIST: one file for each index of the dimensions beyond those of a
 * file. */
static int read_list(const struct gn_map *map, size_t at, int nd, const struct fields *f,
                     struct gn_voxels *v, struct gn_err *err)
{
    int64_t file_dims = nd - 1, size[MAX_DIMS], want = 1;
    const char *word = f->value[K_FILE] + 4, *line;
    size_t len;

    word += strspn(word, " \t");
    len = strlen(f->value[K_FILE]);
    if (*word && f->value[K_FILE][len - 1] == 'D') /* another way to say LIST 2 is LIST 2D */
        f->value[K_FILE][len - 1] = 0;
    if ((*word && gn_parse_int(word, &file_dims)) || file_dims < 1 || file_dims > nd)
        return gn_err_set(err, "damaged MetaImage header: ElementDataFile is %.60s",
                          f->value[K_FILE]);
    if (gn_text_ints(f->value[K_DIMSIZE], size, nd) != nd)
        return -1; /* was read before */
    for (int64_t i = file_dims; i < nd; i++)
        if (size[i] > GN_MAX_PIECES || (want *= size[i]) > GN_MAX_PIECES)
            return gn_err_set(err, "more than %d files", GN_MAX_PIECES);
    while ((int64_t)v->files.n < want && gn_text_line(map->data, map->size, &at, &line, &len)) {
        char *name;
        if (at > MAX_HEADER || memchr(line, 0, len))
            return gn_err_set(err, "damaged MetaImage header");
        name = gn_text_trim(line, len);
        if (*name)
            gn_strs_add(&v->files, name);
        free(name);
    }
    if ((int64_t)v->files.n < want)
        return gn_err_set(err, "names %zu files, its dimensions ask for %lld", v->files.n,
                          (long long)want);
    return 0;
}

static int read_names(const struct gn_map *map, const struct fields *f, int nd,
                      struct gn_voxels *v, struct gn_err *err)
{
    const char *name = f->value[K_FILE], *left;
    int pattern;

    if (strcasecmp(name, "LOCAL") == 0) {
        if (v->at && v->at < f->end)
            return gn_err_set(err, "damaged MetaImage header: HeaderSize %zu is inside it", v->at);
        if (!v->at)
            v->at = f->end;
        if (v->bytes < 0 && map->size - f->end < 1)
            return gn_err_set(err, "truncated: no voxels");
        return 0;
    }
    if (strncmp(name, "LIST", 4) == 0 && (!name[4] || name[4] == ' ' || name[4] == '\t'))
        return read_list(map, f->end, nd, f, v, err);
    pattern = gn_voxels_pattern(name, &v->files, &left, err);
    if (pattern < 0)
        return -1;
    if (pattern && left[strspn(left, " \t0123456789")])
        return gn_err_set(err, "damaged MetaImage header: ElementDataFile is %.60s", name);
    if (!pattern && !*name)
        return gn_err_set(err, "damaged MetaImage header: no ElementDataFile");
    if (!pattern)
        gn_strs_add(&v->files, name);
    return 0;
}

int gn_metaimage_read(const char *path, bool header_only, struct gn_picture *pic,
                      struct gn_err *err)
{
    struct gn_map map = { 0 };
    struct fields f = { 0 };
    struct gn_voxels v = { 0 };
    int nd = 0, rc = -1;

    if (gn_map_open(&map, path, err) || read_fields(map.data, map.size, &f, err) ||
        read_layout(&f, &v, &nd, err) || read_place(&f, nd, pic, err) ||
        read_names(&map, &f, nd, &v, err))
        goto out;
    gn_voxels_interleaved(&v);
    rc = gn_voxels_read(&map, path, &v, header_only, pic, err);
out:
    gn_strs_free(&v.files);
    free_fields(&f);
    gn_map_close(&map);
    return rc;
}

/* ---- writing ---- */
static void add_header(struct gn_str *s, const struct gn_picture *pic, const char *type,
                       size_t packed)
{
    const int64_t *shape = pic->tensor.shape;
    double m[12], spacing[3];

    memcpy(m, pic->affine, sizeof m);
    gn_affine_flip_xy(m);
    gn_str_add(s, "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
                  "BinaryDataByteOrderMSB = False\nCompressedData = True\n");
    gn_str_addf(s, "CompressedDataSize = %zu\nTransformMatrix =", packed);
    for (int j = 0; j < 3; j++) {
        spacing[j] = sqrt(m[j] * m[j] + m[4 + j] * m[4 + j] + m[8 + j] * m[8 + j]);
        for (int i = 0; i < 3; i++) {
            gn_str_add(s, " ");
            gn_str_add_real(s, spacing[j] > 0 ? m[4 * i + j] / spacing[j] : i == j);
        }
    }
    gn_str_add(s, "\nOffset =");
    for (int i = 0; i < 3; i++) {
        gn_str_add(s, " ");
        gn_str_add_real(s, m[4 * i + 3]);
    }
    gn_str_add(s, "\nCenterOfRotation = 0 0 0\nElementSpacing =");
    for (int i = 0; i < 3; i++) {
        gn_str_add(s, " ");
        gn_str_add_real(s, spacing[i]);
    }
    gn_str_addf(s, "\nDimSize = %lld %lld %lld\n", (long long)shape[3], (long long)shape[2],
                (long long)shape[1]);
    if (shape[0] > 1)
        gn_str_addf(s, "ElementNumberOfChannels = %lld\n", (long long)shape[0]);
    gn_str_addf(s, "ElementType = %s\nElementDataFile = LOCAL\n", type);
}

int gn_metaimage_write(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_tensor *t = &pic->tensor;
    const void *voxels = t->data;
    void *mixed = NULL, *packed = NULL;
    size_t bytes, packed_n, k = 0;
    struct gn_str head = { 0 };
    int rc = -1;

    while (k < WRITTEN && types[k].dtype != t->dtype)
        k++;
    if (k == WRITTEN)
        return gn_err_set(err, "MetaImage has no %s voxels", gn_dtype_names[t->dtype]);
    if (t->rank != 4)
        return gn_err_set(err, "MetaImage holds images of axes c z y x, not of rank %d", t->rank);
    if (gn_tensor_bytes(t, &bytes, err))
        return -1;
    if (t->shape[0] > 1) {
        if (!(mixed = gn_try_alloc(bytes, err)))
            goto out;
        gn_voxels_interleave(t, mixed);
        voxels = mixed;
    }
    if (gn_zlib_deflate(voxels, bytes, 6, &packed, &packed_n, err))
        goto out;
    add_header(&head, pic, types[k].name, packed_n);
    rc = gn_voxels_write(path, &head, packed, packed_n, err);
out:
    gn_str_free(&head);
    free(packed);
    free(mixed);
    return rc;
}
