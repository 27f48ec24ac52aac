/* The article's network, forward and back, in single precision: position features, times and
   classes embedded, then linear layers, LayerNorm and SiLU.

   Points are taken in blocks whose activations stay in a core's own caches from the first layer to
   the last. Everything is (rows, columns), row after row; widths are multiples of PANEL. Functions
   that return a number return 0, or -1 where memory ran out. */
#include <stdlib.h>
#include <string.h>

#include "embedding.h"
#include "fixed.h"
#include "products.h"
#include "rows.h"
#include "threads.h"

/* Rows of a block, multiples of TILE. The longer ones of the way back make longer sums of its
   outer products. */
#define BLOCK 96
#define BLOCK_BACK 192
#define MOST_EMBEDDINGS 2
#define MOST_DEPTH 32 /* as in binding.py */

typedef struct {
    const float *weight, *bias, *gain, *shift; /* weight: (width, inputs of the layer) */
} Layer;

typedef struct {
    int64_t dim, count;                   /* of positions, of their projections */
    const float *frequencies;             /* (dim, count); count: a multiple of LANES */
    int64_t embedded;                     /* embeddings, whose columns stand behind those */
    const Embedding *embeddings;
    int64_t width, depth, outputs;
    const Layer *layers;                  /* depth */
    const float *last_weight, *last_bias; /* (outputs, width), (outputs) */
    float eps;                            /* of LayerNorm */
} Network;

/* What is told besides positions: for each embedding its (rows, inputs). */
typedef const float *const *Told;

/* What the way back needs of the way forward. */
typedef struct {
    float *sums;      /* (depth, room, width), before LayerNorm; whole tiles of rows are written */
    Moments *moments; /* (depth, room) */
    int64_t rows, room;
} Kept;

static float *floats(int64_t count) {
    return aligned_alloc(64, up_to(count, 16) * sizeof(float));
}

/* Columns of the first layer that are not embedded. */
INLINE int64_t given_of(const Network *net) { return net->dim + 2 * net->count; }

/* Those that are: whole panels. */
static int64_t embedded_of(const Network *net) {
    int64_t count = 0;
    for (int64_t j = 0; j < net->embedded; j++) count += net->embeddings[j].size;
    return count;
}

static int64_t inputs_of(const Network *net) { return given_of(net) + embedded_of(net); }

#include "ready.h"

/* c (rows, width) = a + start, for all rows the same. */
INLINE void add_start(const float *a, const float *start, int64_t rows, int64_t width, float *c) {
    for (int64_t i = 0; i < rows; i++, a += width, c += width)
        for (int64_t j = 0; j < width; j += LANES) store(c + j, load(a + j) + load(start + j));
}

/* One block through all layers but the last. `at` is its place among the rows that are kept.

   begun: (rows, width), what the first layer makes of the features, or NULL where it is to be made.
   fixed: to multiply in whole numbers, or NULL; with begun only.
   h, other: (BLOCK, width) to work in. Leaves the activations in h. */
INLINE void hidden(const Network *net, const float *packed, const Fixed *fixed,
                   const float *features, int64_t ld, int64_t inputs, int64_t rows,
                   const float *begun, const float *start, int64_t start_ld, float *h,
                   float *other, const Kept *kept, int64_t at) {
    int64_t w = net->width, tiles = up_to(rows, TILE);
    for (int64_t l = 0; l < net->depth; l++) {
        const Layer *layer = net->layers + l;
        int64_t k = l ? w : inputs, place = kept ? l * kept->room + at : 0;
        float *sums = kept ? kept->sums + place * w : other;
        if (!l && begun)
            add_start(begun, start, rows, w, sums);
        else if (fixed)
            product_rounded(fixed, h, w, rows, fixed->later + (l - 1) * w * w,
                            fixed->units + (l - 1) * w, w, w, layer->bias, 0, sums);
        else
            product(l ? h : features, l ? w : ld, tiles, packed, k, w, l ? layer->bias : start,
                    l ? 0 : start_ld, sums, w);
        bend_rows(sums, h, rows, w, layer->gain, layer->shift, net->eps, fixed != NULL,
                  kept ? kept->moments + place : NULL);
        packed += k * w;
    }
}

/* The last layer, which has few outputs. */
INLINE void read_out(const Network *net, const float *h, int64_t rows, float *out) {
    int64_t w = net->width;
    for (int64_t i = 0; i < rows; i++, h += w)
        for (int64_t o = 0; o < net->outputs; o++) {
            const float *weight = net->last_weight + o * w;
            Floats a = zeros(), b = zeros();
            for (int64_t c = 0; c < w; c += PANEL) {
                a += load(h + c) * load(weight + c);
                b += load(h + c + LANES) * load(weight + c + LANES);
            }
            *out++ = sum(a + b) + net->last_bias[o];
        }
}

/* Positions x (rows, dim), and the sines and cosines of their projections. */
static void position_features(const Network *net, const float *x, int64_t rows, float *to,
                              int64_t ld) {
    int64_t dim = net->dim, count = net->count;
    for (int64_t i = 0; i < rows; i++, x += dim, to += ld) {
        for (int64_t d = 0; d < dim; d++) to[d] = x[d];
        for (int64_t c = 0; c < count; c += LANES) {
            Floats angle = zeros(), sine, cosine;
            for (int64_t d = 0; d < dim; d++)
                angle += x[d] * load(net->frequencies + d * count + c);
            sine_cosine(angle, &sine, &cosine);
            store(to + dim + c, sine);
            store(to + dim + count + c, cosine);
        }
    }
}

/* (rows, inputs) what the folded first layer reads, from positions and what is told from row `at`. */
static void read_in(const Network *net, const Embedder *embedders, const float *x, Told told,
                    int64_t at, int64_t rows, float *features) {
    int64_t k = inputs_of(net), column = given_of(net);
    position_features(net, x + at * net->dim, rows, features, k);
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        embed(embedders + j, told[j] + at * of->inputs, rows, features + column, k);
        column += of->size;
    }
}

typedef struct {
    const Network *net;
    const Ready *ready;
    const float *x;
    Told told;
    const Kept *kept;
    float *out;
} Forward;

static int some_forward(const void *given, Blocks *blocks) {
    const Forward *call = given;
    const Network *net = call->net;
    int64_t k = inputs_of(net), block = BLOCK * net->width;
    float *memory = floats(BLOCK * k + 2 * block);
    if (!memory) return -1;
    float *h = memory, *other = h + block, *features = other + block;
    for (int64_t here, at; at = take(blocks, &here), here;) {
        read_in(net, call->ready->embedders, call->x, call->told, at, here, features);
        hidden(net, call->ready->forward, NULL, features, k, k, here, NULL, call->ready->bias, 0, h,
               other, call->kept, at);
        read_out(net, h, here, call->out + at * net->outputs);
    }
    free(memory);
    return 0;
}

/* Outputs (rows, outputs) of a network that was made ready, at positions x (rows, dim) and for what
   is told; `kept` may be NULL. */
EXPORT int network_forward(const Network *net, float *ready, const float *x, Told told, int64_t rows,
                           const Kept *kept, float *out, int64_t threads) {
    Ready all = ready_at(net, ready);
    Forward call = {net, &all, x, told, kept, out};
    return share_out(some_forward, &call, rows, BLOCK, threads);
}

#include "backward.h"
#include "evaluate.h"
#include "polar.h"
#include "descent.h"
