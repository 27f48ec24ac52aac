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
   their mean. across: (dim, ld), to work in. */
static double measure(const float *a, const float *b, int64_t n, int64_t dim, double *cost,
                      int64_t ld, double *across) {
    Doubles total = {0};
    for (int64_t d = 0; d < dim; d++)
        for (int64_t j = 0; j < ld; j++) across[d * ld + j] = j < n ? b[j * dim + d] : INFINITY;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < ld; j += LANES) {
            Doubles left = {0}, right = {0};
            for (int64_t d = 0; d < dim; d++) {
                double here = a[i * dim + d];
                Doubles off = doubles(across + d * ld + j) - here;
                Doubles other = doubles(across + d * ld + j + HALF) - here;
                left += off * off;
                right += other * other;
            }
            put_doubles(cost + i * ld + j, left);
            put_doubles(cost + i * ld + j + HALF, right);
            if (j + LANES <= n) total += left + right;
        }
    double rest = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = n / LANES * LANES; j < n; j++) rest += cost[i * ld + j];
    for (int lane = 0; lane < HALF; lane++) rest += total[lane];
    return rest / ((double)n * n);
}
