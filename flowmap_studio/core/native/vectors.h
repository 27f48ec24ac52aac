/* Vectors of LANES floats, and the functions of them that a network needs.

   The library is compiled once for each kind of vectors, see sources.py. What the compilers have
   operators for is written with them; a * b + c becomes one rounding. What they have none for is
   in lanes_8.h (AVX2) and lanes_16.h (AVX-512). */
#pragma once

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))
#define UNROLL _Pragma("GCC unroll 16")
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef float Anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE Floats load(const float *from) { return *(const Anywhere *)from; }
INLINE void store(float *to, Floats x) { *(Anywhere *)to = x; }
INLINE void add_to(float *to, Floats x) { store(to, load(to) + x); }
INLINE Floats all(float x) { return x - (Floats){0}; }
INLINE Floats zeros(void) { return (Floats){0}; }

INLINE Floats choose(Ints where, Floats a, Floats b) {
    return (Floats)(((Ints)a & where) | ((Ints)b & ~where));
}

#ifdef __AVX512F__
#include "lanes_16.h"
#else
#include "lanes_8.h"
#endif

/* Added to a number below 2^22 it leaves no bits for fractions: the nearest whole number is what
   is left above it, and the number's last bits are that number's. */
static const float WHOLE = 12582912.0f;

/* 2^power to some 1e-7 of itself, for powers from -126 to 127: 2^n 2^f, and Cephes' polynomial for
   2^f, |f| <= 1/2; to some 1e-5 roughly, without the polynomial's last terms. */
INLINE Floats two_to(Floats power, int roughly) {
    Floats n = power + WHOLE, f = power - (n - WHOLE), p = zeros() + 9.618437357674640e-3f;
    if (!roughly) p = (f * 1.535336188319500e-4f + 1.339887440266574e-3f) * f + p;
    p = p * f + 5.550332471162809e-2f;
    p = p * f + 2.402264791363012e-1f;
    p = p * f + 6.931472028550421e-1f;
    p = p * f + 1.0f;
    return (Floats)((Ints)p + ((Ints)n << 23));
}

/* e^x; what is beyond e^87 on either side is that. */
INLINE Floats exponential(Floats x) {
    return two_to(between(x * 1.44269504088896341f, -126.0f, 127.0f), 0);
}

/* 1 / (1 + e^-x) to some 1e-6 of itself, or to some 1e-5 roughly. */
INLINE Floats sigmoid_to(Floats x, int roughly) {
    Floats power = between(x * -1.44269504088896341f, -126.0f, 127.0f);
    return 1.0f / (1.0f + two_to(power, roughly));
}

INLINE Floats sigmoid(Floats x) { return sigmoid_to(x, 0); }

/* Beyond that, sines and cosines are the C library's. */
static const float FAR = 8192.0f;

/* Sines and cosines to some 1e-7: Cephes' polynomials on an eighth of the circle. */
INLINE void sine_cosine(Floats x, Floats *sine, Floats *cosine) {
    Ints far = (x > FAR) | (x < -FAR);
    if (__builtin_expect(any(far), 0)) {
        for (int i = 0; i < LANES; i++) {
            (*sine)[i] = sinf(x[i]);
            (*cosine)[i] = cosf(x[i]);
        }
        return;
    }
    Floats n = x * 0.63661977236758134f + WHOLE;
    Ints quarter = (Ints)n;
    n = n - WHOLE;
    /* pi/2 in three parts, of which the first two have few digits */
    Floats r = x - n * 1.5703125f;
    r = r - n * 4.837512969970703125e-4f;
    r = r - n * 7.54978995489188e-8f;
    Floats square = r * r;
    Floats s = square * -1.9515295891e-4f + 8.3321608736e-3f;
    s = s * square - 1.6666654611e-1f;
    s = s * square * r + r;
    Floats c = square * 2.443315711809948e-5f - 1.388731625493765e-3f;
    c = c * square + 4.166664568298827e-2f;
    c = c * square * square + (1.0f - 0.5f * square);
    Ints odd = (quarter & 1) != 0;
    *sine = (Floats)((Ints)choose(odd, c, s) ^ ((quarter & 2) << 30));
    *cosine = (Floats)((Ints)choose(odd, s, c) ^ (((quarter + 1) & 2) << 30));
}
