/* morphology.c - dilation, erosion and their compositions on masks of bits. */
#include "image/morphology.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

const char *const gn_morphology_names[] = { "dilation", "erosion", "closing", "opening", NULL };

int gn_bits_new(struct gn_bits *m, const int64_t size[3], struct gn_err *err)
{
    size_t bytes = sizeof *m->row;
    *m = (struct gn_bits){ .size = { size[0], size[1], size[2] }, .words = (size[0] + 63) / 64 };
    if (gn_mul_size(bytes, (size_t)m->words, &bytes, err) ||
        gn_mul_size(bytes, (size_t)size[1], &bytes, err) ||
        gn_mul_size(bytes, (size_t)size[2], &bytes, err) || !(m->row = gn_try_alloc(bytes, err))) {
        *m = (struct gn_bits){ 0 };
        return -1;
    }
    return 0;
}

void gn_bits_free(struct gn_bits *m)
{
    free(m->row);
    *m = (struct gn_bits){ 0 };
}

/* ---- work on rows and lines of rows, cut by shape ---- */

enum {
    PART = 1 << 12, /* about as many words to an item */
    STRIP = 16      /* words of a row that are moved along y or z together */
};

struct job {
    struct gn_bits *m;
    const uint64_t *from; /* the mask as it was, where it is read beside m */
    int64_t lines, a_part;
    int64_t radius;
    int axis;
    uint64_t *scratch; /* per thread */
    size_t scratch_words;
    bool erode;
};

/* Lines along an axis: rows along x; strips of words along y and z. */
static void run_lines(struct job *job, void (*work)(void *, size_t, int))
{
    const struct gn_bits *m = job->m;
    int64_t strips = (m->words + STRIP - 1) / STRIP;
    int64_t words = job->axis ? STRIP * m->size[job->axis] : m->words; /* of a line */
    job->lines = job->axis == 0   ? m->size[1] * m->size[2]
                 : job->axis == 1 ? m->size[2] * strips
                                  : m->size[1] * strips;
    job->a_part = words < PART ? PART / words : 1;
    gn_pool_run((size_t)((job->lines + job->a_part - 1) / job->a_part), work, job);
}

static void last_line(const struct job *job, size_t item, int64_t *from, int64_t *to)
{
    *from = (int64_t)item * job->a_part;
    *to = *from + job->a_part < job->lines ? *from + job->a_part : job->lines;
}

static void invert_rows(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct gn_bits *m = job->m;
    int64_t from, to;
    (void)thread;
    last_line(job, item, &from, &to);
    for (int64_t r = from; r < to; r++) {
        uint64_t *row = m->row + r * m->words;
        for (int64_t w = 0; w < m->words; w++)
            row[w] = ~row[w];
        row[m->words - 1] &= gn_bits_tail(m);
    }
}

void gn_bits_invert(struct gn_bits *m)
{
    struct job job = { .m = m };
    run_lines(&job, invert_rows);
}

/* ---- the box: one axis after the other ---- */

/* v[i] |= v[i + k], k bits further on, over n words. */
static void or_down(uint64_t *v, int64_t n, int64_t k)
{
    int64_t words = k >> 6, bits = k & 63;
    for (int64_t i = 0; i + words < n; i++) {
        uint64_t up = v[i + words] >> bits;
        if (bits && i + words + 1 < n)
            up |= v[i + words + 1] << (64 - bits);
        v[i] |= up;
    }
}

/* The row moved up by the radius r, then v[i] = max(v[i], ..., v[i + 2r]) by doubling. */
static void dilate_x(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct gn_bits *m = job->m;
    int64_t from, to, n = (int64_t)job->scratch_words, r = job->radius, words = r >> 6;
    uint64_t *v = job->scratch + job->scratch_words * (size_t)thread;
    last_line(job, item, &from, &to);
    for (int64_t line = from; line < to; line++) {
        uint64_t *row = m->row + line * m->words, any = 0;
        for (int64_t i = 0; i < m->words; i++)
            any |= row[i];
        if (!any)
            continue;
        memset(v, 0, (size_t)n * sizeof *v);
        for (int64_t i = 0; i < m->words; i++) {
            v[i + words] |= row[i] << (r & 63);
            if (r & 63)
                v[i + words + 1] |= row[i] >> (64 - (r & 63));
        }
        int64_t have = 1;
        for (; 2 * have <= 2 * r + 1; have *= 2)
            or_down(v, n, have);
        if (have < 2 * r + 1)
            or_down(v, n, 2 * r + 1 - have);
        memcpy(row, v, (size_t)m->words * sizeof *row);
        row[m->words - 1] &= gn_bits_tail(m);
    }
}

