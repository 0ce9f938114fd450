/* doctor_report.c - a subject's line in the report of a checkup (doctor.h) */
#include <string.h>

#include "base/csv.h"
#include "run/doctor.h"

const char gn_doctor_header[] = "table\tSubjectID\tverdict\tchannels\tsize\tspacing\taxes\thand\t"
                                "corner_mm\tlabels\tnan\tinf\tsame_as";

enum { LABELS = 256 }; /* listed in a cell */

void gn_doctor_verdict(const struct gn_doctor_subject *s, struct gn_str *out)
{
    bool any = false;
    for (int k = 0; k < GN_FAULTS; k++)
        if (s->has[k]) {
            gn_str_addf(out, "%s%s", any ? "," : "", gn_fault_names[k]);
            any = true;
        }
    if (!any)
        gn_str_add(out, "ok");
}

/* What a cell says of one file. */
static void put_size(const struct gn_doctor_file *f, struct gn_str *s)
{
    gn_str_addf(s, "%lld,%lld,%lld", (long long)f->grid.size[0], (long long)f->grid.size[1],
                (long long)f->grid.size[2]);
}
static void put_spacing(const struct gn_doctor_file *f, struct gn_str *s)
{
    if (f->has_affine)
        gn_str_addf(s, "%.6g,%.6g,%.6g", f->spacing[0], f->spacing[1], f->spacing[2]);
}
static void put_axes(const struct gn_doctor_file *f, struct gn_str *s)
{
    char codes[4];
    gn_doctor_axes(f->grid.affine, codes);
    gn_str_add(s, f->has_affine ? codes : "");
}
static void put_hand(const struct gn_doctor_file *f, struct gn_str *s)
{
    if (f->has_affine)
        gn_str_add(s, gn_doctor_left_handed(f->grid.affine) ? "left" : "right");
}

/* Is text one of the parts of list, which semicolons divide? */
static bool listed(const struct gn_str *list, const char *text)
{
    const size_t n = strlen(text);
    for (const char *at = gn_str_text(list); at;) {
        const char *end = strchr(at, ';');
        if ((end ? (size_t)(end - at) : strlen(at)) == n && !strncmp(at, text, n))
            return true;
        at = end ? end + 1 : NULL;
    }
    return false;
}

/* What the files of a subject have in common, or the different things that they have, by first
 * appearance. */
static void add_common(const struct gn_doctor_subject *s, struct gn_str *out,
                       void (*put)(const struct gn_doctor_file *f, struct gn_str *s))
{
    struct gn_str all = { 0 }, one = { 0 };
    bool any = false;
    for (size_t i = 0; i < s->files; i++) {
        if (!s->file[i].read)
            continue;
        gn_str_clear(&one);
        put(&s->file[i], &one);
        if (any && listed(&all, gn_str_text(&one)))
            continue;
        gn_str_addf(&all, "%s%s", any ? ";" : "", gn_str_text(&one));
        any = true;
    }
    gn_str_addf(out, "\t%s", gn_str_text(&all));
    gn_str_free(&all);
    gn_str_free(&one);
}

static void add_channels(const struct gn_doctor_subject *s, struct gn_str *out)
{
    int64_t channels = 0;
    for (size_t i = 0; i < s->files; i++)
        if (s->file[i].read && s->file[i].role == GN_COLUMN_IMAGE)
            channels += s->file[i].channels;
    gn_str_addf(out, "\t%lld", (long long)channels);
}

/* Of files that say where they are. */
static void add_corners(const struct gn_doctor_subject *s, struct gn_str *out)
{
    double worst = 0;
    bool any = false;
    for (size_t i = 0; s->first >= 0 && i < s->files; i++) {
        const struct gn_doctor_file *f = &s->file[i];
        if (!f->read || (long)i == s->first || !f->has_affine || !s->file[s->first].has_affine)
            continue;
        worst = f->corners > worst ? f->corners : worst;
        any = true;
    }
    gn_str_add(out, "\t");
    if (any)
        gn_str_addf(out, "%.6g", worst);
}

static void add_labels(const struct gn_doctor_subject *s, struct gn_str *out)
{
    const struct gn_doctor_file *f = NULL;
    for (size_t i = 0; i < s->files && !f; i++)
        if (s->file[i].read && s->file[i].role == GN_COLUMN_LABEL)
            f = &s->file[i];
    gn_str_add(out, "\t");
    for (size_t i = 0; f && i < f->voxels.values && i < LABELS; i++)
        gn_str_addf(out, "%s%.15g", i ? "," : "", f->voxels.value[i]);
    if (f && (f->voxels.values > LABELS || f->voxels.more))
        gn_str_add(out, ",...");
}

void gn_doctor_put(const struct gn_doctor *d, const struct gn_doctor_subject *s,
                   struct gn_str *out)
{
    const struct gn_doctor_table *t = &d->tables[s->table];
    struct gn_str cell = { 0 };
    int64_t nan = 0, inf = 0;

    gn_csv_put(out, t->name, '\t', 1);
    gn_csv_put(out, t->table.row[s->row].sample, '\t', 0);
    gn_str_add(out, "\t");
    gn_doctor_verdict(s, out);
    add_channels(s, out);
    add_common(s, out, put_size);
    add_common(s, out, put_spacing);
    add_common(s, out, put_axes);
    add_common(s, out, put_hand);
    add_corners(s, out);
    add_labels(s, out);
    for (size_t i = 0; i < s->files; i++) {
        nan += s->file[i].read ? s->file[i].voxels.nan : 0;
        inf += s->file[i].read ? s->file[i].voxels.inf : 0;
    }
    gn_str_addf(out, "\t%lld\t%lld", (long long)nan, (long long)inf);
    if (s->same) {
        const struct gn_doctor_table *other = &d->tables[s->same_table];
        if (s->same_table != s->table)
            gn_str_addf(&cell, "%s:", other->name);
        gn_str_addf(&cell, "%s:%s", other->table.row[s->same_row].sample,
                    other->table.column[s->same_column].name);
    }
    gn_csv_put(out, gn_str_text(&cell), '\t', 0);
    gn_str_free(&cell);
}
