/* Outputs and jumps without derivatives; a part of network.c. */

/* The layers as products take them, made once for all threads: floats or whole numbers. */
typedef struct {
    float *floats; /* panels of the positions' and features' part of the first, and of the others */
    Fixed *fixed;  /* NULL for floats */
} Packed;

/* What a thread works in. */
typedef struct {
    float *features, *h, *other, *first, *x, *raw; /* each of a block; first: (BLOCK, width) */
    float *nothing;                                /* (width) zeros */
    int64_t ld;                                    /* of the features */
    const float *packed;
    Fixed whole, *fixed; /* with the thread's own rows, and where it is, or NULL */
} Workspace;

/* Activations of a block in whole numbers, at the most, and their units. */
static int64_t whole_memory(const Network *net) {
    int64_t widest = net->width > 2 * net->count ? net->width : 2 * net->count;
    return BLOCK * (widest / 2 + 1);
}

static float *make_workspace(const Network *net, const Packed *packed, Workspace *space) {
    int64_t w = net->width, ld = up_to(given_of(net), LANES), block = BLOCK * w;
    int64_t count = BLOCK * (ld + net->dim + net->outputs) + 3 * block + w;
    float *memory = floats(count + (packed->fixed ? whole_memory(net) : 0));
    if (!memory) return NULL;
    *space = (Workspace){.features = memory, .ld = ld, .packed = packed->floats};
    space->h = space->features + BLOCK * ld;
    space->other = space->h + block;
    space->first = space->other + block;
    space->nothing = space->first + block;
    space->x = space->nothing + w;
    space->raw = space->x + BLOCK * net->dim;
    memset(memory, 0, BLOCK * ld * sizeof(float));
    memset(space->nothing, 0, w * sizeof(float));
    if (packed->fixed) {
        space->whole = *packed->fixed;
        space->whole.row_units = memory + count;
        space->whole.rows = (int16_t *)(space->whole.row_units + BLOCK);
        space->fixed = &space->whole;
    }
    return memory;
}

static float *pack_floats(const Network *net, Packed *packed) {
    int64_t w = net->width, k = given_of(net);
    float *memory = floats(k * w + later_size(net));
    if (!memory) return NULL;
    pack_transposed(net->layers[0].weight, inputs_of(net), w, k, memory);
    pack_later(net, memory + k * w);
    packed->floats = memory;
    return memory;
}

static float *pack_whole(const Network *net, Fixed *fixed) {
    int64_t w = net->width, k = 2 * net->count, inputs = inputs_of(net), dim = net->dim;
    int64_t panels = (k * w + later_size(net)) / 2; /* two to a float */
    float *memory = floats(panels + (dim + net->depth) * w);
    if (!memory) return NULL;
    fixed->first = (int16_t *)memory;
    fixed->later = fixed->first + k * w;
    fixed->positions = memory + panels;
    fixed->first_units = fixed->positions + dim * w;
    fixed->units = fixed->first_units + w;
    const float *first = net->layers[0].weight;
    transpose(first, inputs, w, dim, fixed->positions);
    int failed = pack_fixed(first + dim, inputs, w, k, fixed->first, fixed->first_units);
    for (int64_t l = 0; l < net->depth - 1; l++)
        failed |= pack_fixed(net->layers[l + 1].weight, w, w, w, fixed->later + l * w * w,
                             fixed->units + l * w);
    if (!failed) return memory;
    free(memory);
    return NULL;
}

/* c (rows, width) = x (rows, dim) times the first layer's weights of positions. */
static void first_of_positions(const Network *net, const Fixed *fixed, const float *x,
                               int64_t rows, float *c) {
    int64_t w = net->width, dim = net->dim;
    for (int64_t i = 0; i < rows; i++, x += dim, c += w)
        for (int64_t j = 0; j < w; j += LANES) {
            Floats total = zeros();
            for (int64_t d = 0; d < dim; d++) total += x[d] * load(fixed->positions + d * w + j);
            store(c + j, total);
        }
}

