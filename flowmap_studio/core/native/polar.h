/* The polar factors of matrices by odd polynomials, see `core.optimisers`; a part of network.c.

   All that is multiplied is a polynomial of the same Gram matrix. Exactly, the products would be
   symmetric and the same in any order; rounding must not be mirrored or put in another order, for
   what a matrix of low rank lacks the polynomials enlarge a thousandfold. */

/* to (size, size) = a b, for a (size, size) and packed b; `size` is a multiple of PANEL. */
INLINE void square_product(const float *a, const float *b, int64_t size, const float *nothing,
                           float *to) {
    product(a, size, up_to(size, TILE), b, size, size, nothing, 0, to, size);
}

/* to (size, size) = x x', for x (size, k) and x' packed. Its sums are the same to the last bit on
   both sides of the diagonal, so that those below it are copied. */
static void gram_product(const float *x, const float *packed, int64_t k, int64_t size,
                         const float *nothing, float *to) {
    for (int64_t j = 0; j < size; j += PANEL)
        product(x, k, up_to(j + PANEL, TILE), packed + j * k, k, PANEL, nothing, 0, to + j, size);
    for (int64_t i = LANES; i < size; i += LANES)
        for (int64_t j = 0; j < i; j += LANES)
            turn(to + j * size + i, size, LANES, LANES, to + i * size + j, size, 0);
}

/* Polynomials a X + b (X X') X + c (X X')^2 X, one after the other: their matrix, from X X'.

   gram is used up. factor, whole, other: to work in, as `gram` of whole tiles of rows. */
static float *polynomials(float *gram, int64_t size, const float *abc, int64_t count,
                          float *factor, float *whole, float *other, float *packed,
                          const float *nothing) {
    for (int64_t at = 0; at < count; at++, abc += 3) {
        pack(gram, size, size, size, packed);
        square_product(gram, packed, size, nothing, factor);
        for (int64_t i = 0; i < size * size; i += LANES)
            store(factor + i, abc[2] * load(factor + i) + abc[1] * load(gram + i));
        for (int64_t i = 0; i < size; i++) factor[i * size + i] += abc[0];
        pack(factor, size, size, size, packed);
        if (at == 0)
            memcpy(whole, factor, size * size * sizeof(float));
        else {
            square_product(whole, packed, size, nothing, other);
            float *swapped = whole;
            whole = other;
            other = swapped;
        }
        if (at < count - 1) {
            square_product(gram, packed, size, nothing, other);
            square_product(other, packed, size, nothing, gram);
        }
    }
    return whole;
}

typedef struct {
    const float *abc; /* (count, 3) coefficients of the polynomials */
    int64_t count;
    int64_t rows;  /* of a block; a multiple of PANEL */
    float margin;  /* the size is multiplied by it, so that rounding lifts no value above 1 */
    float ahead;   /* share of the momentum in what is followed; the gradient has the rest */
    float size;    /* root mean square of a step, in learning rates */
} Orthogonal;

/* Floats that `orthogonal_step` works in. */
static int64_t orthogonal_memory(int64_t columns, const Orthogonal *how) {
    int64_t size = how->rows, tall = up_to(size, TILE), wide = up_to(columns, PANEL);
    return 4 * tall * size + size + tall * wide + size * wide + size * size;
}

/* (rows, columns) what is followed, with rows of `wide` floats; returns its size. */
static float followed(const float *gradient, const float *momentum, int64_t rows, int64_t columns,
                      float ahead, float *to, int64_t wide) {
    float size = 0;
    for (int64_t i = 0; i < rows; i++, to += wide, gradient += columns, momentum += columns) {
        Floats squares = zeros();
        int64_t c = 0;
        for (; c + LANES <= columns; c += LANES) {
            Floats slope = load(gradient + c);
            Floats x = slope + ahead * (load(momentum + c) - slope);
            store(to + c, x);
            squares += x * x;
        }
        size += sum(squares);
        for (; c < columns; c++) {
            to[c] = gradient[c] + ahead * (momentum[c] - gradient[c]);
            size += to[c] * to[c];
        }
    }
    return sqrtf(size);
}

/* A step of a matrix (rows, columns) against the polar factor of its momentum, block by block.

   shrink: what its weights are multiplied by. rate: of learning. */
static void orthogonal_step(float *weight, const float *gradient, const float *momentum,
                            int64_t rows, int64_t columns, const Orthogonal *how, float shrink,
                            float rate, float *memory) {
    int64_t size = how->rows, tall = up_to(size, TILE), wide = up_to(columns, PANEL);
    int64_t square = tall * size;
    float step = rate * how->size * sqrtf(columns);
    float *gram = memory, *factor = gram + square, *whole = factor + square;
    float *other = whole + square, *nothing = other + square, *unit = nothing + size;
    float *packed = unit + tall * wide, *packed_square = packed + size * wide;
    memset(memory, 0, (4 * square + size) * sizeof(float)); /* tiles read more rows */
    for (int64_t at = 0; at < rows; at += size) {
        int64_t here = least(size, rows - at), place = at * columns;
        memset(unit, 0, tall * wide * sizeof(float));
        float length = followed(gradient + place, momentum + place, here, columns, how->ahead,
                                unit, wide);
        float scale = 1.0f / (how->margin * length + 1e-30f);
        for (int64_t i = 0; i < here * wide; i += LANES) store(unit + i, scale * load(unit + i));
        pack_transposed(unit, wide, size, wide, packed);
        gram_product(unit, packed, wide, size, nothing, gram);
        float *bring = polynomials(gram, size, how->abc, how->count, factor, whole, other,
                                   packed_square, nothing);
        pack(unit, wide, size, wide, packed);
        for (int64_t j = 0; j < wide; j += PANEL) /* `nothing` is `size` long */
            product(bring, size, tall, packed + j * size, size, PANEL, nothing, 0, unit + j, wide);
        for (int64_t i = 0; i < here; i++)
            for (int64_t c = 0; c < columns; c++) {
                int64_t to = place + i * columns + c;
                weight[to] = shrink * weight[to] - step * unit[i * wide + c];
            }
    }
}
