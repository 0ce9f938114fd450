/* contour.c - follows the cracks between voxels of different labels, the region on the right. */
#include "view/contour.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

/* The sides of a voxel in the order they are walked: top to the right, right side down, bottom to
 * the left, left side up. */
enum { TOP, RIGHT, BOTTOM, LEFT };
static const int dx[4] = {1, 0, -1, 0}, dy[4] = {0, 1, 0, -1}; /* the way along a side */

struct crack {
    int x, y, side;
};

static void add_point(struct gn_contours *c, double x, double y)
{
    if (c->points == c->cap_points) {
        c->cap_points = c->cap_points ? 2 * c->cap_points : 256;
        c->xy = gn_realloc(c->xy, c->cap_points * 2 * sizeof *c->xy);
    }
    c->xy[2 * c->points] = (float)x;
    c->xy[2 * c->points + 1] = (float)y;
    c->points++;
}

/* Where the walk along a region goes on. */
static struct crack next(const int32_t *label, int w, int h, struct crack k)
{
    int32_t own = label[(size_t)k.y * (size_t)w + (size_t)k.x];
    int ax = k.x + dx[k.side], ay = k.y + dy[k.side]; /* ahead, then ahead and to the left */
    int bx = ax + dx[(k.side + 3) % 4], by = ay + dy[(k.side + 3) % 4];

    if (ax < 0 || ay < 0 || ax >= w || ay >= h || label[(size_t)ay * (size_t)w + (size_t)ax] != own)
        return (struct crack){k.x, k.y, (k.side + 1) % 4};
    if (bx < 0 || by < 0 || bx >= w || by >= h || label[(size_t)by * (size_t)w + (size_t)bx] != own)
        return (struct crack){ax, ay, k.side};
    return (struct crack){bx, by, (k.side + 3) % 4};
}

/* Start of a side, in voxels; inwards is to the right of the way. */
static void corner(struct crack k, int *x, int *y)
{
    *x = k.x + (k.side == RIGHT || k.side == BOTTOM);
    *y = k.y + (k.side == BOTTOM || k.side == LEFT);
}

static void follow(struct gn_contours *c, const int32_t *label, int w, int h, struct crack k,
                   unsigned char *seen, const double scale[2], double inset, bool square)
{
    int before = -1;

    /* The walk comes back to its first crack, with which it starts again to know what lay before.
     */
    for (bool again = false;;) {
        unsigned char *mark = &seen[(size_t)k.y * (size_t)w + (size_t)k.x];
        int x = 0, y = 0, in = (k.side + 1) % 4;

        if (*mark >> k.side & 1) {
            if (again)
                break;
            again = true;
        }
        corner(k, &x, &y);
        if (square && before >= 0 && before != k.side) {
            int in0 = (before + 1) % 4;

            add_point(c, x * scale[0] + inset * (dx[in] + dx[in0]),
                      y * scale[1] + inset * (dy[in] + dy[in0]));
        } else if (!square && !again) {
            add_point(c, (x + 0.5 * dx[k.side]) * scale[0] + inset * dx[in],
                      (y + 0.5 * dy[k.side]) * scale[1] + inset * dy[in]);
        }
        *mark = (unsigned char)(*mark | 1 << k.side);
        before = k.side;
        if (again)
            break;
        k = next(label, w, h, k);
    }
}

void gn_contours_add(struct gn_contours *c, const int32_t *label, int w, int h, double sx,
                     double sy, double inset, enum gn_view_role role)
{
    unsigned char *seen = gn_alloc((size_t)w * (size_t)h);
    const double scale[2] = {sx, sy}, most = 0.2 * (sx < sy ? sx : sy);

    if (inset > most) /* a region of one voxel must not turn inside out */
        inset = most;
    /* Every loop has a side that is walked to the right. */
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            struct gn_contour loop = {label[i], role, c->points, 0};

            if (!label[i] || seen[i] & 1 || (y > 0 && label[i - (size_t)w] == label[i]))
                continue;
            follow(c, label, w, h, (struct crack){x, y, TOP}, seen, scale, inset,
                   (sx > sy ? sx : sy) >= 3);
            loop.count = c->points - loop.first;
            if (c->n == c->cap) {
                c->cap = c->cap ? 2 * c->cap : 16;
                c->loop = gn_realloc(c->loop, c->cap * sizeof *c->loop);
            }
            c->loop[c->n++] = loop;
        }
    free(seen);
}

void gn_contours_free(struct gn_contours *c)
{
    free(c->loop);
    free(c->xy);
    *c = (struct gn_contours){0};
}
