/* contour.h - the outlines of the labels of one plane, as closed polygons in pixels. */
#ifndef GN_VIEW_CONTOUR_H
#define GN_VIEW_CONTOUR_H

#include <stddef.h>
#include <stdint.h>

enum gn_view_role { GN_VIEW_TRUTH, GN_VIEW_PREDICTION, GN_VIEW_MASK, GN_VIEW_ROLES };

struct gn_contour {
    int32_t label;
    enum gn_view_role role;
    size_t first, count; /* points */
};

struct gn_contours {
    struct gn_contour *loop;
    size_t n, cap;
    float *xy; /* x, y of each point */
    size_t points, cap_points;
};

/* Add the borders of every region of equal labels other than 0 (h x w; regions are joined by
 * edges, holes are loops of their own, so the even-odd rule fills them). A voxel is sx x sy pixels.
 * Polygons run along the voxels' edges when these are at least three pixels long, else through the
 * middles of the edges, which looks smooth and is at most half a voxel off. inset moves them that
 * many pixels (at most a fifth of a voxel) into the region, so that neighbours do not hide each
 * other. */
void gn_contours_add(struct gn_contours *c, const int32_t *label, int w, int h, double sx,
                     double sy, double inset, enum gn_view_role role);
void gn_contours_free(struct gn_contours *c);

#endif