/* The same with words in place of bits: along y in a plane, along z over the planes. */
static void dilate_rows(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct gn_bits *m = job->m;
    int64_t from, to, r = job->radius, n = m->size[job->axis], all = n + 2 * r;
    int64_t plane = m->words * m->size[1], strips = (m->words + STRIP - 1) / STRIP;
    int64_t stride = job->axis == 1 ? m->words : plane;
    uint64_t *v = job->scratch + job->scratch_words * (size_t)thread;
    last_line(job, item, &from, &to);
    for (int64_t line = from; line < to; line++) {
        int64_t first = line % strips * STRIP;
        int64_t w = m->words - first < STRIP ? m->words - first : STRIP;
        uint64_t *row = m->row + line / strips * (job->axis == 1 ? plane : m->words) + first;
        memset(v, 0, (size_t)(all * w) * sizeof *v);
        for (int64_t i = 0; i < n; i++)
            memcpy(v + (i + r) * w, row + i * stride, (size_t)w * sizeof *v);
        for (int64_t have = 1, more; have < 2 * r + 1; have += more) {
            more = 2 * have <= 2 * r + 1 ? have : 2 * r + 1 - have;
            for (int64_t i = 0; i < (all - more) * w; i++)
                v[i] |= v[i + more * w];
        }
        for (int64_t i = 0; i < n; i++)
            memcpy(row + i * stride, v + i * w, (size_t)w * sizeof *v);
    }
}

static int dilate(struct gn_bits *m, int64_t radius, struct gn_err *err)
{
    for (int axis = 0; axis < 3; axis++) {
        /* a reach beyond the whole axis is the whole axis */
        int64_t r = radius < m->size[axis] ? radius : m->size[axis] - 1;
        struct job job = { .m = m, .axis = axis, .radius = r };
        if (r == 0)
            continue;
        job.scratch_words = axis ? (size_t)((m->size[axis] + 2 * r) * STRIP)
                                 : (size_t)(m->words + (r >> 6) + 1);
        size_t words = job.scratch_words * (size_t)gn_pool_threads();
        if (!(job.scratch = gn_try_alloc(words * sizeof *job.scratch, err)))
            return -1;
        run_lines(&job, axis ? dilate_rows : dilate_x);
        free(job.scratch);
    }
    return 0;
}

static int erode(struct gn_bits *m, int64_t radius, struct gn_err *err)
{
    gn_bits_invert(m);
    int rc = dilate(m, radius, err);
    gn_bits_invert(m);
    return rc;
}

int gn_bits_morphology(struct gn_bits *m, enum gn_morphology how, int64_t kernel,
                       struct gn_err *err)
{
    int64_t r = kernel / 2;
    if (kernel < 1 || kernel % 2 == 0)
        return gn_err_set(err, "the kernel's size must be odd: %lld", (long long)kernel);
    switch (how) {
    case GN_DILATION: return dilate(m, r, err);
    case GN_EROSION: return erode(m, r, err);
    case GN_CLOSING: return dilate(m, r, err) || erode(m, r, err) ? -1 : 0;
    case GN_OPENING: return erode(m, r, err) || dilate(m, r, err) ? -1 : 0;
    }
    return 0;
}

/* ---- the cross ---- */

static void cross_rows(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct gn_bits *m = job->m;
    int64_t from, to, w = m->words, ny = m->size[1], nz = m->size[2];
    const uint64_t flip = job->erode ? ~(uint64_t)0 : 0; /* erosion is dilation of what is not */
    (void)thread;
    last_line(job, item, &from, &to);
    for (int64_t r = from; r < to; r++) {
        int64_t y = r % ny, z = r / ny;
        const uint64_t *in = job->from + r * w;
        uint64_t *out = m->row + r * w;
        for (int64_t i = 0; i < w; i++) {
            uint64_t left = in[i] << 1 | (i > 0 ? in[i - 1] >> 63 : 0);
            uint64_t right = in[i] >> 1 | (i + 1 < w ? in[i + 1] << 63 : 0);
            uint64_t v = in[i] ^ flip;
            if (m->size[0] > 1)
                v |= (left ^ flip) | (right ^ flip);
            if (ny > 1)
                v |= ((y > 0 ? in[i - w] : 0) ^ flip) | ((y + 1 < ny ? in[i + w] : 0) ^ flip);
            if (nz > 1)
                v |= ((z > 0 ? in[i - ny * w] : 0) ^ flip) |
                     ((z + 1 < nz ? in[i + ny * w] : 0) ^ flip);
            out[i] = v ^ flip;
        }
        out[w - 1] &= gn_bits_tail(m);
    }
}

int gn_bits_close_faces(struct gn_bits *m, struct gn_err *err)
{
    struct gn_bits wide = { 0 };
    if (gn_bits_new(&wide, m->size, err))
        return -1;
    struct job job = { .m = &wide, .from = m->row };
    run_lines(&job, cross_rows);
    job = (struct job){ .m = m, .from = wide.row, .erode = true };
    run_lines(&job, cross_rows);
    gn_bits_free(&wide);
    return 0;
}
