/* Outputs and jumps without derivatives; a part of network.c. */

/* What evaluations without derivatives work in. */
typedef struct {
    float *features, *h, *other, *first, *x, *raw; /* each of a block; first: (BLOCK, width) */
    float *packed, *nothing;                       /* layers; (width) zeros */
    int64_t ld;                                    /* of the features */
} Workspace;

static float *make_workspace(const Network *net, Workspace *space) {
    int64_t w = net->width, k = given_of(net), ld = up_to(k, LANES), block = BLOCK * w;
    float *memory = floats(BLOCK * (ld + net->dim + net->outputs) + 3 * block + k * w +
                           later_size(net) + w);
    if (!memory) return NULL;
    *space = (Workspace){.features = memory, .ld = ld};
    space->h = space->features + BLOCK * ld;
    space->other = space->h + block;
    space->first = space->other + block;
    space->packed = space->first + block;
    space->nothing = space->packed + k * w + later_size(net);
    space->x = space->nothing + w;
    space->raw = space->x + BLOCK * net->dim;
    memset(memory, 0, BLOCK * ld * sizeof(float));
    memset(space->nothing, 0, w * sizeof(float));
    pack_transposed(net->layers[0].weight, inputs_of(net), w, k, space->packed);
    pack_later(net, space->packed + k * w);
    return memory;
}

/* What the first layer makes of positions x (rows, dim) of a block, times and bias left out. */
static const float *begin_block(const Network *net, const Workspace *space, const float *x,
                                int64_t rows) {
    int64_t w = net->width;
    position_features(net, x, rows, space->features, space->ld);
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
    hidden(net, space->packed, space->features, space->ld, given_of(net), rows, begun, told,
           told_ld, space->h, space->other, NULL, 0);
    read_out(net, space->h, rows, out);
}

typedef struct {
    const Network *net;
    const float *x, *begun, *told, *gaps;
    int64_t told_ld, jumps;
    float *out;
} Call;

static int some_at(const void *given, Blocks *blocks) {
    const Call *call = given;
    const Network *net = call->net;
    Workspace space;
    float *memory = make_workspace(net, &space);
    if (!memory) return -1;
    for (int64_t at; (at = take(blocks)) < blocks->rows;) {
        int64_t here = least(BLOCK, blocks->rows - at);
        const float *told = call->told + at * call->told_ld;
        if (call->told_ld && here < BLOCK)
            told = memcpy(space.first, told, here * net->width * sizeof(float));
        block_at(net, &space, call->x + at * net->dim, here, NULL, told, call->told_ld,
                 call->out + at * net->outputs);
    }
    free(memory);
    return 0;
}

static int some_jumps(const void *given, Blocks *blocks) {
    const Call *call = given;
    const Network *net = call->net;
    int64_t dim = net->dim;
    Workspace space;
    float *memory = make_workspace(net, &space);
    if (!memory) return -1;
    for (int64_t at; (at = take(blocks)) < blocks->rows;) {
        int64_t here = least(blocks->block, blocks->rows - at), count = here * dim;
        memcpy(space.x, call->x + at * dim, count * sizeof(float));
        for (int64_t j = 0; j < call->jumps; j++) {
            /* Added up in one order, whether it is kept or not: the ends are the same. */
            const float *begun = j || !call->begun ? begin_block(net, &space, space.x, here)
                                                   : call->begun + at * net->width;
            block_at(net, &space, space.x, here, begun, call->told + j * net->width, 0, space.raw);
            for (int64_t i = 0; i < count; i++) space.x[i] += call->gaps[j] * space.raw[i];
        }
        memcpy(call->out + at * dim, space.x, count * sizeof(float));
    }
    free(memory);
    return 0;
}

static int some_begin(const void *given, Blocks *blocks) {
    const Call *call = given;
    const Network *net = call->net;
    int64_t w = net->width;
    Workspace space;
    float *memory = make_workspace(net, &space);
    if (!memory) return -1;
    for (int64_t at; (at = take(blocks)) < blocks->rows;) {
        int64_t here = least(BLOCK, blocks->rows - at);
        const float *first = begin_block(net, &space, call->x + at * net->dim, here);
        memcpy(call->out + at * w, first, here * w * sizeof(float));
    }
    free(memory);
    return 0;
}

/* What the first layer makes of positions x (rows, dim), times and bias left out: (rows, width). */
EXPORT int network_begin(const Network *net, const float *x, int64_t rows, float *out,
                         int64_t threads) {
    Call call = {.net = net, .x = x, .out = out};
    return share_out(some_begin, &call, rows, BLOCK, threads);
}

/* Outputs (rows, outputs) at positions x (rows, dim); told and told_ld as `block_at` has them. */
EXPORT int network_at(const Network *net, const float *x, int64_t rows, const float *told,
                      int64_t told_ld, float *out, int64_t threads) {
    Call call = {.net = net, .x = x, .told = told, .told_ld = told_ld, .out = out};
    return share_out(some_at, &call, rows, BLOCK, threads);
}

/* Where points x (rows, dim) are after jumps x += gap output, of as many outputs as dim: a block
   makes all of its jumps in a core's own caches.

   begun: (rows, width), what `network_begin` made of x, or NULL. told: (jumps, width), what the
   first layer makes of each jump's times, bias included. gaps: (jumps). */
EXPORT int network_jumps(const Network *net, const float *x, int64_t rows, const float *begun,
                         const float *told, const float *gaps, int64_t jumps, float *out,
                         int64_t threads) {
    Call call = {net, x, begun, told, gaps, .jumps = jumps, .out = out};
    return share_out(some_jumps, &call, rows, even_block(rows, threads, BLOCK), threads);
}
