/* What a layer does to one row of sums, SiLU(LayerNorm(x)), and its derivative. */
#pragma once

#include "vectors.h"

typedef struct {
    float mean, scale; /* 1 / standard deviation */
} Moments;

INLINE Moments moments_of(const float *x, int64_t width, float eps) {
    Floats a = zeros(), b = zeros();
    for (int64_t i = 0; i < width; i += 2 * LANES) {
        a += load(x + i);
        b += load(x + i + LANES);
    }
    float mean = sum(a + b) / width;
    a = b = zeros();
    for (int64_t i = 0; i < width; i += 2 * LANES) {
        Floats c = load(x + i) - mean, d = load(x + i + LANES) - mean;
        a += c * c;
        b += d * d;
    }
    return (Moments){mean, 1.0f / sqrtf(sum(a + b) / width + eps)};
}

/* Of FOUR rows, or each sum of a row would be waited for by itself. */
#define FOUR 4
INLINE void moments_of_four(const float *x, int64_t width, float eps, Moments of[FOUR]) {
    Floats sums[FOUR] = {zeros(), zeros(), zeros(), zeros()};
    float mean[FOUR];
    for (int64_t i = 0; i < width; i += LANES)
        UNROLL for (int r = 0; r < FOUR; r++) sums[r] += load(x + r * width + i);
    UNROLL for (int r = 0; r < FOUR; r++) {
        mean[r] = sum(sums[r]) / width;
        sums[r] = zeros();
    }
    for (int64_t i = 0; i < width; i += LANES)
        UNROLL for (int r = 0; r < FOUR; r++) {
            Floats off = load(x + r * width + i) - mean[r];
            sums[r] += off * off;
        }
    UNROLL for (int r = 0; r < FOUR; r++)
        of[r] = (Moments){mean[r], 1.0f / sqrtf(sum(sums[r]) / width + eps)};
}

/* y = SiLU(LayerNorm(x)), which may lie in the same place. Two vectors at a time, or each would
   wait for its own division. */
INLINE void bend(const float *x, Moments of, float *y, int64_t width, const float *gain,
                 const float *shift) {
    for (int64_t i = 0; i < width; i += 2 * LANES) {
        int64_t j = i + LANES;
        Floats a = (load(x + i) - of.mean) * of.scale * load(gain + i) + load(shift + i);
        Floats b = (load(x + j) - of.mean) * of.scale * load(gain + j) + load(shift + j);
        Floats first = a * sigmoid(a), second = b * sigmoid(b);
        store(y + i, first);
        store(y + j, second);
    }
}

/* That to some 1e-5. */
INLINE void bend_roughly(const float *x, Moments of, float *y, int64_t width, const float *gain,
                         const float *shift) {
    float scale = of.scale, ahead = -of.mean * of.scale;
    for (int64_t i = 0; i < width; i += 2 * LANES) {
        int64_t j = i + LANES;
        Floats a = (load(x + i) * scale + ahead) * load(gain + i) + load(shift + i);
        Floats b = (load(x + j) * scale + ahead) * load(gain + j) + load(shift + j);
        Floats first = a * sigmoid_to(a, 1), second = b * sigmoid_to(b, 1);
        store(y + i, first);
        store(y + j, second);
    }
}

/* That of rows one after the other; their moments are kept where `kept` is not NULL. */
INLINE void bend_rows(const float *x, float *y, int64_t rows, int64_t width, const float *gain,
                      const float *shift, float eps, int roughly, Moments *kept) {
    for (int64_t i = 0; i < rows; i += FOUR) {
        int64_t here = rows - i < FOUR ? rows - i : FOUR;
        Moments some[FOUR], *of = kept ? kept + i : some;
        if (here == FOUR)
            moments_of_four(x + i * width, width, eps, of);
        else
            for (int64_t r = 0; r < here; r++) of[r] = moments_of(x + (i + r) * width, width, eps);
        for (int64_t r = 0; r < here; r++)
            (roughly ? bend_roughly : bend)(x + (i + r) * width, of[r], y + (i + r) * width, width,
                                            gain, shift);
    }
}

/* Where what belongs to a layer is added up over the rows. */
typedef struct {
    float *weight, *bias, *gain, *shift;
} Sums;

/* `slope`, the derivative by y, becomes that by x, for `count` rows, FOUR at the most. y is made
   anew: it was not kept.

   gates: (FOUR, width) to work in. */
INLINE void bend_some_back(const float *x, const Moments *of, float *slope, float *y, float *gates,
                           int64_t width, const float *gain, const float *shift, Sums sums,
                           int count) {
    Floats straight[FOUR], along[FOUR];
    float even[FOUR], lean[FOUR];
    for (int r = 0; r < count; r++) {
        straight[r] = along[r] = zeros();
        for (int64_t i = 0; i < width; i += LANES) {
            int64_t at = r * width + i;
            Floats normed = (load(x + at) - of[r].mean) * of[r].scale * load(gain + i) +
                            load(shift + i);
            Floats gate = sigmoid(normed), bent = normed * gate;
            store(y + at, bent);
            store(gates + at, gate + bent - bent * gate);
        }
    }
    for (int64_t i = 0; i < width; i += LANES) {
        Floats factor = load(gain + i), by_shift = load(sums.shift + i),
               by_gain = load(sums.gain + i);
        UNROLL for (int r = 0; r < count; r++) {
            int64_t at = r * width + i;
            Floats unit = (load(x + at) - of[r].mean) * of[r].scale;
            Floats by_normed = load(slope + at) * load(gates + at);
            by_shift += by_normed;
            by_gain += by_normed * unit;
            Floats by_unit = by_normed * factor;
            store(slope + at, by_unit);
            straight[r] += by_unit;
            along[r] += by_unit * unit;
        }
        store(sums.shift + i, by_shift);
        store(sums.gain + i, by_gain);
    }
    for (int r = 0; r < count; r++) { /* (by_unit - mean - unit lean) scale, in two steps of each */
        even[r] = -of[r].scale * sum(straight[r]) / width;
        lean[r] = -of[r].scale * of[r].scale * sum(along[r]) / width;
    }
    for (int64_t i = 0; i < width; i += LANES) {
        Floats by_bias = load(sums.bias + i);
        UNROLL for (int r = 0; r < count; r++) {
            int64_t at = r * width + i;
            Floats by_x = load(slope + at) * of[r].scale +
                          ((load(x + at) - of[r].mean) * lean[r] + even[r]);
            store(slope + at, by_x);
            by_bias += by_x;
        }
        store(sums.bias + i, by_bias);
    }
}

/* That for rows one after the other. */
INLINE void bend_back(const float *x, const Moments *of, float *slope, float *y, float *gates,
                      int64_t rows, int64_t width, const float *gain, const float *shift,
                      Sums sums) {
    int64_t i = 0;
    for (; i + FOUR <= rows; i += FOUR)
        bend_some_back(x + i * width, of + i, slope + i * width, y + i * width, gates, width, gain,
                       shift, sums, FOUR);
    for (; i < rows; i++)
        bend_some_back(x + i * width, of + i, slope + i * width, y + i * width, gates, width, gain,
                       shift, sums, 1);
}