/* What the first layer makes of positions x (rows, dim) of a block, times and bias left out. */
static const float *begin_block(const Network *net, const Workspace *space, const float *x,
                                int64_t rows) {
    int64_t w = net->width, dim = net->dim;
    const Fixed *fixed = space->fixed;
    position_features(net, x, rows, space->features, space->ld);
    if (fixed) {
        first_of_positions(net, fixed, x, rows, space->first);
        product_rounded(fixed, space->features + dim, space->ld, rows, fixed->first,
                        fixed->first_units, 2 * net->count, w, space->first, w, space->first);
    } else
        product(space->features, space->ld, up_to(rows, TILE), space->packed, given_of(net), w,
                space->nothing, 0, space->first, w);
    return space->first;
}

/* Outputs (rows, outputs) of a block at positions x (rows, dim).

   begun: what `begin_block` made of the positions, or NULL; with told_ld 0 only.
   told: (rows, width), what the first layer makes of times and classes, bias included, with told_ld
   floats from row to row and whole tiles of rows, or one row for all with 0. */
static void block_at(const Network *net, const Workspace *space, const float *x, int64_t rows,
                     const float *begun, const float *told, int64_t told_ld, float *out) {
    if (!begun) position_features(net, x, rows, space->features, space->ld);
    hidden(net, space->packed, space->fixed, space->features, space->ld, given_of(net), rows, begun, told,
           told_ld, space->h, space->other, NULL, 0);
    read_out(net, space->h, rows, out);
}

/* Points and what becomes of them; see what is asked of `network_at` and `network_jumps`. */
typedef struct {
    const float *x, *begun, *told, *gaps;
    int64_t told_ld, rows, jumps;
    float *out;
} Route;

typedef struct {
    const Network *net;
    const Route *routes;
    int64_t count;
    Packed packed;
} Call;

static int some_at(const void *given, Blocks *blocks) {
    const Call *call = given;
    const Network *net = call->net;
    const Route *route = call->routes;
    Workspace space;
    float *memory = make_workspace(net, &call->packed, &space);
    if (!memory) return -1;
    for (int64_t here, at; at = take(blocks, &here), here;) {
        const float *told = route->told + at * route->told_ld;
        if (route->told_ld && here % TILE)
            told = memcpy(space.first, told, here * net->width * sizeof(float));
        block_at(net, &space, route->x + at * net->dim, here, NULL, told, route->told_ld,
                 route->out + at * net->outputs);
    }
    free(memory);
    return 0;
}

/* All jumps of a block's points. */
static void jump_block(const Network *net, const Workspace *space, const Route *route, int64_t at,
                       int64_t rows) {
    int64_t count = rows * net->dim;
    memcpy(space->x, route->x + at * net->dim, count * sizeof(float));
    for (int64_t j = 0; j < route->jumps; j++) {
        /* Added up in one order, whether it is kept or not: in floats the ends are the same. */
        const float *begun = j || !route->begun ? begin_block(net, space, space->x, rows)
                                                : route->begun + at * net->width;
        block_at(net, space, space->x, rows, begun, route->told + j * net->width, 0, space->raw);
        for (int64_t i = 0; i < count; i++) space->x[i] += route->gaps[j] * space->raw[i];
    }
    memcpy(route->out + at * net->dim, space->x, count * sizeof(float));
}

static int some_jumps(const void *given, Blocks *blocks) {
    const Call *call = given;
    Workspace space;
    float *memory = make_workspace(call->net, &call->packed, &space);
    if (!memory) return -1;
    for (int64_t i = 0; i < call->count; i++)
        for (int64_t here, at; at = take(blocks + i, &here), here;)
            jump_block(call->net, &space, call->routes + i, at, here);
    free(memory);
    return 0;
}

static int some_begin(const void *given, Blocks *blocks) {
    const Call *call = given;
    const Network *net = call->net;
    int64_t w = net->width;
    Workspace space;
    float *memory = make_workspace(net, &call->packed, &space);
    if (!memory) return -1;
    for (int64_t here, at; at = take(blocks, &here), here;) {
        const float *first = begin_block(net, &space, call->routes->x + at * net->dim, here);
        memcpy(call->routes->out + at * w, first, here * w * sizeof(float));
    }
    free(memory);
    return 0;
}

