/* check.h - what every unit program uses: "ok N - name" lines and a count.
 *
 *   int main(void) { CHECK("a name as a sentence", cond); ...; return check_done(); }
 */
#ifndef GN_TESTS_CHECK_H
#define GN_TESTS_CHECK_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static int check_number, check_failed;

#define CHECK(name, cond) check_one((name), (cond), #cond, __FILE__, __LINE__)
/* |a - b| <= tol * max(1, |b|) */
#define CHECK_NEAR(name, a, b, tol) check_near((name), (a), (b), (tol), __FILE__, __LINE__)

static inline int check_one(const char *name, int ok, const char *what, const char *file, int line)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++check_number, name);
    if (!ok) {
        printf("# %s:%d: %s\n", file, line, what);
        check_failed++;
    }
    return ok;
}

static inline int check_near(const char *name, double a, double b, double tol, const char *file,
                             int line)
{
    double m = fabs(b) > 1 ? fabs(b) : 1;
    char what[128];
    snprintf(what, sizeof what, "%.17g is not %.17g within %g", a, b, tol);
    return check_one(name, fabs(a - b) <= tol * m, what, file, line);
}

/* The end of a program: how many tests there were (one that ends without it has failed). */
static inline int check_done(void)
{
    printf("1..%d\n", check_number);
    return check_failed ? 1 : 0;
}

#endif
