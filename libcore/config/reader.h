/* reader.h - what the files that read a config share; private to libcore/config. */
#ifndef GN_CONFIG_READER_H
#define GN_CONFIG_READER_H

#include "config/schema.h"

struct gn_fault {
    int line, column;
    char *text;
};

struct gn_reader {
    struct gn_config *c;
    bool lenient; /* unknown keys are notes */
    struct gn_fault *fault;
    size_t n_faults, cap_faults;
    const struct gn_yaml *
        *node;           /* one a row of gn_config_keys: where it was written, NULL: nowhere */
    bool patch_read;     /* patch_size and dimension are good */
    struct gn_str inert; /* keys without effect, separated by ", " */
};

/* Record a fault or a note about a key; at NULL: the file as a whole. */
void gn_reader_fault(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const char *fmt, ...) GN_PRINTF(4, 5);
void gn_reader_note(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                    const char *fmt, ...) GN_PRINTF(4, 5);
void gn_reader_unknown(struct gn_reader *r, const struct gn_yaml *at, const char *prefix,
                       const char *when);

/* Where the row of this path was written, or NULL. */
const struct gn_yaml *gn_reader_node(const struct gn_reader *r, const char *path);
bool gn_reader_written(const struct gn_reader *r, const char *path); /* there, and not null */

/* Parse a scalar of a row's kind and range; 0, or -1 with a fault recorded. */
int gn_reader_int(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                  const struct gn_key *k, int64_t *v);
int gn_reader_real(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                   const struct gn_key *k, double *v);
int gn_reader_bool(struct gn_reader *r, const struct gn_yaml *at, const char *path, bool *v);
int gn_reader_choice(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const struct gn_key *k, const char **name);
/* x y z from a number or a list; count: how many were written. */
int gn_reader_vector(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const struct gn_key *k, int dimension, double v[3]);

/* The parts, in the order in which they run. */
void gn_reader_version(struct gn_reader *r);
void gn_reader_patch(struct gn_reader *r);
void gn_reader_classes(struct gn_reader *r);
void gn_reader_metrics(struct gn_reader *r);
void gn_reader_weights(struct gn_reader *r);
void gn_reader_betas(struct gn_reader *r);
void gn_reader_overlap(struct gn_reader *r);
void gn_reader_seed(struct gn_reader *r);
void gn_reader_older(struct gn_reader *r);
void gn_reader_steps(struct gn_reader *r);
void gn_reader_check(struct gn_reader *r);

/* A number as text that reads back as it is: for commands ("1e-05"), and for YAML 1.1 ("1.0e-05").
 * buf: 40 bytes. */
const char *gn_number_text(double v, char *buf);
const char *gn_number_yaml(double v, char *buf);

/* What an architecture asks of a patch's sides: multiples of a number, and a least side. 1 and 1 if
 * it takes any. */
void gn_config_patch_rule(const char *architecture, int depth, int64_t *multiple, int64_t *least);

#endif