/* Shares the routes out, with the layers packed in floats or in whole numbers. */
static int evaluate(Work work, const Network *net, const Route *routes, int64_t count, int rounded,
                    int64_t threads) {
    Call call = {net, routes, count};
    Fixed fixed;
    Blocks blocks[count];
    for (int64_t i = 0; i < count; i++)
        blocks[i] = (Blocks){.rows = routes[i].rows, .block = BLOCK};
    if (rounded) call.packed.fixed = &fixed;
    float *memory = rounded ? pack_whole(net, &fixed) : pack_floats(net, &call.packed);
    int result = memory ? share_all(work, &call, blocks, count, threads) : -1;
    free(memory);
    return result;
}

/* What the first layer makes of positions x (rows, dim), times and bias left out: (rows, width). */
EXPORT int network_begin(const Network *net, const float *x, int64_t rows, float *out,
                         int64_t threads) {
    Route route = {.x = x, .rows = rows, .out = out};
    return evaluate(some_begin, net, &route, 1, 0, threads);
}

INLINE float dot(const float *a, const float *b, int64_t count) {
    Floats left = zeros(), right = zeros();
    for (int64_t i = 0; i < count; i += PANEL) {
        left += load(a + i) * load(b + i);
        right += load(a + i + LANES) * load(b + i + LANES);
    }
    return sum(left + right);
}

/* What the first layer makes of times and classes, bias included: (rows, width). For few rows, one by
   one: a row's sums don't depend on the others. */
EXPORT int network_told(const Network *net, Told told, int64_t rows, float *out) {
    int64_t w = net->width, inputs = inputs_of(net), column = given_of(net), longest = 0;
    const Layer *first = net->layers;
    for (int64_t j = 0; j < net->embedded; j++)
        longest = net->embeddings[j].size > longest ? net->embeddings[j].size : longest;
    float *memory = floats(2 * longest + embedders_memory(net));
    if (!memory) return -1;
    float *bent = memory, *embedding = bent + longest;
    Embedder embedders[MOST_EMBEDDINGS];
    make_embedders(net, embedders, embedding + longest);
    for (int64_t i = 0; i < rows; i++) memcpy(out + i * w, first->bias, w * sizeof(float));
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        int64_t e = of->size;
        for (int64_t i = 0; i < rows; i++) {
            embed(embedders + j, told[j] + i * of->inputs, 1, bent, e);
            for (int64_t c = 0; c < e; c++)
                embedding[c] = dot(of->weight_out + c * e, bent, e) + of->bias_out[c];
            for (int64_t c = 0; c < w; c++)
                out[i * w + c] += dot(first->weight + c * inputs + column, embedding, e);
        }
        column += e;
    }
    free(memory);
    return 0;
}

/* Outputs (rows, outputs) at positions x (rows, dim); told and told_ld as `block_at` has them. */
EXPORT int network_at(const Network *net, const float *x, int64_t rows, const float *told,
                      int64_t told_ld, float *out, int64_t threads) {
    Route route = {.x = x, .rows = rows, .told = told, .told_ld = told_ld, .out = out};
    return evaluate(some_at, net, &route, 1, 0, threads);
}

/* Where points of several routes, x (rows, dim) of each, are after jumps x += gap output, of as many
   outputs as dim: a block makes all of its jumps in a core's own caches.

   begun: (rows, width), what `network_begin` made of x, or NULL. told: (jumps, width), what the
   first layer makes of each jump's times, bias included. gaps: (jumps). rounded: whether products
   are made in whole numbers of 16 bits, see fixed.h. */
EXPORT int network_jumps(const Network *net, const Route *routes, int64_t count, int64_t rounded,
                         int64_t threads) {
    return evaluate(some_jumps, net, routes, count, rounded != 0, threads);
}
