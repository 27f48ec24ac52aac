/* Two clouds of points, and what it costs to pair each with each, in double precision. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define HALF (LANES / 2)
typedef double Doubles __attribute__((vector_size(8 * HALF), may_alias));

INLINE Doubles doubles(const double *from) { return *(const Doubles *)from; }
INLINE void put_doubles(double *to, Doubles x) { *(Doubles *)to = x; }
INLINE Doubles all_doubles(double x) { return x - (Doubles){0}; }

/* Floats from row to row of n columns. */
INLINE int64_t whole_columns(int64_t n) { return (n + 2 * LANES - 1) / (2 * LANES) * (2 * LANES); }

/* Memory for so many doubles or longs, and floats; NULL where there is none. */
static double *memory_for(size_t eights, size_t fours) {
    return aligned_alloc(64, (8 * eights + 4 * fours + 63) / 64 * 64);
}

/* cost (n, ld): squared distances of a (n, dim) and b (n, dim), infinite behind the columns; returns
   their mean. across: (ld / LANES, dim, LANES), to work in: b by blocks of columns, whose numbers
   stay in the cache for all rows. */
static double measure(const float *a, const float *b, int64_t n, int64_t dim, double *cost,
                      int64_t ld, double *across) {
    Doubles total = {0};
    double rest = 0;
    for (int64_t j = 0; j < ld; j++)
        for (int64_t d = 0; d < dim; d++)
            across[(j / LANES * dim + d) * LANES + j % LANES] = j < n ? b[j * dim + d] : INFINITY;
    for (int64_t j = 0; j < ld; j += LANES, across += dim * LANES)
        for (int64_t i = 0; i < n; i++) {
            Doubles left = {0}, right = {0};
            for (int64_t d = 0; d < dim; d++) {
                double here = a[i * dim + d];
                Doubles off = doubles(across + d * LANES) - here;
                Doubles other = doubles(across + d * LANES + HALF) - here;
                left += off * off;
                right += other * other;
            }
            put_doubles(cost + i * ld + j, left);
            put_doubles(cost + i * ld + j + HALF, right);
            if (j + LANES <= n)
                total += left + right;
            else
                for (int64_t c = j; c < n; c++) rest += cost[i * ld + c];
        }
    for (int lane = 0; lane < HALF; lane++) rest += total[lane];
    return rest / ((double)n * n);
}
