/* analyze - the corpus of the fuzzer of Analyze 7.5. */
#include "../fuzz/fuzz_analyze.c"

#include "check.h"
#include "corpus.h"

int main(void)
{
    CHECK("every Analyze image of the corpus, cut anywhere, gives an error or an image",
          corpus_replay("analyze") >= 3);
    return check_done();
}
