/* output.h - records of the stream as image files: which format and type a record gets, what its
 * file is called, and that no file of another's is replaced. */
#ifndef GN_TOOL_OUTPUT_H
#define GN_TOOL_OUTPUT_H

#include "io/format.h"
#include "stream/sample.h"

struct gn_names { /* private: found by hash */
    struct gn_strs list;
    size_t *slot, slots;
};

struct gn_output {
    const char *dir; /* names below are relative to it */
    /* With its dot; NULL: that of the record's source, or one that can hold the record. */
    const char *ext;
    const char *dtype; /* NULL: the record's; of labels the smallest unsigned type */
    /* {sample}, {name}, {role}, {patch}; NULL: {sample}/{sample}_{name}, and _{patch} for patches.
     */
    const char *pattern;
    /* What is being written, or NULL: no file that a record of it was read from is written over. */
    const struct gn_sample *sample;
    /* NULL, or called when all checks of a file have passed, before it is written. */
    void (*before)(void *arg);
    void *arg;
    struct gn_names made;    /* all names so far; none is written twice */
    struct gn_names earlier; /* what DIR/.gn-save lists: only these are replaced */
    size_t journal;          /* its bytes */
};

/* Is the pattern one that can be filled? -1: no, with the first unknown {word}, a usage error. */
int gn_output_check(const struct gn_output *o, struct gn_err *err) GN_MUST_USE;
/* The name in file names: seg, label, mask, weightmap, or the record's own. Borrowed. */
const char *gn_output_name(const struct gn_record *r);
/* Write one record as an image; *file is its name below dir, owned by the caller. The record's
 * payload must be verified. */
int gn_output_image(struct gn_output *o, const struct gn_record *r, char **file,
                    struct gn_err *err) GN_MUST_USE;
/* Reads DIR/.gn-save, the list of the files that gn_output_claim gave away here: by these runs and
 * by earlier ones, ended or killed. Folders are one program's at a time. */
int gn_output_open(struct gn_output *o, struct gn_err *err) GN_MUST_USE;
/* Claim a name for something else to write (a cache's .gnt): afterwards the file may be made or
 * replaced. -1, and nothing is changed: the name is taken; it is a file that a record of o->sample
 * was read from, or one of inputs (may be NULL); or there is a file that .gn-save does not list. */
int gn_output_claim(struct gn_output *o, const char *file, const struct gn_strs *inputs,
                    struct gn_err *err) GN_MUST_USE;
void gn_output_free(struct gn_output *o);

#endif
