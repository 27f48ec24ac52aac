/* Matrix products in tiles of TILE rows by PANEL columns, whose sums stay in the registers.

   One factor is packed in panels: PANEL columns, one row after the other, then the next PANEL. */
#pragma once

#include "vectors.h"

#define PANEL (2 * LANES)

INLINE int64_t up_to(int64_t count, int64_t part) { return (count + part - 1) / part * part; }
INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Transposed `from` (rows, columns), with `ld` floats from row to row, to (columns, rows) with
   `to_ld`: put there, or added to what is there. */
INLINE void turn(const float *from, int64_t ld, int64_t rows, int64_t columns, float *to,
                 int64_t to_ld, int add) {
    int64_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
        int64_t j = 0;
        for (; j + LANES <= rows; j += LANES) {
            Floats turned[LANES];
            transpose_lanes(from + j * ld + i, ld, turned);
            UNROLL for (int q = 0; q < LANES; q++) {
                float *place = to + (i + q) * to_ld + j;
                store(place, add ? load(place) + turned[q] : turned[q]);
            }
        }
        for (; j < rows; j++)
            for (int64_t q = i; q < i + LANES; q++) {
                float *place = to + q * to_ld + j;
                *place = (add ? *place : 0) + from[j * ld + q];
            }
    }
    for (; i < columns; i++)
        for (int64_t j = 0; j < rows; j++) {
            float *place = to + i * to_ld + j;
            *place = (add ? *place : 0) + from[j * ld + i];
        }
}

/* to (columns, rows) = transposed from (rows, columns) with `ld` floats from row to row. */
static void transpose(const float *from, int64_t ld, int64_t rows, int64_t columns, float *to) {
    turn(from, ld, rows, columns, to, rows, 0);
}

/* to (columns, rows) += transposed from (rows, columns), with to_ld and ld floats from row to row. */
static void add_transposed(const float *from, int64_t ld, int64_t rows, int64_t columns, float *to,
                           int64_t to_ld) {
    turn(from, ld, rows, columns, to, to_ld, 1);
}

/* The panels of a transposed matrix: `from` is (n, k); columns that the last one lacks are 0. */
static void pack_transposed(const float *from, int64_t ld, int64_t n, int64_t k, float *to) {
    for (int64_t j = 0; j < n; j += PANEL, to += k * PANEL) {
        int64_t wide = least(PANEL, n - j);
        turn(from + j * ld, ld, wide, k, to, PANEL, 0);
        for (int64_t i = 0; i < k; i++)
            for (int64_t c = wide; c < PANEL; c++) to[i * PANEL + c] = 0;
    }
}

/* The panels of a matrix (k, n); columns that the last one lacks are 0. */
static void pack(const float *from, int64_t ld, int64_t k, int64_t n, float *to) {
    for (int64_t j = 0; j < n; j += PANEL)
        for (int64_t i = 0; i < k; i++, to += PANEL) {
            const float *row = from + i * ld + j;
            if (n - j >= PANEL) {
                store(to, load(row));
                store(to + LANES, load(row + LANES));
            } else
                for (int64_t c = 0; c < PANEL; c++) to[c] = c < n - j ? row[c] : 0;
        }
}

/* sums += a panel; element (q, i) of a is at a[q * by_row + i * by_k]. */
INLINE void add_tile(const float *a, int64_t by_row, int64_t by_k, const float *panel, int64_t k,
                     Floats sums[TILE][2]) {
    for (int64_t i = 0; i < k; i++, a += by_k, panel += PANEL) {
        Floats left = load(panel), right = load(panel + LANES);
        UNROLL for (int q = 0; q < TILE; q++) {
            Floats factor = all(a[q * by_row]);
            sums[q][0] += factor * left;
            sums[q][1] += factor * right;
        }
    }
}

/* c (rows, n) = a (rows, k) panels + start, for whole tiles of rows and whole panels.

   start: (rows, n) with start_ld floats from row to row, or one row for all with 0. */
static void product(const float *a, int64_t lda, int64_t rows, const float *panels, int64_t k,
                    int64_t n, const float *start, int64_t start_ld, float *c, int64_t ldc) {
    for (int64_t j = 0; j < n; j += PANEL, panels += k * PANEL)
        for (int64_t i = 0; i < rows; i += TILE) {
            Floats sums[TILE][2];
            UNROLL for (int q = 0; q < TILE; q++) {
                const float *from = start + (i + q) * start_ld + j;
                sums[q][0] = load(from);
                sums[q][1] = load(from + LANES);
            }
            add_tile(a + i * lda, lda, 1, panels, k, sums);
            UNROLL for (int q = 0; q < TILE; q++) {
                float *to = c + (i + q) * ldc + j;
                store(to, sums[q][0]);
                store(to + LANES, sums[q][1]);
            }
        }
}

/* Floats that `add_outer` needs to work in. */
INLINE int64_t outer_memory(int64_t m, int64_t k) {
    return (up_to(m, TILE) + PANEL) * k + PANEL;
}

/* c (m, n) += transposed a (k, m) times b (k, n).

   Behind each row of a, LANES floats are read and count for nothing. */
static void add_outer(const float *a, int64_t lda, int64_t m, const float *b, int64_t ldb,
                      int64_t n, int64_t k, float *c, float *memory) {
    float *panel = memory, *columns = memory + PANEL * k;
    for (int64_t i = 0; i < m; i += TILE)
        for (int64_t r = 0; r < k; r++) /* what it writes too much is then written over */
            store(columns + i * k + r * TILE, load(a + r * lda + i));
    for (int64_t j = 0; j < n; j += PANEL) {
        int64_t wide = least(PANEL, n - j);
        pack(b + j, ldb, k, wide, panel);
        for (int64_t i = 0; i < m; i += TILE) {
            Floats sums[TILE][2];
            UNROLL for (int q = 0; q < TILE; q++) sums[q][0] = sums[q][1] = zeros();
            add_tile(columns + i * k, 1, TILE, panel, k, sums);
            float *to = c + i * n + j;
            if (wide == PANEL && m - i >= TILE) {
                UNROLL for (int q = 0; q < TILE; q++) {
                    add_to(to + q * n, sums[q][0]);
                    add_to(to + q * n + LANES, sums[q][1]);
                }
            } else
                for (int64_t q = 0; q < least(TILE, m - i); q++)
                    for (int64_t h = 0; h < wide; h++)
                        to[q * n + h] += sums[q][h / LANES][h % LANES];
        }
    }
}
