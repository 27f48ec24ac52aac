/* What embeds times and classes: a linear layer, SiLU, a linear layer. The last of them is folded
   into the first layer of the network, one product of matrices for all rows. */
#pragma once

#include <string.h>

#include "products.h"

typedef struct {
    int64_t inputs, size;                                     /* size: a multiple of PANEL */
    const float *weight_in, *bias_in, *weight_out, *bias_out; /* (size, inputs), (size, size) */
} Embedding;

typedef struct {
    float *weight_in, *bias_in, *weight_out, *bias_out;
} EmbeddingSums;

/* Its first layer made ready. */
typedef struct {
    const Embedding *of;
    const float *across; /* weight_in transposed, (inputs, size) */
} Embedder;

INLINE int64_t across_size(const Embedding *of) { return of->inputs * of->size; }

INLINE Floats embedded(const Embedder *one, const float *told, int64_t c) {
    Floats x = load(one->of->bias_in + c);
    for (int64_t d = 0; d < one->of->inputs; d++)
        x += told[d] * load(one->across + d * one->of->size + c);
    return x;
}

/* What is told, through the first layer and SiLU: (rows, size) with ld floats from row to row. */
static void embed(const Embedder *one, const float *told, int64_t rows, float *to, int64_t ld) {
    for (int64_t i = 0; i < rows; i++, told += one->of->inputs, to += ld)
        for (int64_t c = 0; c < one->of->size; c += LANES) {
            Floats x = embedded(one, told, c);
            store(to + c, x * sigmoid(x));
        }
}

/* Adds the derivatives by the first layer's weights, from those by what `embed` gave: by bias
   (size), and transposed ones by weights (inputs, size). What `embed` gave is given again. */
static void embed_back(const Embedder *one, const float *told, int64_t rows, const float *by,
                       int64_t ld, float *bias, float *across, float *again, int64_t again_ld) {
    int64_t n = one->of->inputs, e = one->of->size;
    for (int64_t i = 0; i < rows; i++, told += n, by += ld, again += again_ld)
        for (int64_t c = 0; c < e; c += LANES) {
            Floats x = embedded(one, told, c), gate = sigmoid(x), bent = x * gate;
            store(again + c, bent);
            Floats slope = load(by + c) * (gate + bent - bent * gate);
            add_to(bias + c, slope);
            for (int64_t d = 0; d < n; d++) add_to(across + d * e + c, told[d] * slope);
        }
}

INLINE int64_t fold_memory(int64_t size, int64_t width) {
    int64_t longest = width > size ? width : size;
    return 2 * size * width + size * size + LANES + outer_memory(longest, longest);
}

/* Puts the embedding's last layer before a layer that reads it: rows (size, width) are that layer's
   weights by what it reads, transposed, and become those by what `embed` gives. */
static void fold(const Embedding *of, float *rows, int64_t width, float *bias, float *memory) {
    int64_t e = of->size;
    float *before = memory, *out = before + e * width;
    memcpy(before, rows, e * width * sizeof(float));
    memcpy(out, of->weight_out, e * e * sizeof(float));
    memset(rows, 0, e * width * sizeof(float));
    add_outer(out, e, e, before, width, width, e, rows, out + e * e + LANES);
    for (int64_t i = 0; i < e; i++)
        for (int64_t c = 0; c < width; c += LANES)
            add_to(bias + c, of->bias_out[i] * load(before + i * width + c));
}

/* From the derivatives by the folded rows (size, width) and bias to those by the embedding's last
   layer and by the columns of `weight` (width, ld) that read it, which are added to by_weight. */
static void fold_back(const Embedding *of, const float *by_rows, int64_t width, const float *by_bias,
                      const float *weight, float *by_weight, int64_t ld, const EmbeddingSums *sums,
                      float *memory) {
    int64_t e = of->size;
    float *columns = memory, *across = columns + e * width, *out = across + e * width;
    float *spare = out + e * e + LANES;
    for (int64_t c = 0; c < width; c++) memcpy(columns + c * e, weight + c * ld, e * sizeof(float));
    for (int64_t c = 0; c < width; c++)
        for (int64_t i = 0; i < e; i += LANES)
            add_to(sums->bias_out + i, by_bias[c] * load(columns + c * e + i));
    transpose(by_rows, width, e, width, across);
    add_outer(columns, e, e, across, e, e, width, sums->weight_out, spare);
    transpose(of->weight_out, e, e, e, out);
    for (int64_t i = 0; i < e; i++) /* columns are the derivatives' now, (size, width) */
        for (int64_t c = 0; c < width; c += LANES)
            store(columns + i * width + c, of->bias_out[i] * load(by_bias + c));
    add_outer(out, e, e, by_rows, width, width, e, columns, spare);
    add_transposed(columns, width, e, width, by_weight, ld);
}
