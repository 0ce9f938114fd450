/* dicom_guard.h - DICOM is read in a child process with limits of memory and time, so that a file
 * can end the decoder but not the program. Private to the plug-in. */
#ifndef GN_IO_DICOM_GUARD_H
#define GN_IO_DICOM_GUARD_H

#include "io/dicom.h"

namespace gn_dicom
{

/* As read, into pic; a crash, a hang and a gluttony of the decoder are errors. */
int read_guarded(const char *path, const char *uid, bool header_only, struct gn_picture *pic,
                 struct gn_err *err);

} // namespace gn_dicom

#endif
