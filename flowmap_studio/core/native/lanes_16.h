/* Vectors of sixteen floats by AVX-512 with VNNI; a part of vectors.h. */

/* Rows of a product whose sums, of two vectors each, stay in thirty-two registers. */
#define TILE 12

INLINE Floats between(Floats x, float low, float high) {
    return (Floats)_mm512_max_ps(_mm512_min_ps((__m512)x, (__m512)all(high)), (__m512)all(low));
}

INLINE float sum(Floats x) { return _mm512_reduce_add_ps((__m512)x); }

INLINE Floats square_root(Floats x) { return (Floats)_mm512_sqrt_ps((__m512)x); }

INLINE int any(Ints where) { return _mm512_test_epi32_mask((__m512i)where, (__m512i)where) != 0; }

/* LANES rows of LANES, transposed: the lanes change places with the rows. */
INLINE void transpose_lanes(const float *from, int64_t ld, Floats to[LANES]) {
    __m512 a[LANES], b[LANES];
    UNROLL for (int i = 0; i < LANES; i++) a[i] = (__m512)load(from + i * ld);
    UNROLL for (int i = 0; i < LANES; i += 2) {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
    UNROLL for (int i = 0; i < LANES; i += 4) /* quarter q of a[i + c]: column 4 q + c, rows i on */
        UNROLL for (int j = 0; j < 2; j++) {
            a[i + 2 * j] = _mm512_shuffle_ps(b[i + j], b[i + j + 2], 0x44);
            a[i + 2 * j + 1] = _mm512_shuffle_ps(b[i + j], b[i + j + 2], 0xEE);
        }
    UNROLL for (int c = 0; c < 4; c++) {
        __m512 even = _mm512_shuffle_f32x4(a[c], a[c + 4], 0x88);
        __m512 odd = _mm512_shuffle_f32x4(a[c], a[c + 4], 0xDD);
        __m512 even_below = _mm512_shuffle_f32x4(a[c + 8], a[c + 12], 0x88);
        __m512 odd_below = _mm512_shuffle_f32x4(a[c + 8], a[c + 12], 0xDD);
        to[c] = (Floats)_mm512_shuffle_f32x4(even, even_below, 0x88);
        to[c + 4] = (Floats)_mm512_shuffle_f32x4(odd, odd_below, 0x88);
        to[c + 8] = (Floats)_mm512_shuffle_f32x4(even, even_below, 0xDD);
        to[c + 12] = (Floats)_mm512_shuffle_f32x4(odd, odd_below, 0xDD);
    }
}

/* Whole numbers: LANES of 32 bits, or twice as many of 16. */
typedef __m512i Whole;

INLINE Whole load_whole(const int16_t *from) { return _mm512_loadu_si512(from); }
INLINE Floats from_whole(Whole x) { return (Floats)_mm512_cvtepi32_ps(x); }
INLINE Whole larger(Whole a, Whole b) { return _mm512_max_epi32(a, b); }
INLINE int32_t largest_of(Whole x) { return _mm512_reduce_max_epi32(x); }

/* The nearest whole numbers of two vectors, one after the other. */
INLINE void store_whole(int16_t *to, Floats left, Floats right) {
    __m512i low = _mm512_cvtps_epi32((__m512)left), high = _mm512_cvtps_epi32((__m512)right);
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtsepi32_epi16(low));
    _mm256_storeu_si256((__m256i *)(to + LANES), _mm512_cvtsepi32_epi16(high));
}

/* sums += pair times left and right, where `pair` points to two activations.

   In the assembler's words, as for eight lanes. */
INLINE void add_pair(const int16_t *pair, Whole left, Whole right, Whole sums[2]) {
    __m512i factor;
    __asm__("vpbroadcastd %3, %2\n\t"
            "vpdpwssd %4, %2, %0\n\t"
            "vpdpwssd %5, %2, %1"
            : "+&v"(sums[0]), "+&v"(sums[1]), "=&v"(factor)
            : "m"(*(const int16_t(*)[2])pair), "v"(left), "v"(right));
}
