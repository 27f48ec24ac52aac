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

/* y = SiLU(LayerNorm(x)), which may lie in the same place. Two vectors at a time, or each would
   wait for its own division. */
INLINE Moments bend(const float *x, float *y, int64_t width, const float *gain, const float *shift,
                    float eps) {
    Moments of = moments_of(x, width, eps);
    for (int64_t i = 0; i < width; i += 2 * LANES) {
        int64_t j = i + LANES;
        Floats a = (load(x + i) - of.mean) * of.scale * load(gain + i) + load(shift + i);
        Floats b = (load(x + j) - of.mean) * of.scale * load(gain + j) + load(shift + j);
        Floats first = a * sigmoid(a), second = b * sigmoid(b);
        store(y + i, first);
        store(y + j, second);
    }
    return of;
}

/* Where what belongs to a layer is added up over the rows. */
typedef struct {
    float *weight, *bias, *gain, *shift;
} Sums;

/* `slope`, the derivative by y, becomes that by x. y is made anew: it was not kept. */
INLINE void bend_back(const float *x, Moments of, float *slope, float *y, int64_t width,
                      const float *gain, const float *shift, Sums sums) {
    Floats straight = zeros(), along = zeros();
    for (int64_t i = 0; i < width; i += LANES) {
        Floats unit = (load(x + i) - of.mean) * of.scale, factor = load(gain + i);
        Floats normed = unit * factor + load(shift + i);
        Floats gate = sigmoid(normed), bent = normed * gate;
        store(y + i, bent);
        Floats by_normed = load(slope + i) * (gate + bent - bent * gate);
        add_to(sums.shift + i, by_normed);
        add_to(sums.gain + i, by_normed * unit);
        Floats by_unit = by_normed * factor;
        store(slope + i, by_unit);
        straight += by_unit;
        along += by_unit * unit;
    }
    float mean = sum(straight) / width, lean = sum(along) / width;
    for (int64_t i = 0; i < width; i += LANES) {
        Floats unit = (load(x + i) - of.mean) * of.scale;
        Floats by_x = (load(slope + i) - mean - unit * lean) * of.scale;
        store(slope + i, by_x);
        add_to(sums.bias + i, by_x);
    }
}
