/* study_undo.h - folders that were made for nothing: taken away again, with the parents that came
 * with them. */
#ifndef GN_RUN_STUDY_UNDO_H
#define GN_RUN_STUDY_UNDO_H

#include <stddef.h>

/* Before a folder is made: the length of the part of its path that names the uppermost folder that
 * is not there yet; 0: all are there. */
size_t gn_undo_mark(const char *path);
/* Removes the folder and its parents up to that one, as long as they are empty. */
void gn_undo_folders(const char *path, size_t mark);

#endif
