/* dicom - the corpus of the DICOM reader's fuzzer, without the child process that guards it. Built
 * where DCMTK is. */
#include "../fuzz/fuzz_dicom.c"

#include "check.h"
#include "corpus.h"

int main(void)
{
    CHECK("every DICOM file of the corpus, cut anywhere, gives an error or an image",
          corpus_replay("dicom") >= 14);
    return check_done();
}
