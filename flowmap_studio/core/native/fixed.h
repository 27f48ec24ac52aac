/* Matrix products in fixed point: whole numbers of 16 bits, which a processor multiplies twice as
   many of at a time. For frames that move, in which nobody sees the difference.

   A number stands for itself times a unit, which each row of activations and each column of weights
   has for itself. Two neighbours of a row meet two of a column at once, and their sums have 32
   bits. */
#pragma once

#include <stdlib.h>

#include "products.h"

/* The largest activation of a row becomes this: 14 bits with the sign, as the sums' 31 are best
   shared with the weights. */
#define TOP 8191

/* c (rows, n) = a (rows, k) panels + start, as `product` in products.h.

   a_units: (rows), units: (n). */
static void product_fixed(const int16_t *a, const float *a_units, int64_t rows,
                          const int16_t *panels, const float *units, int64_t k, int64_t n,
                          const float *start, int64_t start_ld, float *c, int64_t ldc) {
    for (int64_t j = 0; j < n; j += PANEL, panels += k * PANEL)
        for (int64_t i = 0; i < rows; i += TILE) {
            Whole sums[TILE][2];
            UNROLL for (int q = 0; q < TILE; q++) sums[q][0] = sums[q][1] = (Whole){0};
            const int16_t *pair = a + i * k, *panel = panels;
            for (int64_t r = 0; r < k; r += 2, pair += 2, panel += 2 * PANEL) {
                Whole left = load_whole(panel), right = load_whole(panel + PANEL);
                UNROLL for (int q = 0; q < TILE; q++) add_pair(pair + q * k, left, right, sums[q]);
            }
            UNROLL for (int q = 0; q < TILE; q++)
                UNROLL for (int half = 0; half < 2; half++) {
                    int64_t at = j + half * LANES;
                    Floats sum = from_whole(sums[q][half]);
                    Floats from = load(start + (i + q) * start_ld + at);
                    store(c + (i + q) * ldc + at, sum * (a_units[i + q] * load(units + at)) + from);
                }
        }
}

INLINE Floats magnitude(Floats x) { return (Floats)((Ints)x & INT32_MAX); }

/* The largest magnitude; not a number where one of them is none, as its bits are the largest then. */
INLINE float largest(const float *x, int64_t count) {
    Whole most = {0};
    for (int64_t i = 0; i < count; i += LANES)
        most = larger(most, (Whole)magnitude(load(x + i)));
    int32_t found = largest_of(most);
    return ((union { int32_t bits; float number; }){found}).number;
}

INLINE float magnitudes(const float *x, int64_t count) {
    Floats total = zeros();
    for (int64_t i = 0; i < count; i += LANES) total += magnitude(load(x + i));
    return sum(total);
}

/* to (count) = x times a factor, to the nearest whole number. */
INLINE void to_whole(const float *x, int64_t count, float factor, int16_t *to) {
    for (int64_t i = 0; i < count; i += 2 * LANES)
        store_whole(to + i, load(x + i) * factor, load(x + i + LANES) * factor);
}

/* Rows (k) of x, with `ld` floats from row to row, in whole numbers and (rows) their units. */
INLINE void rows_to_whole(const float *x, int64_t ld, int64_t rows, int64_t k, int16_t *to,
                          float *units) {
    for (int64_t i = 0; i < rows; i++, x += ld, to += k) {
        float most = largest(x, k);
        units[i] = most / TOP;
        to_whole(x, k, most > 0 ? TOP / most : 0, to);
    }
}

/* The panels of a transposed matrix (n, k) and the units of its columns (n): as many bits as leave
   room for the sums. n and k: multiples of PANEL. */
static int pack_fixed(const float *from, int64_t ld, int64_t n, int64_t k, int16_t *to,
                      float *units) {
    int32_t *pairs = malloc((k + 1) * sizeof(int16_t)), *panels = (int32_t *)to;
    if (!pairs) return -1;
    float room = (float)INT32_MAX / TOP - k; /* what rounding adds is half a one each */
    for (int64_t j = 0; j < n; j++, from += ld) {
        float total = magnitudes(from, k), most = largest(from, k);
        float factor = room / total < INT16_MAX / most ? room / total : INT16_MAX / most;
        units[j] = total > 0 ? 1 / factor : total;
        to_whole(from, k, total > 0 ? factor : 0, (int16_t *)pairs);
        int32_t *column = panels + j / PANEL * k / 2 * PANEL + j % PANEL;
        for (int64_t i = 0; i < k / 2; i++) column[i * PANEL] = pairs[i];
    }
    free(pairs);
    return 0;
}

/* The layers of a network in whole numbers, and what their products work in. */
typedef struct {
    int16_t *first, *later;     /* panels: of the features (2 count, width), and of other layers */
    float *first_units, *units; /* (width), and (depth - 1, width) */
    float *positions;           /* (dim, width) weights of positions, which stay as they are */
    int16_t *rows;              /* activations of a block, and their units: each thread's own */
    float *row_units;
} Fixed;

/* c (rows, n) = x (rows, k) panels + start, with `ld` floats from row to row of x; writes whole
   tiles of rows. */
INLINE void product_rounded(const Fixed *fixed, const float *x, int64_t ld, int64_t rows,
                            const int16_t *panels, const float *units, int64_t k, int64_t n,
                            const float *start, int64_t start_ld, float *c) {
    rows_to_whole(x, ld, rows, k, fixed->rows, fixed->row_units);
    product_fixed(fixed->rows, fixed->row_units, up_to(rows, TILE), panels, units, k, n, start,
                  start_ld, c, n);
}
