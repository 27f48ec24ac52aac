/* Vectors of eight floats by AVX2; a part of vectors.h. */

/* Rows of a product whose sums, of two vectors each, stay in sixteen registers. */
#define TILE 6

INLINE Floats between(Floats x, float low, float high) {
    return (Floats)_mm256_max_ps(_mm256_min_ps((__m256)x, (__m256)all(high)), (__m256)all(low));
}

INLINE float sum(Floats x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE Floats square_root(Floats x) { return (Floats)_mm256_sqrt_ps((__m256)x); }

INLINE int any(Ints where) { return !_mm256_testz_si256((__m256i)where, (__m256i)where); }

/* LANES rows of LANES, transposed: the lanes change places with the rows. */
INLINE void transpose_lanes(const float *from, int64_t ld, Floats to[LANES]) {
    __m256 a[LANES], b[LANES];
    UNROLL for (int i = 0; i < LANES; i++) a[i] = (__m256)load(from + i * ld);
    UNROLL for (int i = 0; i < LANES; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    UNROLL for (int i = 0; i < LANES; i += 4)
        UNROLL for (int j = 0; j < 2; j++) {
            a[i + 2 * j] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0x44);
            a[i + 2 * j + 1] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0xEE);
        }
    UNROLL for (int i = 0; i < 4; i++) {
        to[i] = (Floats)_mm256_permute2f128_ps(a[i], a[i + 4], 0x20);
        to[i + 4] = (Floats)_mm256_permute2f128_ps(a[i], a[i + 4], 0x31);
    }
}

/* Whole numbers: LANES of 32 bits, or twice as many of 16. */
typedef __m256i Whole;

INLINE Whole load_whole(const int16_t *from) { return _mm256_loadu_si256((const __m256i *)from); }
INLINE Floats from_whole(Whole x) { return (Floats)_mm256_cvtepi32_ps(x); }
INLINE Whole larger(Whole a, Whole b) { return _mm256_max_epi32(a, b); }

INLINE int32_t largest_of(Whole x) {
    Ints lanes = (Ints)x;
    int32_t found = lanes[0];
    for (int lane = 1; lane < LANES; lane++) found = lanes[lane] > found ? lanes[lane] : found;
    return found;
}

/* The nearest whole numbers of two vectors, one after the other. */
INLINE void store_whole(int16_t *to, Floats left, Floats right) {
    __m256i low = _mm256_cvtps_epi32((__m256)left), high = _mm256_cvtps_epi32((__m256)right);
    __m256i mixed = _mm256_packs_epi32(low, high); /* by halves of a vector */
    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(mixed, 0xd8));
}

/* sums += pair times left and right, where `pair` points to two activations.

   In the assembler's words: compilers move the sums out of the registers and back. */
INLINE void add_pair(const int16_t *pair, Whole left, Whole right, Whole sums[2]) {
    __m256i by_right, by_left;
    __asm__("vpbroadcastd %4, %2\n\t"
            "vpmaddwd %5, %2, %3\n\t"
            "vpmaddwd %6, %2, %2\n\t"
            "vpaddd %3, %0, %0\n\t"
            "vpaddd %2, %1, %1"
            : "+x"(sums[0]), "+x"(sums[1]), "=&x"(by_right), "=&x"(by_left)
            : "m"(*(const int16_t(*)[2])pair), "x"(left), "x"(right));
}
